use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::net::{forward, forward_debug};
use crate::sys::{self, transfer};
use crate::{Interest, IoSource};

/// A UDP socket that never blocks.
///
/// Datagrams are sent and received whole: what is longer than the buffer is cut off, and lost.
///
/// # When nobody listens
///
/// The machine that a datagram was sent to may answer that nobody has the port.
///
/// | | Unix | Windows |
/// | --- | --- | --- |
/// | not connected | nothing is reported | the same: `SIO_UDP_CONNRESET` is switched off, since the error would meet the next receive, whoever has sent |
/// | [connected](UdpSocket::connect) | the next operation fails with `ConnectionRefused` | the next receive fails with `ConnectionReset`: it is switched on |
/// | from [`from_std`](UdpSocket::from_std) | likewise | as it was set; Windows' own default is on |
///
/// A program for Windows chooses otherwise by `poised::windows::UdpSocketExt`. The option is described in Microsoft's
/// [Winsock IOCTLs]; that programs should hear of it at all is in [RFC 1122], section 4.1.3.3.
///
/// [Winsock IOCTLs]: https://learn.microsoft.com/en-us/windows/win32/winsock/winsock-ioctls
/// [RFC 1122]: https://www.rfc-editor.org/rfc/rfc1122#section-4.1.3.3
///
/// # Examples
///
/// ```
/// use poised::net::UdpSocket;
/// use poised::{Events, Interest, Poll, Token};
///
/// # fn main() -> std::io::Result<()> {
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(16);
///
/// let mut server = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
/// poll.registry().register(&mut server, Token(0), Interest::READABLE)?;
///
/// let client = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
/// client.send_to(b"ping", server.local_addr()?)?;
///
/// poll.poll(&mut events, None)?;
/// let mut datagram = [0; 1500];
/// let (length, from) = server.recv_from(&mut datagram)?;
/// assert_eq!((&datagram[..length], from), (&b"ping"[..], client.local_addr()?));
/// # Ok(())
/// # }
/// ```
pub struct UdpSocket {
    inner: IoSource<net::UdpSocket>,
}

forward!(UdpSocket, net::UdpSocket);
forward_debug!(UdpSocket);

impl UdpSocket {
    /// Makes a socket that is bound to `address`. Port 0 lets the system choose one.
    ///
    /// When nobody listens where a datagram was sent to, receiving goes on as if nothing had been sent, on every system,
    /// until the socket is [connected](UdpSocket#when-nobody-listens).
    ///
    /// # Errors
    ///
    /// The system's own: `AddrInUse`, `AddrNotAvailable`, an address family that it lacks, the limit of descriptors.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// assert_ne!(socket.local_addr()?.port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
        sys::udp::bind(address).map(UdpSocket::from_std)
    }

    /// Takes a socket of the standard library over. It must be non-blocking: `set_nonblocking(true)` before.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let socket = poised::net::UdpSocket::from_std(socket);
    /// # let _ = socket;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_std(socket: net::UdpSocket) -> UdpSocket {
        UdpSocket { inner: IoSource::new(socket) }
    }

    /// The address that the socket is bound to.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// assert!(socket.local_addr()?.ip().is_loopback());
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().local_addr()
    }

    /// The address that the socket is [connected](UdpSocket::connect) to; an error of kind `NotConnected` when it is not.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// socket.connect(socket.local_addr()?)?;
    /// assert_eq!(socket.peer_addr()?, socket.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().peer_addr()
    }

    /// Sends a datagram to `to`, and says how many bytes it had.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is no room; the next room is an event then.
    /// What the network says of an earlier datagram may be an error here as well.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// assert_eq!(socket.send_to(b"ping", socket.local_addr()?)?, 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.inner.do_io(Interest::WRITABLE, |socket| transfer::send_to(socket, datagram, to))
    }

    /// Receives a datagram: its length and its sender.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none; the next one is an event then.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// # socket.send_to(b"ping", socket.local_addr()?)?;
    /// let mut buffer = [0; 1500];
    /// let (length, from) = socket.recv_from(&mut buffer)?;
    /// assert_eq!((length, from), (4, socket.local_addr()?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.inner.do_io(Interest::READABLE, |socket| transfer::receive_from(socket, buffer))
    }

    /// Receives a datagram and leaves it in the socket.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none; the next one is an event then.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// # socket.send_to(b"ping", socket.local_addr()?)?;
    /// let mut buffer = [0; 1500];
    /// assert_eq!(socket.peek_from(&mut buffer)?, socket.recv_from(&mut buffer)?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.inner.do_io(Interest::READABLE, |socket| transfer::peek_from(socket, buffer))
    }

    /// Sends a datagram to the address that the socket is [connected](UdpSocket::connect) to.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is no room; the next room is an event then.
    /// `ConnectionRefused` when [nobody listens](UdpSocket#when-nobody-listens) where an earlier datagram went, on Unix.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// # let peer = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// # socket.connect(peer.local_addr()?)?;
    /// # peer.connect(socket.local_addr()?)?;
    /// assert_eq!(socket.send(b"ping")?, 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.inner.do_io(Interest::WRITABLE, |socket| transfer::send_datagram(socket, datagram))
    }

    /// Receives a datagram from the address that the socket is [connected](UdpSocket::connect) to.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none; the next one is an event then.
    /// `ConnectionRefused`, or `ConnectionReset`, when [nobody listens](UdpSocket#when-nobody-listens) there.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// # let peer = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// # socket.connect(peer.local_addr()?)?;
    /// # peer.connect(socket.local_addr()?)?;
    /// peer.send(b"pong")?;
    /// let mut buffer = [0; 1500];
    /// assert_eq!(socket.recv(&mut buffer)?, 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.do_io(Interest::READABLE, |socket| transfer::receive_datagram(socket, buffer))
    }

    /// Receives a datagram from the connected address and leaves it in the socket.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none; the next one is an event then.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// # let peer = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// # socket.connect(peer.local_addr()?)?;
    /// # peer.connect(socket.local_addr()?)?;
    /// peer.send(b"pong")?;
    /// let mut buffer = [0; 1500];
    /// assert_eq!(socket.peek(&mut buffer)?, 4);
    /// assert_eq!(socket.recv(&mut buffer)?, 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.do_io(Interest::READABLE, |socket| transfer::peek_datagram(socket, buffer))
    }

    /// Connects the socket: datagrams go to `address` and come from it alone. No packet is sent for that.
    ///
    /// That nobody [listens](UdpSocket#when-nobody-listens) there is an error of later operations from now on.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// let peer = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.connect(peer.local_addr()?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(&self, address: SocketAddr) -> io::Result<()> {
        sys::udp::connect(self.inner.get_ref(), address)
    }

    /// Allows or forbids to send to broadcast addresses (`SO_BROADCAST`).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// socket.set_broadcast(true)?;
    /// assert!(socket.broadcast()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.inner.get_ref().set_broadcast(on)
    }

    /// Whether the socket may send to broadcast addresses (`SO_BROADCAST`).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// assert!(!socket.broadcast()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn broadcast(&self) -> io::Result<bool> {
        self.inner.get_ref().broadcast()
    }

    /// Sets whether multicast datagrams that are sent come back to this machine (`IP_MULTICAST_LOOP`).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// socket.set_multicast_loop_v4(false)?;
    /// assert!(!socket.multicast_loop_v4()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.inner.get_ref().set_multicast_loop_v4(on)
    }

    /// Whether multicast datagrams that are sent come back to this machine (`IP_MULTICAST_LOOP`).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// assert!(socket.multicast_loop_v4()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.inner.get_ref().multicast_loop_v4()
    }

    /// Sets how many routers a multicast datagram may pass (`IP_MULTICAST_TTL`).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// socket.set_multicast_ttl_v4(4)?;
    /// assert_eq!(socket.multicast_ttl_v4()?, 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.inner.get_ref().set_multicast_ttl_v4(ttl)
    }

    /// How many routers a multicast datagram may pass (`IP_MULTICAST_TTL`).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// assert_eq!(socket.multicast_ttl_v4()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.inner.get_ref().multicast_ttl_v4()
    }

    /// Sets whether multicast datagrams that are sent come back to this machine (`IPV6_MULTICAST_LOOP`).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// // Where the system has IPv6.
    /// let Ok(socket) = poised::net::UdpSocket::bind("[::1]:0".parse().unwrap()) else { return Ok(()) };
    /// socket.set_multicast_loop_v6(false)?;
    /// assert!(!socket.multicast_loop_v6()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.inner.get_ref().set_multicast_loop_v6(on)
    }

    /// Whether multicast datagrams that are sent come back to this machine (`IPV6_MULTICAST_LOOP`).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// // Where the system has IPv6.
    /// let Ok(socket) = poised::net::UdpSocket::bind("[::1]:0".parse().unwrap()) else { return Ok(()) };
    /// assert!(socket.multicast_loop_v6()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.inner.get_ref().multicast_loop_v6()
    }

    /// Sets how many routers a packet may pass (`IP_TTL`).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// socket.set_ttl(16)?;
    /// assert_eq!(socket.ttl()?, 16);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.inner.get_ref().set_ttl(ttl)
    }

    /// How many routers a packet may pass (`IP_TTL`).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// assert!(socket.ttl()? > 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.inner.get_ref().ttl()
    }

    /// Joins a multicast group, on the interface with that address; `UNSPECIFIED` lets the system choose one.
    ///
    /// # Errors
    ///
    /// The system's own: `NoDevice` (`ENODEV`) where no interface fits.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::net::Ipv4Addr;
    /// let socket = poised::net::UdpSocket::bind("0.0.0.0:0".parse().unwrap())?;
    /// socket.join_multicast_v4(&Ipv4Addr::new(224, 0, 0, 251), &Ipv4Addr::LOCALHOST)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.inner.get_ref().join_multicast_v4(group, interface)
    }

    /// Joins a multicast group, on the interface with that index; 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// The system's own, when no interface fits.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::net::Ipv6Addr;
    /// // Where the system has IPv6.
    /// let Ok(socket) = poised::net::UdpSocket::bind("[::1]:0".parse().unwrap()) else { return Ok(()) };
    /// let group: Ipv6Addr = "ff01::fb".parse().unwrap();
    /// // Not every machine has an interface for it.
    /// let joined = socket.join_multicast_v6(&group, 0);
    /// # let _ = joined;
    /// # Ok(())
    /// # }
    /// ```
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.inner.get_ref().join_multicast_v6(group, interface)
    }

    /// Leaves a multicast group that was [joined](UdpSocket::join_multicast_v4).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::net::Ipv4Addr;
    /// let socket = poised::net::UdpSocket::bind("0.0.0.0:0".parse().unwrap())?;
    /// let group = Ipv4Addr::new(224, 0, 0, 251);
    /// socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;
    /// socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.inner.get_ref().leave_multicast_v4(group, interface)
    }

    /// Leaves a multicast group that was [joined](UdpSocket::join_multicast_v6).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::net::Ipv6Addr;
    /// // Where the system has IPv6.
    /// let Ok(socket) = poised::net::UdpSocket::bind("[::1]:0".parse().unwrap()) else { return Ok(()) };
    /// let group: Ipv6Addr = "ff01::fb".parse().unwrap();
    /// if socket.join_multicast_v6(&group, 0).is_ok() {
    ///     socket.leave_multicast_v6(&group, 0)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.inner.get_ref().leave_multicast_v6(group, interface)
    }

    /// Whether the socket speaks IPv6 alone, and no IPv4 by mapped addresses (`IPV6_V6ONLY`).
    ///
    /// # Errors
    ///
    /// The system's own for a socket that is not IPv6.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// // Where the system has IPv6.
    /// let Ok(socket) = poised::net::UdpSocket::bind("[::1]:0".parse().unwrap()) else { return Ok(()) };
    /// let only_v6 = socket.only_v6()?;
    /// # let _ = only_v6;
    /// # Ok(())
    /// # }
    /// ```
    pub fn only_v6(&self) -> io::Result<bool> {
        sys::udp::only_v6(self.inner.get_ref())
    }

    /// Takes the pending error (`SO_ERROR`) out of the socket.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// assert!(socket.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.get_ref().take_error()
    }

    /// Runs an operation of one's own on the socket: a system call that this type does not have.
    ///
    /// When it gives `WouldBlock`, the next readiness is an event; so it must give that only when the socket did. See
    /// [`IoSource::do_io`].
    ///
    /// # Errors
    ///
    /// Those of the operation.
    ///
    /// ```
    /// use std::io;
    /// # #[cfg(unix)]
    /// use std::os::fd::AsFd;
    /// # #[cfg(unix)]
    /// # fn main() -> io::Result<()> {
    /// let socket = poised::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// let mut buffer = [0; 1500];
    /// let result = socket.try_io(|| {
    ///     let copy = std::net::UdpSocket::from(socket.as_fd().try_clone_to_owned()?);
    ///     copy.recv_from(&mut buffer)
    /// });
    /// assert_eq!(result.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn try_io<F, T>(&self, operation: F) -> io::Result<T>
    where
        F: FnOnce() -> io::Result<T>,
    {
        self.inner.do_io(Interest::READABLE | Interest::WRITABLE, |_| operation())
    }
}

impl From<UdpSocket> for net::UdpSocket {
    /// Gives the socket back, non-blocking as it is. Deregister it before.
    fn from(socket: UdpSocket) -> net::UdpSocket {
        socket.inner.into_inner()
    }
}
