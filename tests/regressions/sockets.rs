//! Sockets in the states that the scenarios need.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use poised::net::{TcpListener, TcpStream, UdpSocket};
use rustix::net::{AddressFamily, SocketFlags, SocketType};

/// An address of this machine, its port to be chosen by the kernel.
pub(crate) fn any() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// A connected stream, and its blocking peer.
pub(crate) fn tcp_pair() -> (TcpStream, std::net::TcpStream) {
    let (stream, peer) = std_tcp_pair();
    stream.set_nonblocking(true).unwrap();
    (TcpStream::from_std(stream), peer)
}

/// Two connected streams, both blocking.
pub(crate) fn std_tcp_pair() -> (std::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind(any()).unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (peer, _) = listener.accept().unwrap();
    (stream, peer)
}

/// Two datagram sockets, connected to each other.
pub(crate) fn udp_pair() -> (UdpSocket, UdpSocket) {
    let one = UdpSocket::bind(any()).unwrap();
    let two = UdpSocket::bind(any()).unwrap();
    one.connect(two.local_addr().unwrap()).unwrap();
    two.connect(one.local_addr().unwrap()).unwrap();
    (one, two)
}

/// A socket that is bound and does not listen. While it lives nobody else gets its port, and connects are refused.
pub(crate) fn bound_stream_socket() -> (OwnedFd, SocketAddr) {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
    rustix::net::bind(&socket, &any()).unwrap();
    let address = rustix::net::getsockname(&socket).unwrap().try_into().unwrap();
    (socket, address)
}

/// Reads a descriptor until `WouldBlock` or the end, past our types: they see nothing of it.
pub(crate) fn drain_raw(source: impl AsFd) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match rustix::io::read(&source, &mut buffer) {
            Ok(0) | Err(rustix::io::Errno::AGAIN) => return all,
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) => panic!("read: {error}"),
        }
    }
}

/// Writes to a descriptor until `WouldBlock`, past our types; how many bytes went in.
pub(crate) fn fill_raw(source: impl AsFd) -> usize {
    let mut total = 0;
    loop {
        match rustix::io::write(&source, &[b'x'; 4096]) {
            Ok(n) => total += n,
            Err(rustix::io::Errno::AGAIN) => return total,
            Err(error) => panic!("write: {error}"),
        }
    }
}

/// Accepts until `WouldBlock`.
pub(crate) fn accept_all(listener: &TcpListener) -> Vec<TcpStream> {
    let mut all = Vec::new();
    loop {
        match listener.accept() {
            Ok((stream, _)) => all.push(stream),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return all,
            Err(error) => panic!("accept: {error}"),
        }
    }
}

/// What an operation returns that would block.
pub(crate) fn would_block() -> io::Error {
    ErrorKind::WouldBlock.into()
}
