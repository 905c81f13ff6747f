//! Sockets past every type of ours and of the standard library: in states that those cannot bring about, and used so
//! that ours see nothing of it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::sockets::any;

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

/// What an operation returns that would block.
pub(crate) fn would_block() -> io::Error {
    ErrorKind::WouldBlock.into()
}
