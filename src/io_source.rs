use std::fmt;
use std::io;

use crate::event::Source;
use crate::sys::{self, Selector as _};
use crate::{Interest, Registry, Token};

/// Makes an event [`Source`] of any socket, pipe or other type that owns a descriptor (Unix) or socket (Windows).
///
/// Every source of [`net`](crate::net) and [`unix::pipe`](crate::unix::pipe) is one of these inside. Use it for socket
/// types that poised does not have: a `socket2::Socket`, a device, a type of another library.
///
/// The wrapped value must be non-blocking, and must keep the same descriptor as long as it is wrapped.
///
/// Operations go through [`do_io`](IoSource::do_io): where the system has no edges of its own (poll(2), event ports, Windows),
/// poised must see that an operation would have blocked, to watch that direction again. Addresses and options, which
/// never block, go through [`get_ref`](IoSource::get_ref).
///
/// # Examples
///
/// ```
/// use std::io::{self, Read, Write};
/// use std::net::{TcpListener, TcpStream};
/// use poised::{Events, Interest, IoSource, Poll, Token};
///
/// # fn main() -> io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut there = TcpStream::connect(listener.local_addr()?)?;
/// let (here, _) = listener.accept()?;
/// here.set_nonblocking(true)?;
///
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(4);
/// let mut source = IoSource::new(here);
/// poll.registry().register(&mut source, Token(0), Interest::READABLE)?;
///
/// there.write_all(b"hi")?;
/// poll.poll(&mut events, None)?;
///
/// let mut text = [0; 8];
/// let read = |mut stream: &TcpStream| stream.read(&mut text);
/// assert_eq!(source.do_io(Interest::READABLE, read)?, 2);
/// # Ok(())
/// # }
/// ```
pub struct IoSource<T> {
    // Declared before `io`, so that it is dropped first: the selector forgets the source while its descriptor is open.
    registration: Option<sys::Registration>,
    io: T,
}

impl<T> IoSource<T> {
    /// Wraps `io`, not registered yet.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let source = poised::IoSource::new(socket);
    /// # let _ = source;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn new(io: T) -> IoSource<T> {
        IoSource { registration: None, io }
    }

    /// The wrapped value, for what never blocks. For reading, writing and accepting use [`do_io`](IoSource::do_io).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let source = poised::IoSource::new(std::net::UdpSocket::bind("127.0.0.1:0")?);
    /// assert!(source.get_ref().local_addr()?.ip().is_loopback());
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// Ends the registration on poised's side and gives the wrapped value back.
    ///
    /// Deregister first: with epoll and kqueue the kernel keeps a registration until the last descriptor of the file
    /// is closed.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let source = poised::IoSource::new(std::net::UdpSocket::bind("127.0.0.1:0")?);
    /// let socket: std::net::UdpSocket = source.into_inner();
    /// # let _ = socket;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_inner(self) -> T {
        self.io
    }

    /// Runs an operation that may give [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// `direction` says what readiness the operation waits for: [`READABLE`](Interest::READABLE) for reading and
    /// accepting, [`WRITABLE`](Interest::WRITABLE) for writing and connecting, both where it may be either. When the
    /// operation gives `WouldBlock`, the next readiness of that direction is an event.
    ///
    /// # Errors
    ///
    /// Those of the operation.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    /// use std::net::UdpSocket;
    /// use poised::{Interest, IoSource};
    ///
    /// # fn main() -> io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let source = IoSource::new(socket);
    /// let mut buffer = [0; 512];
    /// let result = source.do_io(Interest::READABLE, |socket| socket.recv_from(&mut buffer));
    /// assert_eq!(result.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn do_io<F, R>(&self, direction: Interest, operation: F) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        let result = operation(&self.io);
        if sys::PlatformSelector::EMULATES_EDGES {
            if let (Err(error), Some(registration)) = (&result, &self.registration) {
                if error.kind() == io::ErrorKind::WouldBlock {
                    sys::PlatformSelector::rearm(registration, direction)?;
                }
            }
        }
        result
    }
}

impl<T: sys::AsRawSource> Source for IoSource<T> {
    #[inline]
    fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        if self.registration.is_some() {
            return Err(sys::error::already_registered());
        }
        let source = sys::raw_source(&self.io);
        sys::check_source(source);
        self.registration = Some(registry.selector().register(source, token, interest)?);
        Ok(())
    }

    #[inline]
    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        let registration = self.registration.as_mut().ok_or_else(sys::error::not_registered)?;
        registry.selector().reregister(registration, sys::raw_source(&self.io), token, interest)
    }

    #[inline]
    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        let registration = self.registration.as_ref().ok_or_else(sys::error::not_registered)?;
        registry.selector().deregister(registration, sys::raw_source(&self.io))?;
        self.registration = None;
        Ok(())
    }
}

impl<T: fmt::Debug> fmt::Debug for IoSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}
