//! The system calls of this mechanism.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use super::event::Record;
use super::types::system;
use crate::sys::unix::{check, count, fill, timespec};

/// How a call counts records: a C int, but a `size_t` on NetBSD.
#[cfg(not(target_os = "netbsd"))]
type Count = libc::c_int;
#[cfg(target_os = "netbsd")]
type Count = usize;

/// A queue of the kernel.
#[derive(Debug)]
pub(super) struct Queue(OwnedFd);

impl Queue {
    /// Makes a queue, which is not inherited: children that are forked never have it (kqueue(2)), and the flag is for a
    /// program that this one becomes.
    pub(super) fn new() -> io::Result<Queue> {
        // SAFETY: takes nothing.
        let fd = check(unsafe { system::kqueue() })?;
        // SAFETY: the call made this descriptor, and nobody else has it.
        let queue = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: takes plain numbers.
        check(unsafe { libc::fcntl(queue.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) })?;
        Ok(Queue(queue))
    }

    /// Applies changes, and writes the receipt of each; there is room for them all.
    pub(super) fn apply(&self, changes: &[Record], receipts: &mut [Record]) -> io::Result<()> {
        let length = count_of(changes.len().min(receipts.len()));
        let (list, room) = (changes.as_ptr().cast::<system::kevent>(), receipts.as_mut_ptr().cast::<system::kevent>());
        let now = timespec(Duration::ZERO);
        // SAFETY: the kernel reads `length` records and writes at most as many, and both lists have them. A record is what
        // the kernel's is, and the timespec lives for the call.
        check(unsafe { system::kevent(self.0.as_raw_fd(), list, length, room, length, &now) }).map(drop)
    }

    /// Waits into the spare capacity of `events`; `None` is without an end.
    #[inline]
    pub(super) fn wait(&self, events: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
        let timespec = timeout.map(timespec);
        let timespec = timespec.as_ref().map_or(ptr::null(), |timespec| timespec as *const libc::timespec);
        fill(events, |room, capacity| {
            let (list, room) = (ptr::null(), room.cast::<system::kevent>());
            // SAFETY: the kernel writes at most `capacity` records, and there is room for them, each of which is what the
            // kernel's is; it reads no changes, and a timespec that lives for the call or none.
            count(unsafe { system::kevent(self.0.as_raw_fd(), list, 0, room, count_of(capacity), timespec) })
        })
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A number of records as a call counts them, or as many as it can.
fn count_of(records: usize) -> Count {
    Count::try_from(records).unwrap_or(Count::MAX)
}
