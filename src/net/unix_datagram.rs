use std::io;
use std::net::Shutdown;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

use crate::net::{forward, forward_debug};
use crate::sys::{self, transfer};
use crate::{Interest, IoSource};

/// A datagram socket of the Unix domain that never blocks.
///
/// # Examples
///
/// ```
/// use poised::net::UnixDatagram;
/// use poised::{Events, Interest, Poll, Token};
///
/// # fn main() -> std::io::Result<()> {
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(16);
/// let (mut here, there) = UnixDatagram::pair()?;
/// poll.registry().register(&mut here, Token(0), Interest::READABLE)?;
///
/// there.send(b"one")?;
/// poll.poll(&mut events, None)?;
/// let mut datagram = [0; 64];
/// assert_eq!(here.recv(&mut datagram)?, 3);
/// # Ok(())
/// # }
/// ```
pub struct UnixDatagram {
    inner: IoSource<net::UnixDatagram>,
}

forward!(UnixDatagram, net::UnixDatagram);
forward_debug!(UnixDatagram);

impl UnixDatagram {
    /// Makes a socket that is bound to `path`, where no file may be.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a path that is too long (108 bytes with its NUL on Linux, unix(7)) or has a NUL inside; `AddrInUse`
    /// when there is a file already; the system's own.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let socket = poised::net::UnixDatagram::bind(&path)?;
    /// # let _ = socket;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        UnixDatagram::bind_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Like [`bind`](UnixDatagram::bind), with an address, which may be abstract on Linux and Android.
    ///
    /// # Errors
    ///
    /// Those of [`bind`](UnixDatagram::bind).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let address = std::os::unix::net::SocketAddr::from_pathname(&path)?;
    /// let socket = poised::net::UnixDatagram::bind_addr(&address)?;
    /// # let _ = socket;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixDatagram> {
        sys::uds::datagram(address).map(UnixDatagram::from_std)
    }

    /// Takes a socket of the standard library over. It must be non-blocking: `set_nonblocking(true)` before.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = std::os::unix::net::UnixDatagram::unbound()?;
    /// socket.set_nonblocking(true)?;
    /// let socket = poised::net::UnixDatagram::from_std(socket);
    /// # let _ = socket;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_std(socket: net::UnixDatagram) -> UnixDatagram {
        UnixDatagram { inner: IoSource::new(socket) }
    }

    /// Makes a socket without an address: it can send, and receive once it is connected to a socket that is.
    ///
    /// # Errors
    ///
    /// The system's own, at the limit of descriptors.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = poised::net::UnixDatagram::unbound()?;
    /// assert!(socket.local_addr()?.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn unbound() -> io::Result<UnixDatagram> {
        sys::uds::unbound_datagram().map(UnixDatagram::from_std)
    }

    /// Makes two sockets that are connected with each other.
    ///
    /// # Errors
    ///
    /// The system's own, at the limit of descriptors.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (one, other) = poised::net::UnixDatagram::pair()?;
    /// # let _ = (one, other);
    /// # Ok(())
    /// # }
    /// ```
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = sys::uds::datagram_pair()?;
        Ok((UnixDatagram::from_std(one), UnixDatagram::from_std(other)))
    }

    /// Connects the socket: datagrams go to the socket at `path` and come from it alone.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a path that can't be; `NotFound` and `ConnectionRefused` when no socket is there.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let socket = poised::net::UnixDatagram::bind(&path)?;
    /// let other = poised::net::UnixDatagram::unbound()?;
    /// other.connect(&path)?;
    /// assert_eq!(other.send(b"ping")?, 4);
    /// # drop(socket);
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.inner.get_ref().connect(path)
    }

    /// The address that the socket is bound to.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let socket = poised::net::UnixDatagram::bind(&path)?;
    /// assert_eq!(socket.local_addr()?.as_pathname(), Some(path.as_path()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().local_addr()
    }

    /// The address that the socket is connected to.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (socket, peer) = poised::net::UnixDatagram::pair()?;
    /// assert!(socket.peer_addr()?.is_unnamed());
    /// # drop(peer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().peer_addr()
    }

    /// Receives a datagram: its length and its sender, which is unnamed when it was not bound.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none; the next one is an event then.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let socket = poised::net::UnixDatagram::bind(&path)?;
    /// let other = poised::net::UnixDatagram::unbound()?;
    /// other.send_to(b"ping", &path)?;
    /// let (length, from) = socket.recv_from(&mut [0; 64])?;
    /// assert!(length == 4 && from.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        // The standard library alone can make its address of every one that the kernel may give.
        self.inner.do_io(Interest::READABLE, |socket| socket.recv_from(buffer))
    }

    /// Receives a datagram.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none; the next one is an event then.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (socket, peer) = poised::net::UnixDatagram::pair()?;
    /// peer.send(b"pong")?;
    /// assert_eq!(socket.recv(&mut [0; 64])?, 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.do_io(Interest::READABLE, |socket| transfer::receive_datagram(socket, buffer))
    }

    /// Sends a datagram to the socket at `path`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is no room; the next room is an event then.
    /// Others as of [`connect`](UnixDatagram::connect).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let socket = poised::net::UnixDatagram::bind(&path)?;
    /// let other = poised::net::UnixDatagram::unbound()?;
    /// assert_eq!(other.send_to(b"ping", &path)?, 4);
    /// # drop(socket);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_to<P: AsRef<Path>>(&self, datagram: &[u8], path: P) -> io::Result<usize> {
        self.inner.do_io(Interest::WRITABLE, |socket| socket.send_to(datagram, path))
    }

    /// Sends a datagram to the socket that this one is connected to.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is no room; the next room is an event then.
    /// `NotConnected` when there is no such socket.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (socket, peer) = poised::net::UnixDatagram::pair()?;
    /// assert_eq!(socket.send(b"ping")?, 4);
    /// # drop(peer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.inner.do_io(Interest::WRITABLE, |socket| transfer::send_datagram(socket, datagram))
    }

    /// Takes the pending error (`SO_ERROR`) out of the socket.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (socket, peer) = poised::net::UnixDatagram::pair()?;
    /// assert!(socket.take_error()?.is_none());
    /// # drop(peer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.get_ref().take_error()
    }

    /// Shuts receiving, sending or both down, for every handle of the socket.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (socket, peer) = poised::net::UnixDatagram::pair()?;
    /// socket.shutdown(std::net::Shutdown::Both)?;
    /// assert!(peer.send(b"late").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.get_ref().shutdown(how)
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
    /// use std::os::fd::AsFd;
    /// # fn main() -> io::Result<()> {
    /// let (socket, peer) = poised::net::UnixDatagram::pair()?;
    /// let mut buffer = [0; 16];
    /// let result = socket.try_io(|| {
    ///     let copy = std::os::unix::net::UnixDatagram::from(socket.as_fd().try_clone_to_owned()?);
    ///     copy.recv(&mut buffer)
    /// });
    /// assert_eq!(result.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    /// # drop(peer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<F, T>(&self, operation: F) -> io::Result<T>
    where
        F: FnOnce() -> io::Result<T>,
    {
        self.inner.do_io(Interest::READABLE | Interest::WRITABLE, |_| operation())
    }
}

impl From<UnixDatagram> for net::UnixDatagram {
    /// Gives the socket back, non-blocking as it is. Deregister it before.
    fn from(socket: UnixDatagram) -> net::UnixDatagram {
        socket.inner.into_inner()
    }
}
