use std::io;
use std::net::{self, Shutdown, SocketAddr};

use crate::net::{forward, forward_debug, forward_stream};
use crate::sys::{self, transfer};
use crate::{Interest, IoSource};

/// A TCP connection that never blocks.
///
/// # Examples
///
/// The six steps until a stream is usable, see [`connect`](TcpStream::connect):
///
/// ```
/// use std::io::{self, Write};
/// use poised::net::TcpStream;
/// use poised::{Events, Interest, Poll, Token};
///
/// # fn main() -> io::Result<()> {
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let address = listener.local_addr()?;
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(16);
///
/// let mut stream = TcpStream::connect(address)?; // 1
/// poll.registry().register(&mut stream, Token(0), Interest::WRITABLE)?; // 2
/// 'connected: loop {
///     poll.poll(&mut events, None)?; // 3
///     for event in &events {
///         assert_eq!(event.token(), Token(0));
///         if let Some(error) = stream.take_error()? {
///             return Err(error); // 4
///         }
///         match stream.peer_addr() { // 5
///             Ok(_) => break 'connected,
///             Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
///             Err(error) => return Err(error),
///         }
///     }
/// }
/// stream.write_all(b"hello")?; // 6
/// # Ok(())
/// # }
/// ```
pub struct TcpStream {
    inner: IoSource<net::TcpStream>,
}

forward!(TcpStream, net::TcpStream);
forward_debug!(TcpStream);
forward_stream!(TcpStream);

impl TcpStream {
    /// Begins to connect to `address`, and returns at once.
    ///
    /// The stream is usable after six steps:
    ///
    /// 1. `connect`, this function. An error here is one of making the socket, or one that is known at once.
    /// 2. Register the stream for [`WRITABLE`](Interest::WRITABLE).
    /// 3. Wait for an event. It comes when the attempt has ended, well or not; it may be spurious.
    /// 4. [`take_error`](TcpStream::take_error): an error there says why the attempt failed.
    /// 5. [`peer_addr`](TcpStream::peer_addr): `Ok` says that the stream is connected; an error of kind
    ///    [`NotConnected`](io::ErrorKind::NotConnected) that the event was spurious: back to 3. (Windows and macOS may
    ///    say `EINPROGRESS` or `EINVAL` instead.)
    /// 6. Use the stream.
    ///
    /// To bind or to set options before, make the socket with the `socket2` crate, set it non-blocking, connect it, and
    /// go on from [`from_std`](TcpStream::from_std) at step 2.
    ///
    /// # Errors
    ///
    /// The system's own: at the limit of descriptors, an address family that it lacks, no route.
    ///
    /// # Examples
    ///
    /// The [type's example](TcpStream#examples) does the six steps.
    ///
    /// ```
    /// use poised::net::TcpStream;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        sys::tcp::stream(address).map(TcpStream::from_std)
    }

    /// Takes a stream of the standard library over. It must be non-blocking: `set_nonblocking(true)` before.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_nonblocking(true)?;
    /// let stream = poised::net::TcpStream::from_std(stream);
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_std(stream: net::TcpStream) -> TcpStream {
        TcpStream { inner: IoSource::new(stream) }
    }

    /// The address of the other end: an error of kind `NotConnected` while there is none.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// # let stream = poised::net::TcpStream::from_std(stream);
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().peer_addr().map_err(sys::error::no_peer)
    }

    /// The address of this end.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// # let stream = poised::net::TcpStream::from_std(stream);
    /// assert!(stream.local_addr()?.ip().is_loopback());
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().local_addr()
    }

    /// Shuts the reading half, the writing half or both down, for every handle of the connection.
    ///
    /// # Errors
    ///
    /// `NotConnected` when there is no connection, on some systems also when the half is shut down already.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// # let stream = poised::net::TcpStream::from_std(stream);
    /// stream.shutdown(std::net::Shutdown::Write)?; // The peer reads the end of the stream.
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.get_ref().shutdown(how)
    }

    /// Switches Nagle's algorithm off (`TCP_NODELAY`): small writes are sent at once.
    ///
    /// On Windows only when the stream is connected.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// # let stream = poised::net::TcpStream::from_std(stream);
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.inner.get_ref().set_nodelay(nodelay)
    }

    /// Whether `TCP_NODELAY` is set.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// # let stream = poised::net::TcpStream::from_std(stream);
    /// assert!(!stream.nodelay()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn nodelay(&self) -> io::Result<bool> {
        self.inner.get_ref().nodelay()
    }

    /// Sets how many routers a packet may pass (`IP_TTL`).
    ///
    /// On Windows only when the stream is connected.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// # let stream = poised::net::TcpStream::from_std(stream);
    /// stream.set_ttl(16)?;
    /// assert_eq!(stream.ttl()?, 16);
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
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// # let stream = poised::net::TcpStream::from_std(stream);
    /// assert!(stream.ttl()? > 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.inner.get_ref().ttl()
    }

    /// Takes the pending error (`SO_ERROR`) out of the socket: why connecting failed, for instance.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// # let stream = poised::net::TcpStream::from_std(stream);
    /// assert!(stream.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.get_ref().take_error()
    }

    /// Reads without taking what was read out of the stream.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is nothing; the next readiness is an event then.
    ///
    /// ```
    /// # use std::io::Write;
    /// # fn main() -> std::io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let mut peer = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// # let stream = poised::net::TcpStream::from_std(listener.accept()?.0);
    /// # peer.write_all(b"first line")?;
    /// let mut start = [0; 5];
    /// assert_eq!(stream.peek(&mut start)?, 5);
    /// assert_eq!(&start, b"first");
    /// # Ok(())
    /// # }
    /// ```
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.do_io(Interest::READABLE, |stream| transfer::peek(stream, buffer))
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
    /// # #[cfg(unix)]
    /// use std::os::fd::AsFd;
    /// # #[cfg(unix)]
    /// # fn main() -> io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// # stream.set_nonblocking(true)?;
    /// # let stream = poised::net::TcpStream::from_std(stream);
    /// let mut buffer = [0; 16];
    /// let result = stream.try_io(|| {
    ///     let copy = std::net::TcpStream::from(stream.as_fd().try_clone_to_owned()?);
    ///     copy.peek(&mut buffer)
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

impl From<TcpStream> for net::TcpStream {
    /// Gives the stream back, non-blocking as it is. Deregister it before.
    fn from(stream: TcpStream) -> net::TcpStream {
        stream.inner.into_inner()
    }
}
