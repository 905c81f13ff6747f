//! Moving bytes by the standard library.

#[cfg(any(unix, target_os = "hermit"))]
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
#[cfg(unix)]
use std::os::unix::net::UnixDatagram;

/// A datagram socket.
pub(crate) trait Datagram {
    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize>;
    fn send(&self, buffer: &[u8]) -> io::Result<usize>;
}

impl Datagram for UdpSocket {
    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv(buffer)
    }

    fn send(&self, buffer: &[u8]) -> io::Result<usize> {
        UdpSocket::send(self, buffer)
    }
}

#[cfg(unix)]
impl Datagram for UnixDatagram {
    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv(buffer)
    }

    fn send(&self, buffer: &[u8]) -> io::Result<usize> {
        UnixDatagram::send(self, buffer)
    }
}

#[cfg(any(unix, target_os = "hermit"))]
pub(crate) fn read(mut file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    file.read(buffer)
}

#[cfg(unix)]
pub(crate) fn read_vectored(mut file: &File, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    file.read_vectored(buffers)
}

#[cfg(any(unix, target_os = "hermit"))]
pub(crate) fn write(mut file: &File, buffer: &[u8]) -> io::Result<usize> {
    file.write(buffer)
}

#[cfg(unix)]
pub(crate) fn write_vectored(mut file: &File, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    file.write_vectored(buffers)
}

/// The most slices that a call takes: Linux's limit (`IOV_MAX`, writev(2)). WinSock has none of its own, but Wine, which is
/// Linux below, fails with `WSAEMSGSIZE` above it. What is beyond makes a partial transfer, as everywhere.
const MOST_SLICES: usize = 1024;

pub(crate) fn receive<S>(mut socket: &S, buffer: &mut [u8]) -> io::Result<usize>
where
    for<'s> &'s S: Read,
{
    socket.read(buffer)
}

pub(crate) fn receive_vectored<S>(mut socket: &S, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize>
where
    for<'s> &'s S: Read,
{
    if cfg!(target_os = "wasi") {
        // wasi-libc's readv and writev know files alone: a part is what they may take, too.
        return buffers.iter_mut().find(|buffer| !buffer.is_empty()).map_or(Ok(0), |buffer| socket.read(buffer));
    }
    let most = buffers.len().min(MOST_SLICES);
    socket.read_vectored(&mut buffers[..most])
}

pub(crate) fn peek(socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    socket.peek(buffer)
}

pub(crate) fn send<S>(mut socket: &S, buffer: &[u8]) -> io::Result<usize>
where
    for<'s> &'s S: Write,
{
    socket.write(buffer)
}

pub(crate) fn send_vectored<S>(mut socket: &S, buffers: &[IoSlice<'_>]) -> io::Result<usize>
where
    for<'s> &'s S: Write,
{
    if cfg!(target_os = "wasi") {
        return buffers.iter().find(|buffer| !buffer.is_empty()).map_or(Ok(0), |buffer| socket.write(buffer));
    }
    socket.write_vectored(&buffers[..buffers.len().min(MOST_SLICES)])
}

pub(crate) fn receive_datagram(socket: &impl Datagram, buffer: &mut [u8]) -> io::Result<usize> {
    socket.receive(buffer)
}

pub(crate) fn peek_datagram(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<usize> {
    socket.peek(buffer)
}

pub(crate) fn send_datagram(socket: &impl Datagram, buffer: &[u8]) -> io::Result<usize> {
    socket.send(buffer)
}

pub(crate) fn receive_from(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    socket.recv_from(buffer)
}

pub(crate) fn peek_from(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    socket.peek_from(buffer)
}

pub(crate) fn send_to(socket: &UdpSocket, buffer: &[u8], to: SocketAddr) -> io::Result<usize> {
    socket.send_to(buffer, to)
}
