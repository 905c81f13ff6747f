//! The record of an event: poll(2)'s bits with the token that they belong to.

use super::kernel::{self, PollBits};
use crate::Token;

pub(crate) use super::kernel::Bits;

/// What makes a source ready whatever it was registered for.
pub(crate) const CLOSED: Bits = libc::POLLHUP | libc::POLLERR;

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(super) token: Token,
    pub(super) bits: Bits,
}

// Most systems have them in 16 bits, and none of them is the sign.
#[allow(clippy::unnecessary_cast)]
const fn unsigned(bits: Bits) -> u32 {
    bits.unsigned_abs() as u32
}

impl PollBits for Record {
    const IN: u32 = unsigned(libc::POLLIN);
    const PRI: u32 = unsigned(kernel::PRI);
    const OUT: u32 = unsigned(libc::POLLOUT);
    const ERR: u32 = unsigned(libc::POLLERR);
    const HUP: u32 = unsigned(libc::POLLHUP);
    const RDHUP: u32 = unsigned(kernel::RDHUP);
    const PREFIX: &'static str = "POLL";

    fn bits(&self) -> u32 {
        unsigned(self.bits)
    }

    fn token(&self) -> Token {
        self.token
    }
}
