use std::io;
use std::net::Shutdown;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

use crate::net::{forward, forward_debug, forward_stream};
use crate::{sys, Interest, IoSource};

/// A connection of the Unix domain that never blocks.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use poised::net::UnixStream;
/// use poised::{Events, Interest, Poll, Token};
///
/// # fn main() -> std::io::Result<()> {
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(16);
/// let (mut here, mut there) = UnixStream::pair()?;
/// poll.registry().register(&mut here, Token(0), Interest::READABLE)?;
///
/// there.write_all(b"hello")?;
/// poll.poll(&mut events, None)?;
/// let mut text = [0; 16];
/// assert_eq!(here.read(&mut text)?, 5);
/// # Ok(())
/// # }
/// ```
pub struct UnixStream {
    inner: IoSource<net::UnixStream>,
}

forward!(UnixStream, net::UnixStream);
forward_debug!(UnixStream);
forward_stream!(UnixStream);

impl UnixStream {
    /// Connects to the listener at `path`.
    ///
    /// The kernel connects Unix sockets at once: there is nothing to wait for.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a path that is too long (108 bytes with its NUL on Linux, unix(7)) or has a NUL inside; `WouldBlock`
    /// when the listener's queue is full: try again later; `NotFound` and `ConnectionRefused` when nobody listens there.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// # let listener = poised::net::UnixListener::bind(&path)?;
    /// let stream = poised::net::UnixStream::connect(&path)?;
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        UnixStream::connect_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Connects to the listener at `address`, which may be abstract on Linux and Android.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](UnixStream::connect).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// # let listener = poised::net::UnixListener::bind(&path)?;
    /// let address = std::os::unix::net::SocketAddr::from_pathname(&path)?;
    /// let stream = poised::net::UnixStream::connect_addr(&address)?;
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_addr(address: &SocketAddr) -> io::Result<UnixStream> {
        sys::uds::connect(address).map(UnixStream::from_std)
    }

    /// Takes a stream of the standard library over. It must be non-blocking: `set_nonblocking(true)` before.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (one, _other) = std::os::unix::net::UnixStream::pair()?;
    /// one.set_nonblocking(true)?;
    /// let stream = poised::net::UnixStream::from_std(one);
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_std(stream: net::UnixStream) -> UnixStream {
        UnixStream { inner: IoSource::new(stream) }
    }

    /// Makes two streams that are connected with each other.
    ///
    /// # Errors
    ///
    /// The system's own, at the limit of descriptors.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (one, other) = poised::net::UnixStream::pair()?;
    /// # let _ = (one, other);
    /// # Ok(())
    /// # }
    /// ```
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = sys::uds::stream_pair()?;
        Ok((UnixStream::from_std(one), UnixStream::from_std(other)))
    }

    /// The address of this end.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (stream, peer) = poised::net::UnixStream::pair()?;
    /// assert!(stream.local_addr()?.is_unnamed());
    /// # drop(peer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().local_addr()
    }

    /// The address of the other end.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (stream, peer) = poised::net::UnixStream::pair()?;
    /// assert!(stream.peer_addr()?.is_unnamed());
    /// # drop(peer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().peer_addr().map_err(sys::error::no_peer)
    }

    /// Takes the pending error (`SO_ERROR`) out of the socket.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (stream, peer) = poised::net::UnixStream::pair()?;
    /// assert!(stream.take_error()?.is_none());
    /// # drop(peer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.get_ref().take_error()
    }

    /// Shuts the reading half, the writing half or both down, for every handle of the connection.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::Read;
    /// let (stream, mut peer) = poised::net::UnixStream::pair()?;
    /// stream.shutdown(std::net::Shutdown::Write)?;
    /// assert_eq!(peer.read(&mut [0; 1])?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.get_ref().shutdown(how)
    }

    /// Runs an operation of one's own on the stream: a system call that this type does not have.
    ///
    /// When it gives `WouldBlock`, the next readiness is an event; so it must give that only when the stream did. See
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
    /// let (stream, peer) = poised::net::UnixStream::pair()?;
    /// let mut buffer = [0; 16];
    /// let result = stream.try_io(|| {
    ///     let mut copy = std::os::unix::net::UnixStream::from(stream.as_fd().try_clone_to_owned()?);
    ///     io::Read::read(&mut copy, &mut buffer)
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

impl From<UnixStream> for net::UnixStream {
    /// Gives the stream back, non-blocking as it is. Deregister it before.
    fn from(stream: UnixStream) -> net::UnixStream {
        stream.inner.into_inner()
    }
}
