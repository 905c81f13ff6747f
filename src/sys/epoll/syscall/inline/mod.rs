//! epoll by inline system calls: less work per message than libc's wrappers, whose return after the call is what costs (the
//! loads `transfer-tcp` and `transfer-unix` of `benches`).

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

#[cfg_attr(all(target_arch = "x86_64", target_pointer_width = "64", target_env = "gnu"), path = "wait_x86_64.rs")]
mod wait;

pub(crate) use wait::wait;

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
