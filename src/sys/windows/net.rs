//! Socket calls that every kind of socket shares: make, and name by address.
//!
//! Sockets are owned from the moment they exist, so that no error path can leak one.

use std::io;
use std::mem::size_of;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::windows::io::{AsRawSocket, FromRawSocket, OwnedSocket, RawSocket};
use std::ptr;
use std::sync::Once;

use windows_sys::Win32::Foundation::{SetHandleInformation, HANDLE_FLAG_INHERIT};
use windows_sys::Win32::Networking::WinSock::{
    ioctlsocket, WSAIoctl, WSASocketW, ADDRESS_FAMILY, AF_INET, AF_INET6, FIONBIO, INVALID_SOCKET, SIO_BASE_HANDLE,
    SIO_BSP_HANDLE, SIO_BSP_HANDLE_POLL, SIO_BSP_HANDLE_SELECT, SOCKET, SOCKET_ERROR, WSAENOTSOCK,
    WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED,
};

#[allow(unused_imports)] // The type of what the function gives is named with it.
pub(crate) use super::address::{socket_addr, SocketAddrCRepr};
use super::afd::handle_of;
use super::syscall;

/// Starts WinSock, which the standard library does when it makes its first socket; it ends it, too.
pub(crate) fn init() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| drop(std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))));
}

/// A socket of the address' family, non-blocking and not inherited by children.
pub(crate) fn new_ip_socket(address: SocketAddr, kind: i32) -> io::Result<OwnedSocket> {
    let domain = if address.is_ipv4() { AF_INET } else { AF_INET6 };
    new_socket(domain, kind)
}

/// A socket, non-blocking and not inherited by children.
pub(crate) fn new_socket(domain: ADDRESS_FAMILY, kind: i32) -> io::Result<OwnedSocket> {
    init();
    let flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
    // SAFETY: takes plain numbers, and no description of a protocol.
    let socket = unsafe { WSASocketW(i32::from(domain), kind, 0, ptr::null(), 0, flags) };
    let socket = own(syscall!(socket, PartialEq::eq, INVALID_SOCKET)?);
    let mut on = 1;
    // SAFETY: the number lives for the call.
    let set = unsafe { ioctlsocket(raw(&socket), FIONBIO, &mut on) };
    syscall!(set, PartialEq::eq, SOCKET_ERROR)?;
    Ok(socket)
}

/// Keeps children from inheriting a socket that was not made by [`new_socket`].
pub(super) fn set_no_inherit(socket: &impl AsRawSocket) -> io::Result<()> {
    // SAFETY: takes plain values.
    let set = unsafe { SetHandleInformation(handle_of(socket.as_raw_socket()), HANDLE_FLAG_INHERIT, 0) };
    syscall!(set, PartialEq::eq, 0).map(drop)
}

/// The number of a socket, as WinSock has it.
pub(super) fn raw(socket: &impl AsRawSocket) -> SOCKET {
    number(socket.as_raw_socket())
}

fn number(socket: RawSocket) -> SOCKET {
    // A `RawSocket` is as wide as a `SOCKET` on the system that it comes from.
    #[allow(clippy::cast_possible_truncation)]
    let socket = socket as SOCKET;
    socket
}

fn raw_socket(socket: SOCKET) -> RawSocket {
    // Likewise.
    #[allow(clippy::cast_possible_truncation)]
    let socket = socket as RawSocket;
    socket
}

/// Owns a socket that a call has just made.
fn own(socket: SOCKET) -> OwnedSocket {
    // SAFETY: the callers here have it from the system, which made it for them.
    unsafe { OwnedSocket::from_raw_socket(raw_socket(socket)) }
}

/// The socket at the bottom of `socket`, which AFD knows: software that layers itself over WinSock (a *layered service
/// provider*) hands out sockets of its own.
pub(super) fn base_socket(socket: RawSocket) -> io::Result<RawSocket> {
    find_base(socket, ask_for_socket)
}

/// Some layers answer the first question with themselves, or not at all, and one of the others with what is below. An
/// answer that is the socket itself says that it is at the bottom.
fn find_base(socket: RawSocket, ask: impl Fn(RawSocket, u32) -> io::Result<RawSocket>) -> io::Result<RawSocket> {
    let error = match ask(socket, SIO_BASE_HANDLE) {
        Ok(base) => return Ok(base),
        Err(error) => error,
    };
    if error.raw_os_error() == Some(WSAENOTSOCK) {
        return Err(error);
    }
    for question in [SIO_BSP_HANDLE_POLL, SIO_BSP_HANDLE_SELECT, SIO_BSP_HANDLE] {
        match ask(socket, question) {
            Ok(below) if below != socket => return ask(below, SIO_BASE_HANDLE).or(Ok(below)),
            _ => {}
        }
    }
    Err(super::super::error::layered_socket(error))
}

fn ask_for_socket(socket: RawSocket, question: u32) -> io::Result<RawSocket> {
    let mut answer: SOCKET = 0;
    let mut written = 0;
    // The size of a number.
    #[allow(clippy::cast_possible_truncation)]
    let size = size_of::<SOCKET>() as u32;
    let room: *mut SOCKET = &mut answer;
    // SAFETY: the answer has as much room as said, and lives for the call, as does the count; nothing is overlapped.
    let asked = unsafe {
        WSAIoctl(number(socket), question, ptr::null(), 0, room.cast(), size, &mut written, ptr::null_mut(), None)
    };
    syscall!(asked, PartialEq::eq, SOCKET_ERROR)?;
    Ok(raw_socket(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottom_of_layers_is_found() {
        let plain = |socket, question| match question {
            SIO_BASE_HANDLE => Ok(socket),
            _ => panic!("one question is enough"),
        };
        assert_eq!(find_base(7, plain).unwrap(), 7);
        let refuse = || io::Error::from_raw_os_error(windows_sys::Win32::Networking::WinSock::WSAEOPNOTSUPP);
        // The layer keeps the first question to itself, and lets another through.
        let layered = |socket, question| match (socket, question) {
            (7, SIO_BSP_HANDLE_SELECT) => Ok(5),
            (5, SIO_BASE_HANDLE) => Ok(5),
            _ => Err(refuse()),
        };
        assert_eq!(find_base(7, layered).unwrap(), 5);
        let error = find_base(7, |_, _| Err(refuse())).unwrap_err();
        assert!(error.to_string().contains("layered"), "{error}");
        let error = base_socket(RawSocket::MAX).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(WSAENOTSOCK));
    }
}
