use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::event::{Events, Source};
use crate::sys::{self, Selector as _};
use crate::{Interest, Token};

/// Registers sources with a [`Poll`](crate::Poll).
///
/// A registry comes from [`Poll::registry`](crate::Poll::registry); [`try_clone`](Registry::try_clone) makes one that
/// other threads can own. Registering works from any thread, also while another one polls, and takes effect at once.
///
/// # One registration a source
///
/// | | not registered | registered here | registered with another poll |
/// | --- | --- | --- | --- |
/// | [`register`](Registry::register) | registers | `AlreadyExists` | `AlreadyExists` |
/// | [`reregister`](Registry::reregister) | `NotFound` | changes token and interest | `NotFound` |
/// | [`deregister`](Registry::deregister) | `NotFound` | ends the registration | `NotFound` |
///
/// An error leaves the registration as it was. A source can be registered again after it was deregistered, also with
/// another poll.
///
/// Dropping a source ends its registration, since it closes the descriptor. Where another descriptor of the same file is
/// open, made by `try_clone` or inherited by a forked child, epoll keeps reporting it
/// ([epoll(7)](https://man7.org/linux/man-pages/man7/epoll.7.html), questions and answers): deregister before then.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use poised::net::UdpSocket;
/// use poised::{Events, Interest, Poll, Token};
///
/// # fn main() -> std::io::Result<()> {
/// let mut poll = Poll::new()?;
/// let registry = poll.registry().try_clone()?;
///
/// let other = thread::spawn(move || -> std::io::Result<UdpSocket> {
///     let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
///     registry.register(&mut socket, Token(3), Interest::WRITABLE)?;
///     Ok(socket)
/// });
///
/// let mut events = Events::with_capacity(4);
/// poll.poll(&mut events, None)?;
/// assert_eq!(events.iter().next().map(|event| event.token()), Some(Token(3)));
/// let socket = other.join().unwrap()?;
/// # drop(socket);
/// # Ok(())
/// # }
/// ```
pub struct Registry {
    selector: sys::PlatformSelector,
    /// Whether a poll needs no more than the kernel's own wait: nobody can want to wake it, and it does not spin. One flag
    /// for all of that, since each poll asks.
    is_plain: AtomicBool,
}

impl Registry {
    pub(crate) fn new() -> io::Result<Registry> {
        Ok(Registry { selector: sys::PlatformSelector::new()?, is_plain: AtomicBool::new(true) })
    }

    pub(crate) fn selector(&self) -> &sys::PlatformSelector {
        &self.selector
    }

    /// Makes a waker.
    pub(crate) fn waker(&self, token: Token) -> io::Result<sys::PlatformWaker> {
        self.expect_more();
        self.selector.waker(token)
    }

    /// From now on [`is_plain`](Registry::is_plain) says no.
    pub(crate) fn expect_more(&self) {
        // Relaxed: a poll has its registry to itself while it waits, and to hand it over orders this.
        self.is_plain.store(false, Ordering::Relaxed);
    }

    /// Whether [`wait_plainly`](Registry::wait_plainly) will do.
    #[inline(always)] // As all that follows: see `Poll::poll`.
    pub(crate) fn is_plain(&mut self) -> bool {
        *self.is_plain.get_mut()
    }

    #[inline(always)]
    pub(crate) fn wait_plainly(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        self.selector.wait_plainly(events.sys_mut(), timeout)
    }

    pub(crate) fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        self.selector.wait(events.sys_mut(), timeout)
    }

    /// Registers `source`: from now on its readiness is reported under `token`, as far as `interest` asks for it.
    ///
    /// What is ready already is reported at the next poll. Errors and hang-ups are reported whatever the interest.
    ///
    /// # Errors
    ///
    /// | Kind | When |
    /// | --- | --- |
    /// | `AlreadyExists` | the source is registered, here or elsewhere |
    /// | `Unsupported` | the platform lacks an interest that was asked for |
    /// | `PermissionDenied` | the source can't be polled, a regular file for instance |
    /// | any other | the system's own, at its limits |
    ///
    /// # Examples
    ///
    /// ```
    /// use poised::net::TcpListener;
    /// use poised::{Interest, Poll, Token};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let poll = Poll::new()?;
    /// let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
    /// poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn register<S>(&self, source: &mut S, token: Token, interest: Interest) -> io::Result<()>
    where
        S: Source + ?Sized,
    {
        source.register(self, token, interest)
    }

    /// Gives a registered source another token and interest.
    ///
    /// Only the new ones count from now on, and what is ready is reported once more: reregistering is also the way to
    /// be told again of readiness that was left unused.
    ///
    /// # Errors
    ///
    /// `NotFound` when the source is not registered with this poll, and those of [`register`](Registry::register).
    ///
    /// # Examples
    ///
    /// ```
    /// use poised::net::UdpSocket;
    /// use poised::{Interest, Poll, Token};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let poll = Poll::new()?;
    /// let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// poll.registry().register(&mut socket, Token(0), Interest::READABLE)?;
    /// poll.registry().reregister(&mut socket, Token(1), Interest::READABLE | Interest::WRITABLE)?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn reregister<S>(&self, source: &mut S, token: Token, interest: Interest) -> io::Result<()>
    where
        S: Source + ?Sized,
    {
        source.reregister(self, token, interest)
    }

    /// Ends the registration of `source`: no later poll reports it.
    ///
    /// Events that an earlier poll has put into [`Events`] stay there; a program that ends one registration while it
    /// handles the events of another meets them.
    ///
    /// # Errors
    ///
    /// `NotFound` when the source is not registered with this poll.
    ///
    /// # Examples
    ///
    /// ```
    /// use poised::net::UdpSocket;
    /// use poised::{Interest, Poll, Token};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let poll = Poll::new()?;
    /// let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
    /// poll.registry().register(&mut socket, Token(0), Interest::READABLE)?;
    /// poll.registry().deregister(&mut socket)?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn deregister<S>(&self, source: &mut S) -> io::Result<()>
    where
        S: Source + ?Sized,
    {
        source.deregister(self)
    }

    /// Makes a second registry of the same poll.
    ///
    /// # Errors
    ///
    /// The system's own, at its limit of descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let poll = poised::Poll::new()?;
    /// let registry = poll.registry().try_clone()?;
    /// std::thread::spawn(move || drop(registry)).join().unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_clone(&self) -> io::Result<Registry> {
        self.expect_more();
        Ok(Registry { selector: self.selector.try_clone()?, is_plain: AtomicBool::new(false) })
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("selector", &self.selector).finish()
    }
}
