//! The system calls of this mechanism on WASI: wasi-libc makes poll(2) of `poll_oneoff` (preview 1) or pollables
//! (preview 2). It says when a source can be read or written, and nothing of ends and errors, which are read as such.

use std::io;
use std::mem;
use std::os::fd::RawFd;
use std::time::Duration;

use libc::{c_int, nfds_t, pollfd};

use crate::sys::timeout;
use crate::sys::wasi::{check, preview};
use crate::Interest;

pub(super) use crate::sys::wasi::notifier::Notifier;

/// What can't be asked for.
pub(super) const MISSING: Interest = Interest::ASYNC_IO.add(Interest::PRIORITY);
/// What is asked for nothing has nothing to tell, and is an error to wasi-libc.
pub(super) const TELLS_UNASKED: bool = false;

/// The longest time to wait in one call. Where a host has threads another may wake this one, and can't interrupt it.
const LONGEST: Duration = Duration::from_millis(if cfg!(target_feature = "atomics") { 64 } else { 1 << 30 });

/// Descriptors are not told apart: there is no number that a file keeps. Only types that deregister when they are dropped
/// are registered here, so that no number is used again unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity;

/// Waits until one of `descriptors` has what it asks for, or a good while.
pub(super) fn poll(descriptors: &mut [pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    // Always with an end: to wait for nothing, for ever, is an error of preview 1, and preview 2 ends the program.
    let millis = timeout::saturated_millis(timeout.map_or(LONGEST, |timeout| timeout.min(LONGEST)));
    // wasm32 has 32 bits, as C's `unsigned long` there.
    #[allow(clippy::cast_possible_truncation)]
    let length = descriptors.len() as nfds_t;
    // SAFETY: the call reads and writes `length` structs, which are there.
    let ready = check(unsafe { libc::poll(descriptors.as_mut_ptr(), length, millis) })?;
    Ok(usize::try_from(ready).unwrap_or(0))
}

/// Whether a descriptor can be polled. `EPERM`, as epoll_ctl(2) has it, for what is always ready; wasi-libc's error for a
/// socket that neither listens nor connects.
pub(super) fn identify(fd: RawFd) -> io::Result<Identity> {
    if is_always_ready(fd) {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    preview::open_streams(fd)?;
    let mut probe = [pollfd { fd, events: libc::POLLIN, revents: 0 }];
    poll(&mut probe, Some(Duration::ZERO))?;
    // What is below zero is not asked about (POSIX, poll).
    if fd < 0 || probe[0].revents & libc::POLLNVAL != 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    Ok(Identity)
}

/// Whether this is a file or directory. What has no such question is neither.
fn is_always_ready(fd: RawFd) -> bool {
    // SAFETY: it is made of integers, for which zero is a value.
    let mut stat: libc::stat = unsafe { mem::zeroed() };
    // SAFETY: the call writes a `struct stat`, for which there is room.
    let known = check(unsafe { libc::fstat(fd, &mut stat) }).is_ok();
    known && matches!(stat.st_mode & libc::S_IFMT, libc::S_IFREG | libc::S_IFDIR)
}

/// How many bytes can be read. It is not asked: see [`Identity`] for what is registered.
pub(super) fn unread(_: RawFd) -> Option<c_int> {
    None
}

/// What is polled to learn that the table changed: nothing does while this waits.
pub(super) fn notes(_: &Notifier) -> Option<pollfd> {
    None
}
