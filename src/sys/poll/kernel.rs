//! The system calls of this mechanism.

use std::io;
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

use libc::{nfds_t, pollfd};

use crate::sys::unix::{count, timespec};
use crate::Interest;

pub(super) use crate::sys::unix::file::{identify, unread, Identity};
pub(super) use crate::sys::unix::notifier::Notifier;

/// What can't be asked for.
pub(super) const MISSING: Interest = Interest::ASYNC_IO;
/// Whether hang-ups and errors are told of what is asked for nothing.
pub(super) const TELLS_UNASKED: bool = true;

/// Waits until one of `descriptors` has what it asks for; `None` waits for ever.
pub(super) fn poll(descriptors: &mut [pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    let timespec = timeout.map(timespec);
    let timespec = timespec.as_ref().map_or(ptr::null(), |timespec| timespec as *const libc::timespec);
    let length = nfds_t::try_from(descriptors.len()).unwrap_or(nfds_t::MAX);
    // SAFETY: the kernel reads and writes `length` structs, which are there; it reads the timespec, which lives for the
    // call, or none, and no signal mask.
    count(unsafe { libc::ppoll(descriptors.as_mut_ptr(), length, timespec, ptr::null()) })
}

/// What is polled to learn that the table changed.
pub(super) fn notes(notifier: &Notifier) -> Option<pollfd> {
    Some(pollfd { fd: notifier.as_raw_fd(), events: libc::POLLIN, revents: 0 })
}
