//! The system calls of this mechanism, but for waiting, which is `call`.

#[cfg(not(target_os = "horizon"))]
use std::os::fd::AsRawFd as _;

use libc::pollfd;

use crate::Interest;

pub(super) use super::call::poll;
pub(super) use crate::sys::unix::file::{identify, unread, Identity};
pub(super) use crate::sys::unix::notifier::Notifier;

/// What can't be asked for.
pub(super) const MISSING: Interest = Interest::ASYNC_IO;
/// Whether hang-ups and errors are told of what is asked for nothing.
pub(super) const TELLS_UNASKED: bool = true;

/// What is polled to learn that the table changed.
#[cfg(not(target_os = "horizon"))]
pub(super) fn notes(notifier: &Notifier) -> Option<pollfd> {
    Some(pollfd { fd: notifier.as_raw_fd(), events: libc::POLLIN, revents: 0 })
}

/// Nothing is: who waits looks for itself, see `call`.
#[cfg(target_os = "horizon")]
pub(super) fn notes(_: &Notifier) -> Option<pollfd> {
    None
}
