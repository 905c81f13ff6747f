//! Socket calls that every kind of socket shares: make, and name by address.
//!
//! Sockets are owned from the moment they exist, so that no error path can leak one.

use std::io;
use std::mem::size_of;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::windows::io::{AsRawSocket, FromRawSocket, OwnedSocket, RawSocket};
use std::ptr;
use std::sync::Once;

use windows_sys::Win32::Foundation::{SetHandleInformation, HANDLE_FLAG_INHERIT};
use windows_sys::Win32::Networking::WinSock::{
    ioctlsocket, WSAIoctl, WSASocketW, ADDRESS_FAMILY, AF_INET, AF_INET6, FIONBIO, IN6_ADDR, IN6_ADDR_0,
    INVALID_SOCKET, IN_ADDR, IN_ADDR_0, SIO_BASE_HANDLE, SIO_BSP_HANDLE, SIO_BSP_HANDLE_POLL, SIO_BSP_HANDLE_SELECT,
    SOCKADDR, SOCKADDR_IN, SOCKADDR_IN6, SOCKADDR_IN6_0, SOCKET, SOCKET_ERROR, WSAENOTSOCK, WSA_FLAG_NO_HANDLE_INHERIT,
    WSA_FLAG_OVERLAPPED,
};

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

/// A C address of either family: a pointer to one of the two is what WinSock wants.
#[repr(C)]
pub(crate) union SocketAddrCRepr {
    v4: SOCKADDR_IN,
    v6: SOCKADDR_IN6,
}

const _: () = assert!(size_of::<SocketAddrCRepr>() == 28);
const _: () = assert!(size_of::<SOCKADDR_IN>() == 16);

impl SocketAddrCRepr {
    pub(crate) fn as_ptr(&self) -> *const SOCKADDR {
        let this: *const SocketAddrCRepr = self;
        this.cast()
    }
}

/// The C form of `address`, and how long it is.
pub(crate) fn socket_addr(address: &SocketAddr) -> (SocketAddrCRepr, i32) {
    match address {
        SocketAddr::V4(v4) => (SocketAddrCRepr { v4: c_v4(v4) }, 16),
        SocketAddr::V6(v6) => (SocketAddrCRepr { v6: c_v6(v6) }, 28),
    }
}

/// Port and address in network order, which is that of the octets.
fn c_v4(address: &SocketAddrV4) -> SOCKADDR_IN {
    let ip = IN_ADDR { S_un: IN_ADDR_0 { S_addr: u32::from_ne_bytes(address.ip().octets()) } };
    SOCKADDR_IN { sin_family: AF_INET, sin_port: address.port().to_be(), sin_addr: ip, sin_zero: [0; 8] }
}

/// Port, address and flow label in network order, the scope in the machine's.
fn c_v6(address: &SocketAddrV6) -> SOCKADDR_IN6 {
    SOCKADDR_IN6 {
        sin6_family: AF_INET6,
        sin6_port: address.port().to_be(),
        // The standard library takes this number as it is, too.
        sin6_flowinfo: address.flowinfo(),
        sin6_addr: IN6_ADDR { u: IN6_ADDR_0 { Byte: address.ip().octets() } },
        Anonymous: SOCKADDR_IN6_0 { sin6_scope_id: address.scope_id() },
    }
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
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn addresses_have_the_bytes_of_the_network() {
        let (address, length) = socket_addr(&"1.2.3.4:258".parse().unwrap());
        assert_eq!(length, 16);
        // SAFETY: it was made of this family.
        let v4 = unsafe { address.v4 };
        assert_eq!((v4.sin_family, v4.sin_port.to_ne_bytes()), (AF_INET, [1, 2]));
        // SAFETY: every field of the union is these four bytes.
        assert_eq!(unsafe { v4.sin_addr.S_un.S_addr }.to_ne_bytes(), [1, 2, 3, 4]);
    }

    #[test]
    fn addresses_of_version_6_keep_flow_and_scope() {
        let ip: Ipv6Addr = "fe80::1".parse().unwrap();
        let (address, length) = socket_addr(&SocketAddr::V6(SocketAddrV6::new(ip, 258, 7, 9)));
        assert_eq!(length, 28);
        // SAFETY: it was made of this family.
        let v6 = unsafe { address.v6 };
        assert_eq!((v6.sin6_family, v6.sin6_port.to_ne_bytes(), v6.sin6_flowinfo), (AF_INET6, [1, 2], 7));
        // SAFETY: every field of the union is these bytes.
        assert_eq!(unsafe { v6.sin6_addr.u.Byte }, ip.octets());
        // SAFETY: both fields of the union are this number.
        assert_eq!(unsafe { v6.Anonymous.sin6_scope_id }, 9);
    }

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
