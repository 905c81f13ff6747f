//! epoll by inline system calls: less work per message than libc's wrappers, which count as cancellation points.

use std::io;
use std::mem::{align_of, size_of, MaybeUninit};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::slice;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::Timespec;

use super::Record;
use crate::sys::unix::fill;

// Both are the kernel's `struct epoll_event`. rustix's can't be sent between threads, since it may hold a pointer.
const _: () = assert!(size_of::<Record>() == size_of::<epoll::Event>());
const _: () = assert!(align_of::<Record>() == align_of::<epoll::Event>());

pub(crate) fn create() -> io::Result<OwnedFd> {
    Ok(epoll::create(CreateFlags::CLOEXEC)?)
}

#[inline]
pub(crate) fn add(epoll: BorrowedFd<'_>, fd: BorrowedFd<'_>, conditions: u32, data: u64) -> io::Result<()> {
    Ok(epoll::add(epoll, fd, EventData::new_u64(data), EventFlags::from_bits_retain(conditions))?)
}

#[inline]
pub(crate) fn modify(epoll: BorrowedFd<'_>, fd: BorrowedFd<'_>, conditions: u32, data: u64) -> io::Result<()> {
    Ok(epoll::modify(epoll, fd, EventData::new_u64(data), EventFlags::from_bits_retain(conditions))?)
}

#[inline]
pub(crate) fn delete(epoll: BorrowedFd<'_>, fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(epoll::delete(epoll, fd)?)
}

/// Waits into the spare capacity of `records`; `millis` below zero is without an end.
#[inline]
pub(crate) fn wait(epoll: BorrowedFd<'_>, records: &mut Vec<Record>, millis: i32) -> io::Result<()> {
    let timespec = Timespec { tv_sec: i64::from(millis / 1_000), tv_nsec: i64::from(millis % 1_000) * 1_000_000 };
    let timeout = if millis < 0 { None } else { Some(&timespec) };
    fill(records, |room, capacity| {
        // SAFETY: the room has that capacity, and a record has the same layout on both sides.
        let room = unsafe { slice::from_raw_parts_mut(room.cast::<MaybeUninit<epoll::Event>>(), capacity) };
        let (written, _) = epoll::wait(epoll, room, timeout)?;
        Ok(written.len())
    })
}
