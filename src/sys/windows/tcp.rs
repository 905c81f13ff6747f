//! TCP sockets.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::windows::io::OwnedSocket;

use windows_sys::Win32::Networking::WinSock::{self, SOCKET_ERROR, SOCK_STREAM};

use super::net::{new_ip_socket, raw, set_no_inherit, socket_addr};
use super::syscall;

/// `SOMAXCONN_HINT(4096)`: a queue of that length, or the longest that the system has. (`SOMAXCONN` is what the provider
/// finds reasonable: a few hundred on Windows, a dozen under Wine 8.)
const LONGEST_BACKLOG: i32 = -4096;

/// Begins a connection.
pub(crate) fn stream(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = new_for_addr(address)?;
    connect(&socket, address)?;
    Ok(TcpStream::from(socket))
}

/// Listens. Without `SO_REUSEADDR`, which on Windows lets another program take the address over; what stands in
/// `TIME_WAIT` does not keep it.
pub(crate) fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = new_for_addr(address)?;
    bind(&socket, address)?;
    listen(&socket, LONGEST_BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// A socket of the address' family.
pub(crate) fn new_for_addr(address: SocketAddr) -> io::Result<OwnedSocket> {
    new_ip_socket(address, SOCK_STREAM)
}

pub(crate) fn bind(socket: &OwnedSocket, address: SocketAddr) -> io::Result<()> {
    let (address, length) = socket_addr(&address);
    // SAFETY: the address is as long as said, and lives for the call.
    let bound = unsafe { WinSock::bind(raw(socket), address.as_ptr(), length) };
    syscall!(bound, PartialEq::eq, SOCKET_ERROR).map(drop)
}

/// Begins to connect. That it takes a while is no error.
pub(crate) fn connect(socket: &OwnedSocket, address: SocketAddr) -> io::Result<()> {
    let (address, length) = socket_addr(&address);
    // SAFETY: the address is as long as said, and lives for the call.
    let begun = unsafe { WinSock::connect(raw(socket), address.as_ptr(), length) };
    match syscall!(begun, PartialEq::eq, SOCKET_ERROR) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        result => result.map(drop),
    }
}

pub(crate) fn listen(socket: &OwnedSocket, backlog: i32) -> io::Result<()> {
    // SAFETY: takes plain numbers.
    let listens = unsafe { WinSock::listen(raw(socket), backlog) };
    syscall!(listens, PartialEq::eq, SOCKET_ERROR).map(drop)
}

/// Accepts a connection. Its socket is non-blocking if the listener is (accept, Remarks), and not inherited.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, address) = listener.accept()?;
    // What the flag of the listener's making means for accepted sockets is not documented.
    set_no_inherit(&stream)?;
    Ok((stream, address))
}
