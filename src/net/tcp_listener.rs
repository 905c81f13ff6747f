use std::io;
use std::net::{self, SocketAddr};

use crate::net::{forward, forward_debug, TcpStream};
use crate::{sys, Interest, IoSource};

/// A TCP socket that listens for connections.
///
/// # Examples
///
/// Accept until `WouldBlock`: one event may stand for many connections.
///
/// ```
/// use std::io;
/// use poised::net::TcpListener;
/// use poised::{Events, Interest, Poll, Token};
///
/// # fn main() -> io::Result<()> {
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(128);
/// let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
/// poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
///
/// # let _client = std::net::TcpStream::connect(listener.local_addr()?)?;
/// poll.poll(&mut events, None)?;
/// let mut connections = Vec::new();
/// loop {
///     match listener.accept() {
///         Ok((connection, _address)) => connections.push(connection),
///         Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
///         Err(error) => return Err(error),
///     }
/// }
/// # assert_eq!(connections.len(), 1);
/// # Ok(())
/// # }
/// ```
pub struct TcpListener {
    inner: IoSource<net::TcpListener>,
}

forward!(TcpListener, net::TcpListener);
forward_debug!(TcpListener);

impl TcpListener {
    /// Makes a socket, binds it to `address` and listens. Port 0 lets the system choose one.
    ///
    /// | | Unix | Windows |
    /// | --- | --- | --- |
    /// | an address in use | `AddrInUse`; connections that wait in `TIME_WAIT` do not count (`SO_REUSEADDR`) | `AddrInUse` |
    /// | queue of connections | the longest that the system allows ([listen(2)](https://man7.org/linux/man-pages/man2/listen.2.html)) | likewise |
    ///
    /// For other options make the listener with the `socket2` crate, set it non-blocking, and use
    /// [`from_std`](TcpListener::from_std).
    ///
    /// # Errors
    ///
    /// The system's own: `AddrInUse`, `AddrNotAvailable`, `PermissionDenied`, an address family that it lacks, the
    /// limit of descriptors.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let listener = poised::net::TcpListener::bind("[::1]:0".parse().unwrap());
    /// # let _ = listener;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
        sys::tcp::listener(address).map(TcpListener::from_std)
    }

    /// Takes a listener of the standard library over. It must be non-blocking: `set_nonblocking(true)` before.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_nonblocking(true)?;
    /// let listener = poised::net::TcpListener::from_std(listener);
    /// # let _ = listener;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_std(listener: net::TcpListener) -> TcpListener {
        TcpListener { inner: IoSource::new(listener) }
    }

    /// Accepts a connection: its stream, which is non-blocking, and the address of its other end.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nobody waits; the next connection is an event then. At the limit of descriptors the system's
    /// error (`EMFILE`, `ENFILE`): the connection stays in the queue, and no new event tells of it, so close something
    /// and accept again.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let listener = poised::net::TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
    /// let error = listener.accept().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok(())
    /// # }
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, address) = self.inner.do_io(Interest::READABLE, sys::tcp::accept)?;
        Ok((TcpStream::from_std(stream), address))
    }

    /// The address that the listener is bound to.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let listener = poised::net::TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().local_addr()
    }

    /// Sets how many routers a packet may pass (`IP_TTL`); accepted connections inherit it.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let listener = poised::net::TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
    /// listener.set_ttl(16)?;
    /// assert_eq!(listener.ttl()?, 16);
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
    /// let listener = poised::net::TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
    /// assert!(listener.ttl()? > 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.inner.get_ref().ttl()
    }

    /// Takes the pending error (`SO_ERROR`) out of the socket.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let listener = poised::net::TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
    /// assert!(listener.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.get_ref().take_error()
    }
}

impl From<TcpListener> for net::TcpListener {
    /// Gives the listener back, non-blocking as it is. Deregister it before.
    fn from(listener: TcpListener) -> net::TcpListener {
        listener.inner.into_inner()
    }
}
