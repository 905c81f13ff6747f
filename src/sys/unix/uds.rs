//! Sockets of the Unix domain. Where the standard library's constructor does not block, it is used.

use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};

use super::net::{self, new_socket};

/// Connects. The kernel does it at once or says `EAGAIN`, when the listener's queue is full (connect(2)).
pub(crate) fn connect(address: &SocketAddr) -> io::Result<UnixStream> {
    let socket = new_socket(libc::AF_UNIX, libc::SOCK_STREAM)?;
    net::connect(&socket, &address.into())?;
    Ok(UnixStream::from(socket))
}

/// Listens, with the longest queue that the system allows.
pub(crate) fn listen(address: &SocketAddr) -> io::Result<UnixListener> {
    let socket = new_socket(libc::AF_UNIX, libc::SOCK_STREAM)?;
    net::bind(&socket, &address.into())?;
    net::listen(&socket, net::LONGEST_BACKLOG)?;
    Ok(UnixListener::from(socket))
}

/// Accepts a connection.
pub(crate) fn accept(listener: &UnixListener) -> io::Result<(UnixStream, SocketAddr)> {
    let (socket, address) = net::accept(listener)?;
    let stream = UnixStream::from(socket);
    let address = match address.to_unix() {
        Some(address) => address,
        None => stream.peer_addr()?,
    };
    Ok((stream, address))
}

/// Two connected streams.
pub(crate) fn stream_pair() -> io::Result<(UnixStream, UnixStream)> {
    let (one, other) = UnixStream::pair()?;
    one.set_nonblocking(true)?;
    other.set_nonblocking(true)?;
    Ok((one, other))
}

/// A datagram socket that is bound to `address`.
pub(crate) fn datagram(address: &SocketAddr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::bind_addr(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A datagram socket without an address.
pub(crate) fn unbound_datagram() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Two connected datagram sockets.
pub(crate) fn datagram_pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
    let (one, other) = UnixDatagram::pair()?;
    one.set_nonblocking(true)?;
    other.set_nonblocking(true)?;
    Ok((one, other))
}
