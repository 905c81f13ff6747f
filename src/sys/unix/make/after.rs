//! Sockets and pipes that get their flags after they were made, as on Apple's systems: a child that another thread spawns in
//! between inherits them.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use libc::{c_int, sockaddr, socklen_t};

use crate::sys::unix::check;

pub(in crate::sys::unix) fn socket(domain: c_int, kind: c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes plain numbers.
    let fd = check(unsafe { libc::socket(domain, kind, 0) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    prepare_socket(&socket)?;
    Ok(socket)
}

/// Accepts a connection. There is room for an address of `length`, which becomes that of the peer's.
pub(in crate::sys::unix) fn accept(
    listener: RawFd,
    address: *mut sockaddr,
    length: *mut socklen_t,
) -> io::Result<OwnedFd> {
    accept_and(prepare_socket, listener, address, length)
}

/// Accepts a connection and prepares its socket. When its peer has gone meanwhile, macOS calls any change of it invalid
/// (setsockopt(2)); then the connection was aborted, as other systems have it.
pub(in crate::sys::unix) fn accept_and(
    prepare: impl FnOnce(&OwnedFd) -> io::Result<()>,
    listener: RawFd,
    address: *mut sockaddr,
    length: *mut socklen_t,
) -> io::Result<OwnedFd> {
    // SAFETY: the kernel writes at most `length` bytes of an address, and there is room for them.
    let fd = check(unsafe { libc::accept(listener, address, length) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    match prepare(&socket) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            Err(io::Error::from_raw_os_error(libc::ECONNABORTED))
        }
        result => result.map(|()| socket),
    }
}

/// The end to read from, and the end to write to.
pub(in crate::sys::unix) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    // SAFETY: `fds` has room for the two numbers that the kernel writes.
    check(unsafe { libc::pipe(fds.as_mut_ptr()) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    let reader = unsafe { OwnedFd::from_raw_fd(fds[0]) };
    // SAFETY: likewise.
    let writer = unsafe { OwnedFd::from_raw_fd(fds[1]) };
    prepare(&reader)?;
    prepare(&writer)?;
    Ok((reader, writer))
}

fn prepare_socket(socket: &OwnedFd) -> io::Result<()> {
    prepare(socket)?;
    // A peer that is gone is an error, never a signal; the flag for one call is not on all versions.
    #[cfg(target_vendor = "apple")]
    crate::sys::unix::net::enable(socket, libc::SO_NOSIGPIPE)?;
    Ok(())
}

/// Makes a descriptor non-blocking and not inherited, by one call each: nothing else can have set its flags yet.
fn prepare(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: takes plain numbers.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIOCLEX) })?;
    let on: c_int = 1;
    // SAFETY: the kernel reads a C int, which lives for the call.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONBIO, &on as *const c_int) }).map(drop)
}
