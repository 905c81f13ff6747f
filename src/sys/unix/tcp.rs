//! TCP sockets.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::address::domain;
use super::net::{self, new_socket};

/// Begins a connection.
pub(crate) fn stream(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = new_socket(domain(&address), libc::SOCK_STREAM)?;
    net::connect(&socket, &address.into())?;
    Ok(TcpStream::from(socket))
}

/// Listens. `SO_REUSEADDR` lets a server start again while connections of its last run are in `TIME_WAIT` (socket(7)).
pub(crate) fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = new_socket(domain(&address), libc::SOCK_STREAM)?;
    net::enable(&socket, libc::SO_REUSEADDR)?;
    net::bind(&socket, &address.into())?;
    net::listen(&socket, net::LONGEST_BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// Accepts a connection. macOS gives no address for a peer that is gone already: there is nobody to serve.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        let (socket, address) = net::accept(listener)?;
        if !address.is_empty() {
            return Ok((TcpStream::from(socket), address.to_ip()?));
        }
    }
}
