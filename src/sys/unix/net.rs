//! Socket calls that every kind of socket shares: make, bind, connect, listen, accept.
//!
//! Sockets are owned from the moment they exist, so that no error path can leak one.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{c_int, sockaddr, socklen_t};

use super::address::Address;
use super::{check, make, size_of};

/// The longest queue that the system allows: listen(2) cuts what is above its limit (`net.core.somaxconn` of Linux,
/// `kern.ipc.somaxconn` of macOS and FreeBSD). Haiku has a limit and does not cut; nor does the 3DS, whose limit is not written
/// anywhere (both numbers are the standard library's).
pub(crate) const LONGEST_BACKLOG: c_int = if cfg!(target_os = "haiku") {
    32
} else if cfg!(target_os = "horizon") {
    20
} else {
    c_int::MAX
};

/// A socket, non-blocking and not inherited by children.
pub(crate) fn new_socket(domain: c_int, kind: c_int) -> io::Result<OwnedFd> {
    make::socket(domain, kind)
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
    accept_by(|address, length| make::accept(listener.as_raw_fd(), address, length))
}

/// Accepts by `call`, until it gives something to tell the user: a connection that was aborted before it was accepted is
/// not, nor is a signal, which can come when somebody made the listener blocking.
fn accept_by(
    mut call: impl FnMut(*mut sockaddr, *mut socklen_t) -> io::Result<OwnedFd>,
) -> io::Result<(OwnedFd, Address)> {
    loop {
        match Address::receive(&mut call) {
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
            result => return result,
        }
    }
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
    let (room, size) = (&mut value as *mut c_int, &mut length as *mut socklen_t);
    // SAFETY: the kernel writes at most `length` bytes to `value`, which has them.
    check(unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, room.cast(), size) })?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::{TcpListener, TcpStream};

    use super::make::after;
    use super::*;

    #[test]
    fn scenario_66_a_peer_that_is_gone_before_its_socket_is_prepared_is_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let first = Cell::new(true);
        // What macOS says of SO_NOSIGPIPE.
        let prepare = |socket| match first.replace(false) {
            true => Err(io::Error::from_raw_os_error(libc::EINVAL)),
            false => Ok(socket),
        };
        let accept = |address, length| after::accept_and(prepare, listener.as_raw_fd(), address, length);
        let (_socket, address) = accept_by(accept).unwrap();
        assert_eq!(address.to_ip().unwrap(), here.local_addr().unwrap());
        drop(gone);
    }

    #[test]
    fn scenario_66_that_a_socket_does_not_listen_is_told() {
        let socket = new_socket(libc::AF_INET, libc::SOCK_STREAM).unwrap();
        let accept = |address, length| after::accept(socket.as_raw_fd(), address, length);
        assert_eq!(accept_by(accept).err().and_then(|error| error.raw_os_error()), Some(libc::EINVAL));
    }

    #[test]
    fn p18_what_gets_its_flags_later_has_both() {
        let (reader, writer) = after::pipe().unwrap();
        let socket = after::socket(libc::AF_INET, libc::SOCK_STREAM).unwrap();
        for fd in [reader, writer, socket] {
            // SAFETY: takes plain numbers.
            let (status, flags) = (unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) }, unsafe {
                libc::fcntl(fd.as_raw_fd(), libc::F_GETFD)
            });
            assert!(status & libc::O_NONBLOCK != 0 && flags & libc::FD_CLOEXEC != 0);
        }
    }
}
