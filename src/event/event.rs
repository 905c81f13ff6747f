use std::fmt;

use crate::sys::{self, Readiness as _};
use crate::Token;

/// What one poll says about one registration.
///
/// An event is a hint: do the operation, and take `WouldBlock` for an answer. Read, write or accept until it comes, see
/// [`Poll`](crate::Poll#edges).
///
/// # What happens and what is reported
///
/// Each row is a row of a test (`tests/regressions/table.rs`), registered with `READABLE | WRITABLE` for sockets. Readable
/// covers the end of the stream: reading gives `Ok(0)` then, or the error. *Room*: yes, while there is room to write.
///
/// | Situation (Linux) | readable | writable | error | read closed | write closed |
/// | --- | --- | --- | --- | --- | --- |
/// | TCP: the peer shut its writing half down, or closed | yes | room | | yes | |
/// | TCP: the peer reset the connection | yes | yes | yes | yes | yes |
/// | TCP: this side shut its reading half down | yes | room | | yes | |
/// | TCP: this side shut its writing half down | | yes | | | |
/// | TCP: connecting was refused | yes | yes | yes | yes | yes |
/// | Unix stream: the peer shut its writing half down | yes | room | | yes | |
/// | Unix stream: the peer closed | yes | yes | | yes | yes |
/// | pipe: the last writer closed | if bytes are left | | | yes | yes |
/// | pipe: the last reader closed | | room | yes | | yes |
///
/// With poll(2) an event leaves out what was reported before and did not block since.
///
/// # Examples
///
/// ```
/// use poised::net::TcpStream;
/// use poised::{Events, Interest, Poll, Token};
///
/// # fn main() -> std::io::Result<()> {
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(4);
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let mut here = TcpStream::connect(listener.local_addr()?)?;
/// let (there, _) = listener.accept()?;
/// poll.registry().register(&mut here, Token(0), Interest::READABLE)?;
///
/// drop(there);
/// poll.poll(&mut events, None)?;
/// let event = events.iter().next().expect("an event");
/// assert!(event.is_readable() && event.is_read_closed());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[repr(transparent)]
pub struct Event {
    inner: sys::Event,
}

impl Event {
    /// The token of the registration.
    ///
    /// ```
    /// # use poised::{Events, Poll, Token, Waker};
    /// # fn main() -> std::io::Result<()> {
    /// # let mut poll = Poll::new()?;
    /// # let mut events = Events::with_capacity(4);
    /// let waker = Waker::new(poll.registry(), Token(5))?;
    /// waker.wake()?;
    /// poll.poll(&mut events, None)?;
    /// assert!(events.iter().all(|event| event.token() == Token(5)));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn token(&self) -> Token {
        self.inner.token()
    }

    /// Whether there is something to read, to accept, or the end of the stream to see.
    ///
    /// | epoll, poll(2), event ports | kqueue | Windows |
    /// | --- | --- | --- |
    /// | `IN` or `PRI` | `EVFILT_READ`, `EVFILT_USER`, `EVFILT_EXCEPT` with out-of-band data | receive, accept, disconnect, abort, connect failure |
    ///
    /// ```
    /// # use poised::{Events, Poll, Token, Waker};
    /// # fn main() -> std::io::Result<()> {
    /// # let mut poll = Poll::new()?;
    /// # let mut events = Events::with_capacity(4);
    /// let waker = Waker::new(poll.registry(), Token(5))?;
    /// waker.wake()?;
    /// poll.poll(&mut events, None)?;
    /// assert!(events.iter().all(|event| event.is_readable()));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn is_readable(&self) -> bool {
        self.inner.is_readable()
    }

    /// Whether there is room to write, or a connection attempt has ended.
    ///
    /// | epoll, poll(2), event ports | kqueue | Windows |
    /// | --- | --- | --- |
    /// | `OUT` | `EVFILT_WRITE` | send, abort, connect failure |
    ///
    /// ```
    /// # use poised::{Events, Interest, Poll, Token, net::UdpSocket};
    /// # fn main() -> std::io::Result<()> {
    /// # let mut poll = Poll::new()?;
    /// # let mut events = Events::with_capacity(4);
    /// let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// poll.registry().register(&mut socket, Token(0), Interest::WRITABLE)?;
    /// poll.poll(&mut events, None)?;
    /// assert!(events.iter().all(|event| event.is_writable() && !event.is_readable()));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn is_writable(&self) -> bool {
        self.inner.is_writable()
    }

    /// Whether the source has an error to tell: see `take_error` of the sockets. Reported whatever the interest.
    ///
    /// | epoll, poll(2), event ports | kqueue | Windows |
    /// | --- | --- | --- |
    /// | `ERR` | `EV_ERROR`, or `EV_EOF` with an error | abort, connect failure |
    ///
    /// ```
    /// # use poised::{Events, Interest, Poll, Token, net::TcpStream};
    /// # fn main() -> std::io::Result<()> {
    /// # let mut poll = Poll::new()?;
    /// # let mut events = Events::with_capacity(4);
    /// // A port that nobody listens on.
    /// let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    /// let mut stream = TcpStream::connect(port)?;
    /// poll.registry().register(&mut stream, Token(0), Interest::WRITABLE)?;
    /// poll.poll(&mut events, None)?;
    /// assert!(events.iter().all(|event| event.is_error()));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn is_error(&self) -> bool {
        self.inner.is_error()
    }

    /// Whether nothing more will come to read after what is there.
    ///
    /// A hint, and no substitute for reading: data may be left, and a half that was closed before it was registered is
    /// told by reading only on some systems.
    ///
    /// | epoll, poll(2), event ports | kqueue | Windows |
    /// | --- | --- | --- |
    /// | `HUP`, or `RDHUP` where the system has it: not on Solaris | `EVFILT_READ` with `EV_EOF` | disconnect, abort, connect failure |
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// # use poised::{Events, Interest, Poll, Token, unix::pipe};
    /// # let mut poll = Poll::new()?;
    /// # let mut events = Events::with_capacity(4);
    /// let (sender, mut receiver) = pipe::new()?;
    /// poll.registry().register(&mut receiver, Token(0), Interest::READABLE)?;
    /// drop(sender);
    /// poll.poll(&mut events, None)?;
    /// assert!(events.iter().all(|event| event.is_read_closed()));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    #[inline]
    pub fn is_read_closed(&self) -> bool {
        self.inner.is_read_closed()
    }

    /// Whether nothing more can be written.
    ///
    /// A hint like [`is_read_closed`](Event::is_read_closed). An error without readiness counts as closed, since the
    /// writing end of a pipe reports just that when its readers are gone; data in a socket's error queue (`MSG_ERRQUEUE`)
    /// looks the same.
    ///
    /// | epoll, poll(2), event ports | kqueue | Windows |
    /// | --- | --- | --- |
    /// | `HUP`, `OUT` with `ERR`, or `ERR` alone | `EVFILT_WRITE` with `EV_EOF`: after a `shutdown` of one's own, too | abort, connect failure |
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// # use poised::{Events, Interest, Poll, Token, unix::pipe};
    /// # let mut poll = Poll::new()?;
    /// # let mut events = Events::with_capacity(4);
    /// let (mut sender, receiver) = pipe::new()?;
    /// drop(receiver);
    /// poll.registry().register(&mut sender, Token(0), Interest::WRITABLE)?;
    /// poll.poll(&mut events, None)?;
    /// assert!(events.iter().all(|event| event.is_write_closed()));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    #[inline]
    pub fn is_write_closed(&self) -> bool {
        self.inner.is_write_closed()
    }

    /// Whether there is an exceptional condition, out-of-band data for instance: see
    /// [`Interest::PRIORITY`](crate::Interest::PRIORITY).
    ///
    /// ```
    /// # use poised::{Events, Poll, Token, Waker};
    /// # fn main() -> std::io::Result<()> {
    /// # let mut poll = Poll::new()?;
    /// # let mut events = Events::with_capacity(4);
    /// let waker = Waker::new(poll.registry(), Token(5))?;
    /// waker.wake()?;
    /// poll.poll(&mut events, None)?;
    /// assert!(!events.iter().any(|event| event.is_priority()));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn is_priority(&self) -> bool {
        self.inner.is_priority()
    }

    /// Whether an operation of POSIX asynchronous I/O has ended. kqueue alone reports it.
    ///
    /// ```
    /// # use poised::{Events, Poll, Token, Waker};
    /// # fn main() -> std::io::Result<()> {
    /// # let mut poll = Poll::new()?;
    /// # let mut events = Events::with_capacity(4);
    /// let waker = Waker::new(poll.registry(), Token(5))?;
    /// waker.wake()?;
    /// poll.poll(&mut events, None)?;
    /// assert!(!events.iter().any(|event| event.is_aio()));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn is_aio(&self) -> bool {
        self.inner.is_aio()
    }

    /// Whether an operation of POSIX list I/O has ended. FreeBSD alone reports it.
    ///
    /// ```
    /// # use poised::{Events, Poll, Token, Waker};
    /// # fn main() -> std::io::Result<()> {
    /// # let mut poll = Poll::new()?;
    /// # let mut events = Events::with_capacity(4);
    /// let waker = Waker::new(poll.registry(), Token(5))?;
    /// waker.wake()?;
    /// poll.poll(&mut events, None)?;
    /// assert!(!events.iter().any(|event| event.is_lio()));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn is_lio(&self) -> bool {
        self.inner.is_lio()
    }

    /// The system's record as an event, in place.
    #[inline]
    pub(crate) fn view(record: &sys::Event) -> &Event {
        let record: *const sys::Event = record;
        #[allow(unsafe_code)]
        // SAFETY: `Event` is transparent over the record, and lives as long.
        unsafe {
            &*record.cast::<Event>()
        }
    }
}

/// Shows the token, what is asked by name, and under `details` the flags that the system gave.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("token", &self.token())
            .field("readable", &self.is_readable())
            .field("writable", &self.is_writable())
            .field("error", &self.is_error())
            .field("read_closed", &self.is_read_closed())
            .field("write_closed", &self.is_write_closed())
            .field("priority", &self.is_priority())
            .field("aio", &self.is_aio())
            .field("lio", &self.is_lio())
            .field("details", &Details(&self.inner))
            .finish()
    }
}

struct Details<'a>(&'a sys::Event);

impl fmt::Debug for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.details(f)
    }
}
