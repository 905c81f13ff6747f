//! UDP sockets.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use super::address::domain;
use super::net::{self, new_socket};

/// Makes a socket that is bound to `address`.
pub(crate) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = new_socket(domain(&address), libc::SOCK_DGRAM)?;
    net::bind(&socket, &address.into())?;
    Ok(UdpSocket::from(socket))
}

/// Connects the socket.
pub(crate) fn connect(socket: &UdpSocket, address: SocketAddr) -> io::Result<()> {
    socket.connect(address)
}

/// Whether the socket speaks IPv6 alone (ipv6(7), `IPV6_V6ONLY`).
pub(crate) fn only_v6(socket: &UdpSocket) -> io::Result<bool> {
    net::option(socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY).map(|value| value != 0)
}
