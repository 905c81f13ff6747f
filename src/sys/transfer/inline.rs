//! Moving bytes by inline system calls. `MSG_NOSIGNAL`: a peer that is gone is an error, never a signal.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsFd;

use rustix::net::{self, RecvFlags, SendAncillaryBuffer, SendFlags};

#[inline]
pub(crate) fn read(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::read(file, buffer)?)
}

#[inline]
pub(crate) fn read_vectored(file: &File, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    Ok(rustix::io::readv(file, buffers)?)
}

#[inline]
pub(crate) fn write(file: &File, buffer: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::write(file, buffer)?)
}

#[inline]
pub(crate) fn write_vectored(file: &File, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    Ok(rustix::io::writev(file, buffers)?)
}

#[inline]
pub(crate) fn receive(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    receive_datagram(socket, buffer)
}

#[inline]
pub(crate) fn receive_vectored(socket: &impl AsFd, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    Ok(rustix::io::readv(socket, buffers)?)
}

#[inline]
pub(crate) fn peek(socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(net::recv(socket, buffer, RecvFlags::PEEK)?.0)
}

#[inline]
pub(crate) fn send(socket: &impl AsFd, buffer: &[u8]) -> io::Result<usize> {
    send_datagram(socket, buffer)
}

#[inline]
pub(crate) fn send_vectored(socket: &impl AsFd, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    // Longer lists than the kernel takes are an error to it and a partial write to everybody else: IOV_MAX, writev(2).
    let buffers = &buffers[..buffers.len().min(1024)];
    Ok(net::sendmsg(socket, buffers, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL)?)
}

#[inline]
pub(crate) fn receive_datagram(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(net::recv(socket, buffer, RecvFlags::empty())?.0)
}

#[inline]
pub(crate) fn peek_datagram(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(net::recv(socket, buffer, RecvFlags::PEEK)?.0)
}

#[inline]
pub(crate) fn send_datagram(socket: &impl AsFd, buffer: &[u8]) -> io::Result<usize> {
    Ok(net::send(socket, buffer, SendFlags::NOSIGNAL)?)
}

#[inline]
pub(crate) fn receive_from(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    with_sender(net::recvfrom(socket, buffer, RecvFlags::empty())?)
}

#[inline]
pub(crate) fn peek_from(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    with_sender(net::recvfrom(socket, buffer, RecvFlags::PEEK)?)
}

#[inline]
pub(crate) fn send_to(socket: &UdpSocket, buffer: &[u8], to: SocketAddr) -> io::Result<usize> {
    Ok(net::sendto(socket, buffer, SendFlags::NOSIGNAL, &to)?)
}

type Received<T> = (T, usize, Option<net::SocketAddrAny>);

fn with_sender<T>((_, length, sender): Received<T>) -> io::Result<(usize, SocketAddr)> {
    let not_ip = || io::Error::new(io::ErrorKind::InvalidInput, "the sender's address is neither IPv4 nor IPv6");
    let sender = sender.and_then(|sender| SocketAddr::try_from(sender).ok()).ok_or_else(not_ip)?;
    Ok((length, sender))
}
