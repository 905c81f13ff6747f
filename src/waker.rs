use std::fmt;
use std::io;

use crate::sys::{self, Selector as _};
use crate::{Registry, Token};

/// Wakes a [`Poll`](crate::Poll) from another thread.
///
/// [`wake`](Waker::wake) makes the poll that runs, or the next one, return with an event that carries the waker's
/// token and is readable. What the waking thread wrote before is seen by the thread that the poll returns to.
///
/// Wakes are not counted: those that come before the event was returned may become one event. A wake after it makes a
/// new one. A poll may have several wakers, each with its token.
///
/// A thread that polls again and again looks at its wakers by itself; only one that sleeps is woken through the kernel. Once
/// the descriptor of the poll was taken, by `as_raw_fd` or `as_fd`, each wake goes through the kernel, so that who watches
/// it sees the wakes as well.
///
/// After a fork, wakes reach polls of their own process; see the table for those of the parent.
///
/// The waker must live as long as its wakes are wanted: when it is dropped, so is its registration.
///
/// | | Linux, Android | macOS, BSDs | Solaris | Windows | `--cfg poised_backend="poll"` |
/// | --- | --- | --- | --- | --- | --- |
/// | made of | a flag, and an [eventfd(2)]; a pipe with `--cfg poised_waker="pipe"` | a flag, and a user event of the queue; a pipe before NetBSD 10 and OpenBSD 7.8 | a user event of the port | a packet of the completion port | a flag, and one eventfd or pipe for all wakers of the poll |
/// | a wake while one is pending | sets the flag: a few nanoseconds | likewise | a lock, no system call | sets a flag | a lock, no system call |
/// | a wake of a poll that does not sleep | likewise | likewise | a system call | a system call | likewise |
/// | wakes the parent from a forked child | yes | no | no | | no |
///
/// [eventfd(2)]: https://man7.org/linux/man-pages/man2/eventfd.2.html
///
/// # Examples
///
/// ```
/// use std::sync::{mpsc, Arc};
/// use std::thread;
/// use poised::{Events, Poll, Token, Waker};
///
/// const WAKE: Token = Token(10);
///
/// # fn main() -> std::io::Result<()> {
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(2);
/// let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
/// let (sender, receiver) = mpsc::channel();
///
/// let thread_waker = Arc::clone(&waker);
/// let thread = thread::spawn(move || {
///     sender.send("work").unwrap();
///     thread_waker.wake().unwrap();
/// });
///
/// poll.poll(&mut events, None)?;
/// assert_eq!(events.iter().next().map(|event| event.token()), Some(WAKE));
/// assert_eq!(receiver.try_recv(), Ok("work"));
/// # thread.join().unwrap();
/// # Ok(())
/// # }
/// ```
pub struct Waker {
    inner: sys::PlatformWaker,
}

impl Waker {
    /// Makes a waker of the poll that `registry` belongs to.
    ///
    /// # Errors
    ///
    /// The system's own, at its limit of descriptors. Nothing is left behind then.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let poll = poised::Poll::new()?;
    /// let waker = poised::Waker::new(poll.registry(), poised::Token(0))?;
    /// # let _ = waker;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(registry: &Registry, token: Token) -> io::Result<Waker> {
        Ok(Waker { inner: registry.waker(token)? })
    }

    /// Wakes the poll. Never blocks.
    ///
    /// # Errors
    ///
    /// None in practice: the descriptor that wakes is this waker's own. On Windows the system's, when it has no memory for a
    /// packet ([`PostQueuedCompletionStatus`]); what other threads ask of this waker at that moment may be lost with it.
    ///
    /// [`PostQueuedCompletionStatus`]: https://learn.microsoft.com/windows/win32/fileio/postqueuedcompletionstatus
    ///
    /// # Examples
    ///
    /// ```
    /// use poised::{Events, Poll, Token, Waker};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut poll = Poll::new()?;
    /// let mut events = Events::with_capacity(2);
    /// let waker = Waker::new(poll.registry(), Token(0))?;
    ///
    /// waker.wake()?;
    /// waker.wake()?; // One event may stand for both.
    /// poll.poll(&mut events, None)?;
    /// assert!(events.iter().all(|event| event.token() == Token(0) && event.is_readable()));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn wake(&self) -> io::Result<()> {
        sys::PlatformSelector::wake(&self.inner)
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waker").field("inner", &self.inner).finish()
    }
}
