use std::io;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

use crate::net::{forward, forward_debug, UnixStream};
use crate::{sys, Interest, IoSource};

/// A socket of the Unix domain that listens for connections.
///
/// Its file is not removed when the listener is dropped.
///
/// # Examples
///
/// ```
/// use poised::net::{UnixListener, UnixStream};
/// use poised::{Events, Interest, Poll, Token};
///
/// # fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("socket");
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(16);
/// let mut listener = UnixListener::bind(&path)?;
/// poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
///
/// let client = UnixStream::connect(&path)?;
/// poll.poll(&mut events, None)?;
/// let (server, _address) = listener.accept()?;
/// # let _ = (client, server);
/// # Ok(())
/// # }
/// ```
pub struct UnixListener {
    inner: IoSource<net::UnixListener>,
}

forward!(UnixListener, net::UnixListener);
forward_debug!(UnixListener);

impl UnixListener {
    /// Makes a socket, binds it to `path`, where no file may be, and listens.
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
    /// let listener = poised::net::UnixListener::bind(&path)?;
    /// # let _ = listener;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        UnixListener::bind_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Like [`bind`](UnixListener::bind), with an address, which may be abstract on Linux and Android.
    ///
    /// # Errors
    ///
    /// Those of [`bind`](UnixListener::bind).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let address = std::os::unix::net::SocketAddr::from_pathname(&path)?;
    /// let listener = poised::net::UnixListener::bind_addr(&address)?;
    /// # let _ = listener;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixListener> {
        sys::uds::listen(address).map(UnixListener::from_std)
    }

    /// Takes a listener of the standard library over. It must be non-blocking: `set_nonblocking(true)` before.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let listener = std::os::unix::net::UnixListener::bind(&path)?;
    /// listener.set_nonblocking(true)?;
    /// let listener = poised::net::UnixListener::from_std(listener);
    /// # let _ = listener;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_std(listener: net::UnixListener) -> UnixListener {
        UnixListener { inner: IoSource::new(listener) }
    }

    /// Accepts a connection: its stream, which is non-blocking, and the address of its other end, which is mostly unnamed.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nobody waits; the next connection is an event then. At the limit of descriptors the system's error
    /// (`EMFILE`, `ENFILE`): the connection stays in the queue, and no new event tells of it.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let listener = poised::net::UnixListener::bind(&path)?;
    /// let _client = poised::net::UnixStream::connect(&path)?;
    /// let (stream, address) = listener.accept()?;
    /// assert!(address.is_unnamed());
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, address) = self.inner.do_io(Interest::READABLE, sys::uds::accept)?;
        Ok((UnixStream::from_std(stream), address))
    }

    /// The address that the listener is bound to.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let listener = poised::net::UnixListener::bind(&path)?;
    /// assert_eq!(listener.local_addr()?.as_pathname(), Some(path.as_path()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().local_addr()
    }

    /// Takes the pending error (`SO_ERROR`) out of the socket.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("socket");
    /// let listener = poised::net::UnixListener::bind(&path)?;
    /// assert!(listener.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.get_ref().take_error()
    }
}

impl From<UnixListener> for net::UnixListener {
    /// Gives the listener back, non-blocking as it is. Deregister it before.
    fn from(listener: UnixListener) -> net::UnixListener {
        listener.inner.into_inner()
    }
}
