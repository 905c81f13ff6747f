//! UDP sockets, and what Windows tells them of the network.
//!
//! A datagram for a port that nobody has is answered, by ICMP. Windows makes an error of that for the *next receive*,
//! whoever it would have been from, and so a server that lost one client loses the datagrams of the others, or ends. The
//! other systems do so on a connected socket only, where the error is about the one peer that there is. [RFC 1122],
//! 4.1.3.3, wants programs to be told, and leaves it to the system how. So here as there: nothing before
//! [`connect`], everything about the peer after it.
//!
//! Microsoft's words on the switches are in [Winsock IOCTLs]: `SIO_UDP_CONNRESET` for ports that nobody has,
//! `WSAECONNRESET`; `SIO_UDP_NETRESET` for datagrams that passed too many routers, `WSAENETRESET`, which no other system
//! reports. They can be set, and not be asked for.
//!
//! [RFC 1122]: https://www.rfc-editor.org/rfc/rfc1122#section-4.1.3.3
//! [Winsock IOCTLs]: https://learn.microsoft.com/en-us/windows/win32/winsock/winsock-ioctls

use std::io;
use std::mem::size_of;
use std::net::{SocketAddr, UdpSocket};
use std::os::windows::io::AsRawSocket;
use std::ptr;

use windows_sys::Win32::Networking::WinSock::{
    getsockopt, WSAIoctl, IPPROTO_IPV6, IPV6_V6ONLY, SIO_UDP_CONNRESET, SIO_UDP_NETRESET, SOCKET_ERROR, SOCK_DGRAM,
    WSAEINVAL, WSAEOPNOTSUPP,
};

use super::net::{new_ip_socket, raw};
use super::{syscall, tcp};

/// Makes a socket that is bound to `address`, and hears nothing of what became of its datagrams.
pub(crate) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = new_ip_socket(address, SOCK_DGRAM)?;
    set_connection_reset(&socket, false)?;
    match set(&socket, SIO_UDP_NETRESET, false) {
        // Older systems lack it, and so does Wine 8: they do not report it either.
        Err(error) if matches!(error.raw_os_error(), Some(WSAEOPNOTSUPP | WSAEINVAL)) => {}
        result => result?,
    }
    tcp::bind(&socket, address)?;
    Ok(UdpSocket::from(socket))
}

/// Connects the socket, and has the peer's answers reported. An address that is none ends the connection (connect,
/// Remarks), and the reports with it.
pub(crate) fn connect(socket: &UdpSocket, address: SocketAddr) -> io::Result<()> {
    socket.connect(address)?;
    set_connection_reset(socket, !address.ip().is_unspecified())
}

/// Whether a port that nobody has makes the next receive fail (`SIO_UDP_CONNRESET`).
pub(crate) fn set_connection_reset(socket: &impl AsRawSocket, on: bool) -> io::Result<()> {
    set(socket, SIO_UDP_CONNRESET, on)
}

/// Switches what the socket reports.
fn set(socket: &impl AsRawSocket, what: u32, on: bool) -> io::Result<()> {
    let value = i32::from(on);
    let from: *const i32 = &value;
    let no_answer = ptr::null_mut();
    let mut written = 0;
    // SAFETY: the number and the count live for the call; nothing is overlapped.
    let set = unsafe {
        WSAIoctl(raw(socket), what, from.cast(), size_of_option(), no_answer, 0, &mut written, ptr::null_mut(), None)
    };
    syscall!(set, PartialEq::eq, SOCKET_ERROR).map(drop)
}

/// Whether the socket speaks IPv6 alone (`IPV6_V6ONLY`).
pub(crate) fn only_v6(socket: &UdpSocket) -> io::Result<bool> {
    let mut value: i32 = 0;
    let room: *mut i32 = &mut value;
    let mut length = 4;
    // SAFETY: the option is a number of four bytes, for which there is room; it and its length live for the call.
    let got = unsafe { getsockopt(raw(socket), IPPROTO_IPV6, IPV6_V6ONLY, room.cast(), &mut length) };
    syscall!(got, PartialEq::eq, SOCKET_ERROR)?;
    Ok(value != 0)
}

/// The size of a number as socket calls take it.
fn size_of_option() -> u32 {
    #[allow(clippy::cast_possible_truncation)]
    let size = size_of::<i32>() as u32;
    size
}
