//! Sockets and pipes that get their flags after they were made: a child that another thread spawns in between inherits
//! them.

use std::io;
use std::net::TcpStream;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use libc::{c_int, sockaddr, socklen_t};

use crate::sys::unix::check;

/// Whether an accepted socket may be one that its system does not let anybody change.
const MAY_BE_GONE: bool = cfg!(any(test, target_vendor = "apple"));

pub(in crate::sys::unix) fn socket(domain: c_int, kind: c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes plain numbers.
    let fd = check(unsafe { libc::socket(domain, kind, 0) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    prepare_socket(unsafe { OwnedFd::from_raw_fd(fd) })
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
    prepare: impl FnOnce(OwnedFd) -> io::Result<OwnedFd>,
    listener: RawFd,
    address: *mut sockaddr,
    length: *mut socklen_t,
) -> io::Result<OwnedFd> {
    // SAFETY: the kernel writes at most `length` bytes of an address, and there is room for them.
    let fd = check(unsafe { libc::accept(listener, address, length) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    match prepare(socket) {
        Err(error) if MAY_BE_GONE && error.raw_os_error() == Some(libc::EINVAL) => {
            Err(io::Error::from_raw_os_error(libc::ECONNABORTED))
        }
        result => result,
    }
}

/// The end to read from, and the end to write to.
#[cfg(not(any(target_os = "espidf", target_os = "hermit", target_os = "horizon")))]
pub(in crate::sys::unix) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    // SAFETY: `fds` has room for the two numbers that the kernel writes.
    check(unsafe { libc::pipe(fds.as_mut_ptr()) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    let reader = unsafe { OwnedFd::from_raw_fd(fds[0]) };
    // SAFETY: likewise.
    let writer = unsafe { OwnedFd::from_raw_fd(fds[1]) };
    close_on_exec(&reader)?;
    close_on_exec(&writer)?;
    // SAFETY: takes plain numbers. There are no other flags to keep.
    check(unsafe { libc::fcntl(fds[0], libc::F_SETFL, libc::O_NONBLOCK) })?;
    // SAFETY: likewise.
    check(unsafe { libc::fcntl(fds[1], libc::F_SETFL, libc::O_NONBLOCK) })?;
    Ok((reader, writer))
}

/// These systems have no pipes.
#[cfg(any(target_os = "espidf", target_os = "hermit", target_os = "horizon"))]
pub(in crate::sys::unix) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no pipes"))
}

/// Makes a socket non-blocking, which some systems have calls of their own for, and not inherited.
fn prepare_socket(socket: OwnedFd) -> io::Result<OwnedFd> {
    close_on_exec(&socket)?;
    // A peer that is gone is an error, never a signal; the flag for one call is not on all versions.
    #[cfg(target_vendor = "apple")]
    crate::sys::unix::net::enable(&socket, libc::SO_NOSIGPIPE)?;
    // The standard library's types of sockets do not look at what they are made of.
    let socket = TcpStream::from(socket);
    socket.set_nonblocking(true)?;
    Ok(OwnedFd::from(socket))
}

#[cfg(not(any(target_os = "espidf", target_os = "hermit", target_os = "horizon", target_os = "vita")))]
fn close_on_exec(fd: &OwnedFd) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;

    // SAFETY: takes plain numbers. There are no other flags to keep.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

/// These systems have one process, and no such flag.
#[cfg(any(target_os = "espidf", target_os = "hermit", target_os = "horizon", target_os = "vita"))]
#[allow(clippy::unnecessary_wraps)] // Elsewhere it may fail.
fn close_on_exec(_: &OwnedFd) -> io::Result<()> {
    Ok(())
}
