use std::fmt;
use std::hint;
use std::io;
use std::time::{Duration, Instant};

use crate::event::Events;
use crate::registry::Registry;

/// Waits for many sources of readiness with one thread.
///
/// Sources are registered with the poll's [`Registry`]; [`poll`](Poll::poll) then waits until one of them is ready,
/// and puts what happened into [`Events`].
///
/// # Edges
///
/// Readiness is reported once, when it appears. After an event the same readiness is not reported again until an
/// operation on the source gave [`WouldBlock`], or more of it came. So after an event: read, write or accept **until
/// `WouldBlock`**. What was ready when it was registered or reregistered is reported at the next poll. Whoever reads
/// only a part must come back by himself, with [`Registry::reregister`] for instance.
///
/// Operations must go through poised's types, or [`IoSource::do_io`] and the types' `try_io`: where the system has no
/// edges of its own, poised learns from the operations that a source was drained.
///
/// # Spurious and coalesced events
///
/// An event is a hint: it may come though the operation then gives `WouldBlock`, and several changes may come as one
/// event. None is lost.
///
/// # Per system
///
/// | | Linux, Android | macOS, BSDs | Solaris | `--cfg poised_backend="poll"` |
/// | --- | --- | --- | --- | --- |
/// | mechanism | [epoll(7)], `EPOLLET` | [kqueue(2)], `EV_CLEAR` | [event ports], edges made by poised | [poll(2)], edges made by poised |
/// | an event is of | a source | a direction of a source | a source | a source |
/// | timeouts | exact to the nanosecond, by [epoll_pwait2(2)], or rounded up to the next millisecond where the kernel lacks it | as exact as the kernel's clock | likewise | exact to the nanosecond |
/// | while idle | asleep | asleep | asleep, but every 64 ms while a source stays registered that hung up, or a [`SourceFd`] that stays ready | likewise |
/// | `AsRawFd` | the epoll descriptor | the queue | the port | no |
///
/// [`WouldBlock`]: std::io::ErrorKind::WouldBlock
/// [`IoSource::do_io`]: crate::IoSource::do_io
/// [`SourceFd`]: crate::unix::SourceFd
/// [epoll(7)]: https://man7.org/linux/man-pages/man7/epoll.7.html
/// [kqueue(2)]: https://man.freebsd.org/cgi/man.cgi?kqueue
/// [event ports]: https://docs.oracle.com/cd/E88353_01/html/E37843/port-create-3c.html
/// [poll(2)]: https://man7.org/linux/man-pages/man2/poll.2.html
/// [epoll_pwait2(2)]: https://man7.org/linux/man-pages/man2/epoll_pwait2.2.html
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
/// let mut here = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
/// poll.registry().register(&mut here, Token(7), Interest::READABLE)?;
/// let there = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// there.send_to(b"hello", here.local_addr()?)?;
///
/// poll.poll(&mut events, None)?;
/// let event = events.iter().next().expect("one event");
/// assert_eq!(event.token(), Token(7));
/// assert!(event.is_readable());
///
/// let mut text = [0; 16];
/// assert_eq!(here.recv(&mut text)?, 5);
/// # Ok(())
/// # }
/// ```
pub struct Poll {
    registry: Registry,
    /// How long to look for events before sleeping, if at all.
    spin: Option<Duration>,
}

impl Poll {
    /// Makes a poll.
    ///
    /// # Errors
    ///
    /// The system's own, when the process or the system is at its limit of descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let poll = poised::Poll::new()?;
    /// # let _ = poll;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new() -> io::Result<Poll> {
        Ok(Poll { registry: Registry::new()?, spin: None })
    }

    /// The registry, with which sources are registered.
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
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Waits until a source is ready, a [`Waker`](crate::Waker) wakes this poll, `timeout` is over or a signal comes.
    ///
    /// `events` is cleared first, also when an error is returned, and then holds at most its capacity of events.
    /// What did not fit comes at the next poll; no source starves.
    ///
    /// | `timeout` | waits |
    /// | --- | --- |
    /// | `None` | until there is an event |
    /// | `Some(Duration::ZERO)` | not at all |
    /// | any other, up to `Duration::MAX` | until there is an event, at least as long as asked otherwise |
    ///
    /// When the time is over `events` is empty, and the result is `Ok(())`. How exact a timeout is depends on the
    /// system, see [above](Poll#per-system); it is never cut short.
    ///
    /// # Errors
    ///
    /// [`Interrupted`](io::ErrorKind::Interrupted) when a signal handler ran. No event is lost by it: poll again.
    ///
    /// # Examples
    ///
    /// A loop that goes on after a signal:
    ///
    /// ```
    /// use std::io;
    /// use std::time::Duration;
    /// use poised::{Events, Poll};
    ///
    /// # fn main() -> io::Result<()> {
    /// let mut poll = Poll::new()?;
    /// let mut events = Events::with_capacity(64);
    /// loop {
    ///     match poll.poll(&mut events, Some(Duration::from_micros(250))) {
    ///         Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
    ///         result => result?,
    ///     }
    ///     if events.is_empty() {
    ///         break; // 250 microseconds are over.
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[inline(always)] // Little is left of it where the timeout is known.
    pub fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        if self.registry.is_plain() {
            self.registry.wait_plainly(events, timeout)
        } else {
            self.wait(events, timeout)
        }
    }

    /// Has each [`poll`](Poll::poll) look again and again for so long, before it sleeps.
    ///
    /// A thread that sleeps takes long to awake: some 50 microseconds in a virtual machine, most of them until its core
    /// has left its idle state. One that looks sees an event within a microsecond, and a [`Waker`](crate::Waker) needs no
    /// system call to reach it. The price is a core that works while nothing happens: this is for a thread that has a
    /// core to itself and whose next event is near. Where threads outnumber cores it takes time from those that would
    /// make the event. It is zero, which is off, until it is set.
    ///
    /// A timeout holds as before, and one that is shorter ends the looking. A signal ends a wait with
    /// [`Interrupted`](io::ErrorKind::Interrupted) only while the thread sleeps: one that comes while it looks has its
    /// handler run, and no more.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use poised::{Events, Poll};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut poll = Poll::new()?;
    /// poll.set_spin(Duration::from_micros(50));
    ///
    /// // Looks for 50 microseconds, and sleeps the rest of the millisecond.
    /// poll.poll(&mut Events::with_capacity(64), Some(Duration::from_millis(1)))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_spin(&mut self, spin: Duration) {
        self.spin = Some(spin).filter(|spin| !spin.is_zero());
        self.registry.expect_more();
    }

    #[inline(never)] // So that the other way stays short.
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        match self.spin {
            Some(spin) => self.spin_and_wait(events, timeout, spin),
            None => self.registry.wait(events, timeout),
        }
    }

    fn spin_and_wait(&mut self, events: &mut Events, timeout: Option<Duration>, spin: Duration) -> io::Result<()> {
        let spin = timeout.map_or(spin, |timeout| timeout.min(spin));
        let start = Instant::now();
        loop {
            self.registry.wait(events, Some(Duration::ZERO))?;
            let spent = start.elapsed();
            if !events.is_empty() || timeout.is_some_and(|timeout| spent >= timeout) {
                return Ok(());
            }
            if spent >= spin {
                return self.registry.wait(events, timeout.map(|timeout| timeout - spent));
            }
            hint::spin_loop();
        }
    }
}

impl fmt::Debug for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poll").field("registry", &self.registry).field("spin", &self.spin).finish()
    }
}
