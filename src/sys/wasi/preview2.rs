//! The socket calls of preview 2 that the standard library does not make, or not without waiting. They go through
//! wasi-libc, which has them as Unix does.

use std::io;
use std::mem;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use libc::{c_int, sockaddr, sockaddr_in, sockaddr_in6, socklen_t};

use super::check;

/// Begins a connection. That it takes a while is no error.
pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let domain = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: takes plain numbers.
    let fd = check(unsafe { libc::socket(domain, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let begun = match address {
        SocketAddr::V4(v4) => {
            // SAFETY: it is made of integers, for which zero is a value.
            let mut c: sockaddr_in = unsafe { mem::zeroed() };
            c.sin_family = family(domain);
            c.sin_port = v4.port().to_be();
            c.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
            connect_to(fd, &c)
        }
        SocketAddr::V6(v6) => {
            // SAFETY: likewise.
            let mut c: sockaddr_in6 = unsafe { mem::zeroed() };
            c.sin6_family = family(domain);
            c.sin6_port = v6.port().to_be();
            c.sin6_addr.s6_addr = v6.ip().octets();
            c.sin6_flowinfo = v6.flowinfo();
            c.sin6_scope_id = v6.scope_id();
            connect_to(fd, &c)
        }
    };
    match begun {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(TcpStream::from(socket)),
    }
}

/// Connects to an address in C's layout, which `T` is: all of them begin with their family.
fn connect_to<T>(fd: RawFd, address: &T) -> io::Result<()> {
    let address: *const T = address;
    // SAFETY: the pointer and length are those of an initialised address that lives for the call.
    check(unsafe { libc::connect(fd, address.cast::<sockaddr>(), size_of::<T>()) }).map(drop)
}

/// Whether the socket speaks IPv6 alone (`IPV6_V6ONLY`). One of preview 2 does, if it speaks IPv6: there are no others
/// (wasi-sockets 0.2, `create-udp-socket`), and no option to ask.
pub(crate) fn only_v6(socket: &UdpSocket) -> io::Result<bool> {
    if socket.local_addr()?.is_ipv6() {
        return Ok(true);
    }
    // As Linux says of a socket that does not speak it.
    Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP))
}

/// Lets a datagram socket without a peer begin to receive. Until it does, the wasi-libc of before 2025 calls it ready
/// whether it is or not.
///
/// It begins when it is asked for a datagram, which might come, when it sends one, and when it is connected to nobody,
/// which it is anyway.
pub(crate) fn open_streams(fd: RawFd) -> io::Result<()> {
    // What is no socket has no protocol.
    if protocol(fd).ok() != Some(libc::IPPROTO_UDP) || has_peer(fd) {
        return Ok(());
    }
    // SAFETY: it is made of integers, for which zero is a value; as a family that is none, `AF_UNSPEC`.
    let nobody: sockaddr_in = unsafe { mem::zeroed() };
    connect_to(fd, &nobody)
}

fn protocol(fd: RawFd) -> io::Result<c_int> {
    let mut value: c_int = 0;
    let mut length = size_of::<c_int>();
    let room: *mut c_int = &mut value;
    // SAFETY: the call writes at most `length` bytes to `value`, which has them.
    check(unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PROTOCOL, room.cast(), &mut length) })?;
    Ok(value)
}

fn has_peer(fd: RawFd) -> bool {
    // SAFETY: the descriptor is open for the length of the call: who registers it has it. It is not closed with this.
    let socket = mem::ManuallyDrop::new(unsafe { UdpSocket::from_raw_fd(fd) });
    debug_assert_eq!(socket.as_raw_fd(), fd);
    socket.peer_addr().is_ok()
}

/// A family as it is stored in an address.
fn family(family: c_int) -> libc::sa_family_t {
    // Families are small numbers.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let family = family as libc::sa_family_t;
    family
}

/// The size of a C type as socket calls take it.
fn size_of<T>() -> socklen_t {
    // The types of socket calls are small.
    #[allow(clippy::cast_possible_truncation)]
    let size = mem::size_of::<T>() as socklen_t;
    size
}
