//! Waiting by rustix.

use std::io;
use std::mem::{align_of, size_of, ManuallyDrop};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{epoll, Timespec};

use crate::sys::epoll::syscall::Record;
use crate::sys::timeout;
use crate::sys::unix::fill;

// Both are the kernel's `struct epoll_event`. rustix's can't be sent between threads, since it may hold a pointer.
const _: () = assert!(size_of::<Record>() == size_of::<epoll::Event>());
const _: () = assert!(align_of::<Record>() == align_of::<epoll::Event>());

/// Waits into the spare capacity of `records`; for whole milliseconds, of which a C int holds as many, or without an end.
#[inline(always)] // Where the timeout is known, nothing is left of it but a number.
pub(crate) fn wait(epoll: BorrowedFd<'_>, records: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
    let timespec = timeout.map(|timeout| {
        let (tv_sec, tv_nsec) = timeout::timespec(timeout);
        Timespec { tv_sec, tv_nsec }
    });
    fill(records, |room, capacity| {
        // SAFETY: the room has that capacity, and a record has the same layout on both sides. It is not freed here.
        let list = unsafe { Vec::from_raw_parts(room.cast::<epoll::Event>(), 0, capacity) };
        let mut list = ManuallyDrop::new(list);
        Ok(epoll::wait(epoll, spare_capacity(&mut list), timespec.as_ref())?)
    })
}
