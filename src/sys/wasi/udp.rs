//! UDP sockets.

use std::io;
use std::net::{SocketAddr, UdpSocket};

pub(crate) use super::preview::only_v6;

/// Makes a socket that is bound to `address`.
pub(crate) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Chooses the peer.
pub(crate) fn connect(socket: &UdpSocket, address: SocketAddr) -> io::Result<()> {
    socket.connect(address)
}
