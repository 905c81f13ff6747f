//! Sockets in the states that the scenarios need.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};

use poised::net::{TcpListener, TcpStream};

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

/// A connected stream of the family in which what one side sends is there for the other at once, and its peer.
#[cfg(unix)]
pub(crate) fn pair() -> (poised::net::UnixStream, poised::net::UnixStream) {
    poised::net::UnixStream::pair().unwrap()
}

/// A connected stream, and its peer.
#[cfg(windows)]
pub(crate) fn pair() -> (TcpStream, std::net::TcpStream) {
    tcp_pair()
}

/// Two connected streams, both blocking.
pub(crate) fn std_tcp_pair() -> (std::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind(any()).unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (peer, _) = listener.accept().unwrap();
    (stream, peer)
}

/// Two datagram sockets, connected to each other.
#[cfg(target_os = "linux")]
pub(crate) fn udp_pair() -> (poised::net::UdpSocket, poised::net::UdpSocket) {
    let [one, two] = [any(), any()].map(|address| poised::net::UdpSocket::bind(address).unwrap());
    one.connect(two.local_addr().unwrap()).unwrap();
    two.connect(one.local_addr().unwrap()).unwrap();
    (one, two)
}

/// An address that refuses connections while the first part lives: that of a client, whose port nobody else gets.
pub(crate) fn refusing_address() -> (impl Sized, SocketAddr) {
    let (client, peer) = std_tcp_pair();
    let address = client.local_addr().unwrap();
    ((client, peer), address)
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
