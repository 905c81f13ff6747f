//! Socket calls that every kind of socket shares: make, bind, connect, listen, accept.
//!
//! Sockets are owned from the moment they exist, so that no error path can leak one.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::c_int;

use super::address::Address;
use super::{check, size_of};

/// The longest queue that the system allows: listen(2) cuts what is above `net.core.somaxconn`.
pub(crate) const LONGEST_BACKLOG: c_int = c_int::MAX;

/// A socket, non-blocking and not inherited by children, with both set as it is made.
pub(crate) fn new_socket(domain: c_int, kind: c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes plain numbers.
    let fd = check(unsafe { libc::socket(domain, kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(crate) fn bind(socket: &OwnedFd, address: &Address) -> io::Result<()> {
    // SAFETY: the pointer and length are those of an initialised address that lives for the call.
    check(unsafe { libc::bind(socket.as_raw_fd(), address.as_ptr(), address.len()) }).map(drop)
}

/// Begins to connect. That it takes a while is no error.
pub(crate) fn connect(socket: &OwnedFd, address: &Address) -> io::Result<()> {
    // SAFETY: the pointer and length are those of an initialised address that lives for the call.
    match check(unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr(), address.len()) }) {
        // EINTR: the attempt goes on as well (connect(2), POSIX).
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => Ok(()),
        result => result.map(drop),
    }
}

pub(crate) fn listen(socket: &OwnedFd, backlog: c_int) -> io::Result<()> {
    // SAFETY: takes plain numbers.
    check(unsafe { libc::listen(socket.as_raw_fd(), backlog) }).map(drop)
}

/// Accepts a connection: its socket, non-blocking and not inherited by children, and the peer's address.
pub(crate) fn accept(listener: &impl AsRawFd) -> io::Result<(OwnedFd, Address)> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let (fd, address) = Address::receive(|address, length| loop {
        // SAFETY: the kernel writes at most `length` bytes of an address, and there is room for them.
        match check(unsafe { libc::accept4(listener.as_raw_fd(), address, length, flags) }) {
            // A listener that somebody made blocking may be interrupted; there is nothing to tell the user.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    Ok((unsafe { OwnedFd::from_raw_fd(fd) }, address))
}

/// Switches an option of the socket level on.
pub(crate) fn enable(socket: &OwnedFd, option: c_int) -> io::Result<()> {
    let on: c_int = 1;
    let (value, length) = (&on as *const c_int, size_of::<c_int>());
    // SAFETY: the kernel reads a C int, which lives for the call.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value.cast(), length) }).map(drop)
}

/// Reads an option that is a C int.
pub(crate) fn option(socket: &impl AsRawFd, level: c_int, option: c_int) -> io::Result<c_int> {
    let mut value: c_int = 0;
    let mut length = size_of::<c_int>();
    let (room, size) = (&mut value as *mut c_int, &mut length as *mut libc::socklen_t);
    // SAFETY: the kernel writes at most `length` bytes to `value`, which has them.
    check(unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, room.cast(), size) })?;
    Ok(value)
}
