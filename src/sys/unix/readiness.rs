//! What the bits of epoll and poll(2) mean. Both mechanisms use the same set; the values may differ per system.

use std::fmt;

use crate::sys::Readiness;
use crate::Token;

/// A record that says its readiness in the bits of epoll or poll(2).
pub(crate) trait PollBits {
    const IN: u32;
    const PRI: u32;
    const OUT: u32;
    const ERR: u32;
    const HUP: u32;
    const RDHUP: u32;
    /// How the names of these bits begin in the manual.
    const PREFIX: &'static str;

    fn bits(&self) -> u32;
    fn token(&self) -> Token;
}

impl<T: PollBits> Readiness for T {
    #[inline]
    fn token(&self) -> Token {
        PollBits::token(self)
    }

    #[inline]
    fn is_readable(&self) -> bool {
        self.bits() & (T::IN | T::PRI) != 0
    }

    #[inline]
    fn is_writable(&self) -> bool {
        self.bits() & T::OUT != 0
    }

    #[inline]
    fn is_error(&self) -> bool {
        self.bits() & T::ERR != 0
    }

    #[inline]
    fn is_read_closed(&self) -> bool {
        // RDHUP: the peer closed its writing half. HUP: both halves are closed, or the writers of a pipe are gone.
        self.bits() & (T::HUP | T::RDHUP) != 0
    }

    #[inline]
    fn is_write_closed(&self) -> bool {
        let bits = self.bits();
        // A pipe whose readers are gone says ERR, with OUT when there is room and alone when there is none (poll(2)).
        bits & T::HUP != 0 || bits & (T::OUT | T::ERR) == T::OUT | T::ERR || bits == T::ERR
    }

    #[inline]
    fn is_priority(&self) -> bool {
        self.bits() & T::PRI != 0
    }

    fn details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            [(T::IN, "IN"), (T::PRI, "PRI"), (T::OUT, "OUT"), (T::ERR, "ERR"), (T::HUP, "HUP"), (T::RDHUP, "RDHUP")];
        let mut rest = self.bits();
        let mut separator = "";
        for (bit, name) in names {
            if rest & bit != 0 {
                write!(f, "{separator}{}{name}", T::PREFIX)?;
                separator = " | ";
                rest &= !bit;
            }
        }
        if rest != 0 || separator.is_empty() {
            write!(f, "{separator}{rest:#x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bits(u32);

    impl PollBits for Bits {
        const IN: u32 = 1;
        const PRI: u32 = 2;
        const OUT: u32 = 4;
        const ERR: u32 = 8;
        const HUP: u32 = 16;
        const RDHUP: u32 = 32;
        const PREFIX: &'static str = "T";

        fn bits(&self) -> u32 {
            self.0
        }

        fn token(&self) -> Token {
            Token(0)
        }
    }

    struct Details(Bits);

    impl fmt::Display for Details {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.details(f)
        }
    }

    #[test]
    fn closed_directions_follow_from_the_bits() {
        // bits, readable, writable, error, read closed, write closed
        for (bits, expected) in [
            (Bits::IN, [true, false, false, false, false]),
            (Bits::OUT, [false, true, false, false, false]),
            (Bits::PRI, [true, false, false, false, false]),
            (Bits::IN | Bits::RDHUP, [true, false, false, true, false]),
            (Bits::HUP, [false, false, false, true, true]),
            (Bits::ERR, [false, false, true, false, true]),
            (Bits::OUT | Bits::ERR, [false, true, true, false, true]),
            (Bits::IN | Bits::ERR, [true, false, true, false, false]),
        ] {
            let event = Bits(bits);
            let got = [
                event.is_readable(),
                event.is_writable(),
                event.is_error(),
                event.is_read_closed(),
                event.is_write_closed(),
            ];
            assert_eq!(got, expected, "{}", Details(event));
        }
    }

    #[test]
    fn details_name_every_bit() {
        assert_eq!(Details(Bits(Bits::IN | Bits::RDHUP)).to_string(), "TIN | TRDHUP");
        assert_eq!(Details(Bits(Bits::OUT | 0x40)).to_string(), "TOUT | 0x40");
        assert_eq!(Details(Bits(0)).to_string(), "0x0");
    }
}
