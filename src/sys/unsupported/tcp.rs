//! TCP sockets, which can't be made.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::unsupported;

pub(crate) fn stream(_: SocketAddr) -> io::Result<TcpStream> {
    Err(unsupported())
}

pub(crate) fn listener(_: SocketAddr) -> io::Result<TcpListener> {
    Err(unsupported())
}

pub(crate) fn accept(_: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    Err(unsupported())
}
