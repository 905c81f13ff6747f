//! Waiting to the nanosecond, by [ppoll(2)](https://man7.org/linux/man-pages/man2/poll.2.html).

use std::io;
use std::ptr;
use std::time::Duration;

use libc::pollfd;

use super::length;
use crate::sys::unix;

/// Waits until one of `descriptors` has what it asks for; `None` waits for ever.
pub(in crate::sys::poll) fn poll(descriptors: &mut [pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    let timespec = timeout.map(unix::timespec);
    let timespec = timespec.as_ref().map_or(ptr::null(), |timespec| timespec as *const libc::timespec);
    let length = length(descriptors);
    // SAFETY: the kernel reads and writes `length` structs, which are there; it reads the timespec, which lives for the
    // call, or none, and no signal mask.
    unix::count(unsafe { libc::ppoll(descriptors.as_mut_ptr(), length, timespec, ptr::null()) })
}
