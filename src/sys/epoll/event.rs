//! The kernel's record of an event, `struct epoll_event`.

use super::syscall::{self, Record};
use crate::sys::unix::readiness::PollBits;
use crate::sys::wakes::WakeEvent;
use crate::Token;

/// Token and conditions travel in the record itself: `data` is what was given at registration.
impl PollBits for Record {
    const IN: u32 = libc::EPOLLIN as u32;
    const PRI: u32 = libc::EPOLLPRI as u32;
    const OUT: u32 = libc::EPOLLOUT as u32;
    const ERR: u32 = libc::EPOLLERR as u32;
    const HUP: u32 = libc::EPOLLHUP as u32;
    const RDHUP: u32 = libc::EPOLLRDHUP as u32;
    const PREFIX: &'static str = "EPOLL";

    #[inline]
    fn bits(&self) -> u32 {
        self.events
    }

    #[inline]
    fn token(&self) -> Token {
        // Registered from a usize, so nothing is cut off.
        #[allow(clippy::cast_possible_truncation)]
        Token(self.u64 as usize)
    }
}

impl WakeEvent for Record {
    #[inline]
    fn of_wake(token: Token) -> Record {
        syscall::record(Self::IN, token.0 as u64)
    }
}
