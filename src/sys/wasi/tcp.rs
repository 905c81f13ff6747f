//! TCP sockets.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::preview;

/// Begins a connection.
pub(crate) fn stream(address: SocketAddr) -> io::Result<TcpStream> {
    preview::connect(address)
}

/// Listens, with the standard library's queue: the host decides how long it is.
pub(crate) fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Accepts a connection. Preview 1 does not tell who it is: the address is `0.0.0.0:0` there.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, address) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((stream, address))
}
