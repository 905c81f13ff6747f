//! UDP sockets.

use std::io;
use std::mem::size_of;
use std::net::{SocketAddr, UdpSocket};
use std::os::windows::io::AsRawSocket;
use std::ptr;

use windows_sys::Win32::Networking::WinSock::{
    getsockopt, WSAIoctl, IPPROTO_IPV6, IPV6_V6ONLY, SIO_UDP_CONNRESET, SOCKET_ERROR, SOCK_DGRAM,
};

use super::net::{new_ip_socket, raw};
use super::{syscall, tcp};

/// Makes a socket that is bound to `address`.
///
/// On Windows an answer that nobody listens at an address that was sent to makes the *next receive* fail with
/// `ConnectionReset`, whoever it would have been from: a server that lost one client loses the datagrams of the others,
/// or ends. No other system does so on a socket that is not connected, so it is switched off.
pub(crate) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = new_ip_socket(address, SOCK_DGRAM)?;
    set_connection_reset(&socket, false)?;
    tcp::bind(&socket, address)?;
    Ok(UdpSocket::from(socket))
}

/// Switches `SIO_UDP_CONNRESET`.
fn set_connection_reset(socket: &impl AsRawSocket, on: bool) -> io::Result<()> {
    let value = i32::from(on);
    let from: *const i32 = &value;
    let mut written = 0;
    // SAFETY: the number and the count live for the call; nothing is overlapped.
    let set = unsafe {
        WSAIoctl(
            raw(socket),
            SIO_UDP_CONNRESET,
            from.cast(),
            size_of_option(),
            ptr::null_mut(),
            0,
            &mut written,
            ptr::null_mut(),
            None,
        )
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
