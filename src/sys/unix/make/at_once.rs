//! Sockets and pipes with their flags set as they are made.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use libc::c_int;

use crate::sys::unix::check;

const FLAGS: c_int = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;

pub(in crate::sys::unix) fn socket(domain: c_int, kind: c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes plain numbers.
    let fd = check(unsafe { libc::socket(domain, kind | FLAGS, 0) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

// Android on x86 ends a program that calls accept4 (tokio-rs/mio#1445); the others don't have it.
#[cfg(any(all(target_os = "android", target_arch = "x86"), target_os = "l4re", target_os = "redox"))]
pub(in crate::sys::unix) use super::after::accept;

/// Accepts a connection. There is room for an address of `length`, which becomes that of the peer's.
#[cfg(not(any(all(target_os = "android", target_arch = "x86"), target_os = "l4re", target_os = "redox")))]
pub(in crate::sys::unix) fn accept(
    listener: std::os::fd::RawFd,
    address: *mut libc::sockaddr,
    length: *mut libc::socklen_t,
) -> io::Result<OwnedFd> {
    // SAFETY: the kernel writes at most `length` bytes of an address, and there is room for them.
    match check(unsafe { libc::accept4(listener, address, length, FLAGS) }) {
        // A kernel from before 2.6.28, an emulated one, or a sandbox (accept(2)). Where it is a firewall that forbids the
        // connection, the older call says so as well.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
            super::after::accept(listener, address, length)
        }
        // SAFETY: the call made this descriptor, and nobody else has it.
        result => result.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }),
    }
}

/// The end to read from, and the end to write to.
pub(in crate::sys::unix) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    // SAFETY: `fds` has room for the two numbers that the kernel writes.
    check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    let reader = unsafe { OwnedFd::from_raw_fd(fds[0]) };
    // SAFETY: likewise.
    let writer = unsafe { OwnedFd::from_raw_fd(fds[1]) };
    Ok((reader, writer))
}
