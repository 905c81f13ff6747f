//! UDP sockets, which can't be made.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use super::unsupported;

pub(crate) fn bind(_: SocketAddr) -> io::Result<UdpSocket> {
    Err(unsupported())
}

pub(crate) fn only_v6(_: &UdpSocket) -> io::Result<bool> {
    Err(unsupported())
}

pub(crate) fn connect(_: &UdpSocket, _: SocketAddr) -> io::Result<()> {
    Err(unsupported())
}
