//! epoll through libc, for those who interpose it.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use libc::c_int;

use super::{record, Record};
use crate::sys::timeout;
use crate::sys::unix::{check, count, count_of, fill};

pub(crate) fn create() -> io::Result<OwnedFd> {
    // SAFETY: takes a plain flag.
    let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(crate) fn add(epoll: BorrowedFd<'_>, fd: BorrowedFd<'_>, conditions: u32, data: u64) -> io::Result<()> {
    control(epoll, libc::EPOLL_CTL_ADD, fd, &mut record(conditions, data))
}

pub(crate) fn modify(epoll: BorrowedFd<'_>, fd: BorrowedFd<'_>, conditions: u32, data: u64) -> io::Result<()> {
    control(epoll, libc::EPOLL_CTL_MOD, fd, &mut record(conditions, data))
}

pub(crate) fn delete(epoll: BorrowedFd<'_>, fd: BorrowedFd<'_>) -> io::Result<()> {
    control(epoll, libc::EPOLL_CTL_DEL, fd, ptr::null_mut())
}

fn control(epoll: BorrowedFd<'_>, operation: c_int, fd: BorrowedFd<'_>, record: *mut Record) -> io::Result<()> {
    // SAFETY: `record` is null, where the operation ignores it, or points to a record that lives for the call.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd.as_raw_fd(), record) }).map(drop)
}

/// Waits into the spare capacity of `records`; for whole milliseconds, of which a C int holds as many, or without an end.
pub(crate) fn wait(epoll: BorrowedFd<'_>, records: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
    let millis = timeout.map_or(-1, timeout::saturated_millis);
    fill(records, |room, capacity| {
        // SAFETY: the kernel writes at most `capacity` records, and there is room for them.
        count(unsafe { libc::epoll_wait(epoll.as_raw_fd(), room, count_of(capacity), millis) })
    })
}
