//! The conditions of `\Device\Afd`, the interests that ask for them, and the record of an event.
//!
//! Pure: values and tables, without a call of the system, so that every platform compiles and tests them. The numbers
//! are the `AFD_POLL_…` ones of the driver, which WinSock's `select` and `WSAPoll` stand on.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub};

use crate::sys::Readiness;
use crate::{Interest, Token};

/// A set of conditions of a socket.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub(super) struct Conditions(u16);

impl Conditions {
    pub(super) const NONE: Conditions = Conditions(0);
    /// There are bytes or datagrams.
    pub(super) const RECEIVE: Conditions = Conditions(1);
    /// There is out-of-band data.
    pub(super) const EXPEDITED: Conditions = Conditions(2);
    /// There is room to send; a connection attempt went well.
    pub(super) const SEND: Conditions = Conditions(4);
    /// The peer shut its writing half down.
    pub(super) const DISCONNECT: Conditions = Conditions(8);
    /// The peer reset the connection.
    pub(super) const ABORT: Conditions = Conditions(0x10);
    /// The last handle of the socket was closed. Comes unasked as well.
    pub(super) const LOCAL_CLOSE: Conditions = Conditions(0x20);
    /// There is a connection to accept.
    pub(super) const ACCEPT: Conditions = Conditions(0x80);
    /// A connection attempt failed.
    pub(super) const CONNECT_FAIL: Conditions = Conditions(0x100);

    /// What lets an operation that reads go on. A stream and a listener have one of the two each; which kind a socket is
    /// need not be known, so both are asked for and disarmed together.
    pub(super) const READING: Conditions = Conditions(1 | 0x80);
    /// What somebody waits for, in contrast to the ends.
    pub(super) const AWAITED: Conditions = Conditions(1 | 2 | 4 | 0x80);
    /// How a connection ends.
    pub(super) const ENDS: Conditions = Conditions(8 | 0x10 | 0x100);
    /// The ends that are reported whatever the interest.
    const UNASKED: Conditions = Conditions(0x10 | 0x100);

    const NAMES: [(Conditions, &'static str); 8] = [
        (Conditions::RECEIVE, "RECEIVE"),
        (Conditions::EXPEDITED, "RECEIVE_EXPEDITED"),
        (Conditions::SEND, "SEND"),
        (Conditions::DISCONNECT, "DISCONNECT"),
        (Conditions::ABORT, "ABORT"),
        (Conditions::LOCAL_CLOSE, "LOCAL_CLOSE"),
        (Conditions::ACCEPT, "ACCEPT"),
        (Conditions::CONNECT_FAIL, "CONNECT_FAIL"),
    ];

    /// The conditions of a number that the kernel wrote. What has no name here was not asked for, and is dropped.
    pub(super) fn from_bits(bits: u32) -> Conditions {
        let known = Conditions::NAMES.iter().fold(Conditions::NONE, |all, (one, _)| all | *one);
        // The mask leaves nothing above 16 bits.
        #[allow(clippy::cast_possible_truncation)]
        let bits = (bits & u32::from(known.0)) as u16;
        Conditions(bits)
    }

    /// The number that the kernel reads.
    pub(super) fn bits(self) -> u32 {
        u32::from(self.0)
    }

    /// All that a registration with `interest` watches, with the ends that come unasked.
    pub(super) fn of(interest: Interest) -> Conditions {
        Conditions::direction(interest) | Conditions::UNASKED
    }

    /// What an operation of `direction` may wait for.
    pub(super) fn direction(direction: Interest) -> Conditions {
        let mut conditions = Conditions::NONE;
        if direction.is_readable() {
            conditions |= Conditions::READING | Conditions::DISCONNECT;
        }
        if direction.is_writable() {
            conditions |= Conditions::SEND;
        }
        if direction.is_priority() {
            conditions |= Conditions::EXPEDITED;
        }
        conditions
    }

    pub(super) fn is_none(self) -> bool {
        self == Conditions::NONE
    }

    pub(super) fn contains(self, other: Conditions) -> bool {
        self & other == other
    }

    pub(super) fn intersects(self, other: Conditions) -> bool {
        !(self & other).is_none()
    }
}

impl BitOr for Conditions {
    type Output = Conditions;

    fn bitor(self, other: Conditions) -> Conditions {
        Conditions(self.0 | other.0)
    }
}

impl BitOrAssign for Conditions {
    fn bitor_assign(&mut self, other: Conditions) {
        *self = *self | other;
    }
}

impl BitAnd for Conditions {
    type Output = Conditions;

    fn bitand(self, other: Conditions) -> Conditions {
        Conditions(self.0 & other.0)
    }
}

/// What is left without the others.
impl Sub for Conditions {
    type Output = Conditions;

    fn sub(self, other: Conditions) -> Conditions {
        Conditions(self.0 & !other.0)
    }
}

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (condition, name) in Conditions::NAMES {
            if self.intersects(condition) {
                write!(f, "{separator}{name}")?;
                separator = " | ";
            }
        }
        if separator.is_empty() {
            f.write_str("none")?;
        }
        Ok(())
    }
}

/// What an event answers when asked.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) struct Said(u8);

impl Said {
    pub(super) const NOTHING: Said = Said(0);
    pub(super) const READABLE: Said = Said(1);
    pub(super) const WRITABLE: Said = Said(2);
    pub(super) const ERROR: Said = Said(4);
    pub(super) const READ_CLOSED: Said = Said(8);
    pub(super) const WRITE_CLOSED: Said = Said(0x10);
    pub(super) const PRIORITY: Said = Said(0x20);

    fn has(self, other: Said) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Said {
    type Output = Said;

    fn bitor(self, other: Said) -> Said {
        Said(self.0 | other.0)
    }
}

impl BitOrAssign for Said {
    fn bitor_assign(&mut self, other: Said) {
        *self = *self | other;
    }
}

/// The record of an event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    token: Token,
    said: Said,
    /// What the driver gave, for `Debug` alone; nothing for pipes and wakers.
    conditions: Conditions,
}

impl Event {
    /// An event of a source that is no socket: what it says is known without the driver.
    pub(super) fn new(token: Token, said: Said) -> Event {
        Event { token, said, conditions: Conditions::NONE }
    }

    /// The event of a socket whose registration watches `wanted`, when `fresh` came.
    pub(super) fn of_socket(token: Token, fresh: Conditions, wanted: Conditions) -> Event {
        let mut said = Said::NOTHING;
        let ended = fresh.intersects(Conditions::UNASKED);
        if wanted.intersects(Conditions::READING)
            && (ended || fresh.intersects(Conditions::READING | Conditions::DISCONNECT))
        {
            said |= Said::READABLE;
        }
        if fresh.intersects(Conditions::EXPEDITED) {
            said |= Said::READABLE | Said::PRIORITY;
        }
        if wanted.intersects(Conditions::SEND) && (ended || fresh.intersects(Conditions::SEND)) {
            said |= Said::WRITABLE;
        }
        if fresh.intersects(Conditions::DISCONNECT) {
            said |= Said::READ_CLOSED;
        }
        if ended {
            said |= Said::ERROR | Said::READ_CLOSED | Said::WRITE_CLOSED;
        }
        Event { token, said, conditions: fresh }
    }

    /// The event of a socket that the kernel would not poll: whatever the user tries next tells why.
    pub(super) fn of_failure(token: Token, wanted: Conditions) -> Event {
        let mut said = Said::ERROR;
        if wanted.intersects(Conditions::READING) {
            said |= Said::READABLE;
        }
        if wanted.intersects(Conditions::SEND) {
            said |= Said::WRITABLE;
        }
        Event { token, said, conditions: Conditions::NONE }
    }
}

impl Readiness for Event {
    #[inline]
    fn token(&self) -> Token {
        self.token
    }

    #[inline]
    fn is_readable(&self) -> bool {
        self.said.has(Said::READABLE)
    }

    #[inline]
    fn is_writable(&self) -> bool {
        self.said.has(Said::WRITABLE)
    }

    #[inline]
    fn is_error(&self) -> bool {
        self.said.has(Said::ERROR)
    }

    #[inline]
    fn is_read_closed(&self) -> bool {
        self.said.has(Said::READ_CLOSED)
    }

    #[inline]
    fn is_write_closed(&self) -> bool {
        self.said.has(Said::WRITE_CLOSED)
    }

    #[inline]
    fn is_priority(&self) -> bool {
        self.said.has(Said::PRIORITY)
    }

    fn details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AFD_POLL {:?}", self.conditions)
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type C = Conditions;

    const READ: Interest = Interest::READABLE;
    const WRITE: Interest = Interest::WRITABLE;
    const BOTH: Interest = READ.add(WRITE);

    #[test]
    fn what_an_event_says_follows_from_conditions_and_interest() {
        // fresh, interest: readable, writable, error, read closed, write closed, priority
        for (fresh, interest, expected) in [
            (C::RECEIVE, READ, [true, false, false, false, false, false]),
            (C::ACCEPT, READ, [true, false, false, false, false, false]),
            (C::SEND, WRITE, [false, true, false, false, false, false]),
            (C::SEND | C::RECEIVE, BOTH, [true, true, false, false, false, false]),
            (C::DISCONNECT, BOTH, [true, false, false, true, false, false]),
            (C::RECEIVE | C::DISCONNECT, READ, [true, false, false, true, false, false]),
            (C::ABORT, BOTH, [true, true, true, true, true, false]),
            (C::ABORT, READ, [true, false, true, true, true, false]),
            (C::ABORT, WRITE, [false, true, true, true, true, false]),
            (C::CONNECT_FAIL, WRITE, [false, true, true, true, true, false]),
            (C::EXPEDITED, Interest::PRIORITY, [true, false, false, false, false, true]),
        ] {
            let event = Event::of_socket(Token(7), fresh, C::of(interest));
            let said = [
                event.is_readable(),
                event.is_writable(),
                event.is_error(),
                event.is_read_closed(),
                event.is_write_closed(),
                event.is_priority(),
            ];
            assert_eq!((event.token(), said), (Token(7), expected), "{fresh:?} for {interest:?}");
        }
    }

    #[test]
    fn details_name_the_conditions() {
        struct Details(Event);
        impl fmt::Display for Details {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.details(f)
            }
        }
        let event = Event::of_socket(Token(7), C::RECEIVE | C::ABORT, C::of(READ));
        assert_eq!(Details(event).to_string(), "AFD_POLL RECEIVE | ABORT");
        assert_eq!(format!("{:?}", Said::READABLE), format!("{:#x}", Said::READABLE.0));
    }

    #[test]
    fn a_failure_is_told_in_every_direction_that_is_waited_for() {
        let event = Event::of_failure(Token(7), C::of(WRITE));
        assert!(event.is_error() && event.is_writable() && !event.is_readable());
        let event = Event::of_failure(Token(7), C::of(READ));
        assert!(event.is_error() && event.is_readable() && !event.is_writable());
    }

    #[test]
    fn an_interest_asks_for_its_direction_and_the_ends() {
        assert_eq!(C::of(READ), C::RECEIVE | C::ACCEPT | C::DISCONNECT | C::ABORT | C::CONNECT_FAIL);
        assert_eq!(C::of(WRITE), C::SEND | C::ABORT | C::CONNECT_FAIL);
        assert_eq!(C::of(Interest::PRIORITY), C::EXPEDITED | C::ABORT | C::CONNECT_FAIL);
        assert_eq!(C::direction(BOTH), C::READING | C::DISCONNECT | C::SEND);
    }

    #[test]
    fn numbers_are_those_of_the_driver() {
        assert_eq!((C::RECEIVE | C::SEND | C::CONNECT_FAIL).bits(), 0x105);
        assert_eq!(C::from_bits(0xFFFF_FFFF).bits(), 0x1BF);
        assert_eq!(C::from_bits(0x40), C::NONE);
        assert_eq!(format!("{:?}", C::RECEIVE | C::ABORT), "RECEIVE | ABORT");
        assert_eq!(format!("{:?}", C::NONE), "none");
    }
}
