//! Preview 1 has no calls to make sockets. The standard library says so: its error is of kind `Unsupported`.

use std::io;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::RawFd;

pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(address)
}

pub(crate) fn only_v6(_: &UdpSocket) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nothing: there are no datagrams.
#[allow(clippy::unnecessary_wraps)] // Preview 2 may fail.
pub(crate) fn open_streams(_: RawFd) -> io::Result<()> {
    Ok(())
}
