use std::fmt;
use std::num::NonZeroU8;
use std::ops::{BitOr, BitOrAssign};

/// What a registration asks for: one or more kinds of readiness, never none.
///
/// Errors and hang-ups need no interest of their own: they are reported to every registration.
///
/// | Interest | epoll | poll(2), event ports | kqueue | Windows |
/// | --- | --- | --- | --- | --- |
/// | [`READABLE`] | `EPOLLIN`, `EPOLLRDHUP` | `POLLIN`, `POLLRDHUP` where the system has it | `EVFILT_READ` | receive, accept, disconnect |
/// | [`WRITABLE`] | `EPOLLOUT` | `POLLOUT` | `EVFILT_WRITE` | send, connect |
/// | [`PRIORITY`] | `EPOLLPRI` | `POLLPRI` | `EVFILT_EXCEPT`: not on FreeBSD and NetBSD | expedited receive |
/// | [`AIO`] | not there | not there | `EVFILT_AIO` (FreeBSD, DragonFly), by the operation's `sigevent` | not there |
/// | [`LIO`] | not there | not there | `EVFILT_LIO` (FreeBSD), likewise | not there |
///
/// Registering an interest that the platform lacks gives [`Unsupported`](std::io::ErrorKind::Unsupported); so do [`AIO`] and
/// [`LIO`] of a descriptor on every platform, since an operation names the queue itself.
///
/// # Examples
///
/// ```
/// use poised::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// assert_eq!(both.remove(Interest::WRITABLE), Some(Interest::READABLE));
/// ```
///
/// [`READABLE`]: Interest::READABLE
/// [`WRITABLE`]: Interest::WRITABLE
/// [`PRIORITY`]: Interest::PRIORITY
/// [`AIO`]: Interest::AIO
/// [`LIO`]: Interest::LIO
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct Interest(NonZeroU8);

const fn bit(shift: u32) -> Interest {
    match NonZeroU8::new(1 << shift) {
        Some(bits) => Interest(bits),
        None => panic!("an interest is a bit of a byte"),
    }
}

impl Interest {
    /// Ready for reading: data, a connection to accept, or the end of the stream.
    ///
    /// ```
    /// assert!(poised::Interest::READABLE.is_readable());
    /// ```
    pub const READABLE: Interest = bit(0);

    /// Ready for writing; for a connecting socket, the end of the attempt.
    ///
    /// ```
    /// assert!(poised::Interest::WRITABLE.is_writable());
    /// ```
    pub const WRITABLE: Interest = bit(1);

    /// Completions of POSIX asynchronous I/O. kqueue alone has them.
    ///
    /// ```
    /// assert!(poised::Interest::AIO.is_aio());
    /// ```
    pub const AIO: Interest = bit(2);

    /// Completions of POSIX list I/O. FreeBSD alone has them.
    ///
    /// ```
    /// assert!(poised::Interest::LIO.is_lio());
    /// ```
    pub const LIO: Interest = bit(3);

    /// Exceptional conditions: out-of-band data of TCP, a change of a `/proc` or `/sys` file, a packet-mode terminal
    /// ([poll(2)](https://man7.org/linux/man-pages/man2/poll.2.html), `POLLPRI`).
    ///
    /// ```
    /// assert!(poised::Interest::PRIORITY.is_priority());
    /// ```
    pub const PRIORITY: Interest = bit(4);

    /// The ends of POSIX asynchronous I/O of either kind: what most systems do not report.
    pub(crate) const ASYNC_IO: Interest = Interest::AIO.add(Interest::LIO);

    /// Both interests together; `|` does the same outside of constants.
    ///
    /// ```
    /// use poised::Interest;
    ///
    /// const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
    /// assert_eq!(BOTH, Interest::READABLE | Interest::WRITABLE);
    /// ```
    #[allow(clippy::should_implement_trait)]
    #[must_use = "this gives the sum and leaves the interest as it is"]
    pub const fn add(self, other: Interest) -> Interest {
        match NonZeroU8::new(self.0.get() | other.0.get()) {
            Some(bits) => Interest(bits),
            None => self,
        }
    }

    /// What is left of this interest without `other`: `None` when nothing is.
    ///
    /// ```
    /// use poised::Interest;
    ///
    /// let both = Interest::READABLE | Interest::WRITABLE;
    /// assert_eq!(both.remove(Interest::READABLE), Some(Interest::WRITABLE));
    /// assert_eq!(both.remove(both), None);
    /// ```
    #[must_use = "this gives the rest and leaves the interest as it is"]
    pub fn remove(self, other: Interest) -> Option<Interest> {
        NonZeroU8::new(self.0.get() & !other.0.get()).map(Interest)
    }

    /// Whether [`READABLE`](Interest::READABLE) is asked for.
    ///
    /// ```
    /// assert!(!poised::Interest::WRITABLE.is_readable());
    /// ```
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.has(Interest::READABLE)
    }

    /// Whether [`WRITABLE`](Interest::WRITABLE) is asked for.
    ///
    /// ```
    /// assert!(!poised::Interest::READABLE.is_writable());
    /// ```
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.has(Interest::WRITABLE)
    }

    /// Whether [`AIO`](Interest::AIO) is asked for.
    ///
    /// ```
    /// assert!(!poised::Interest::READABLE.is_aio());
    /// ```
    #[must_use]
    pub const fn is_aio(self) -> bool {
        self.has(Interest::AIO)
    }

    /// Whether [`LIO`](Interest::LIO) is asked for.
    ///
    /// ```
    /// assert!(!poised::Interest::READABLE.is_lio());
    /// ```
    #[must_use]
    pub const fn is_lio(self) -> bool {
        self.has(Interest::LIO)
    }

    /// Whether [`PRIORITY`](Interest::PRIORITY) is asked for.
    ///
    /// ```
    /// assert!(!poised::Interest::READABLE.is_priority());
    /// ```
    #[must_use]
    pub const fn is_priority(self) -> bool {
        self.has(Interest::PRIORITY)
    }

    /// Whether any bit of `other` is asked for.
    pub(crate) const fn has(self, other: Interest) -> bool {
        self.0.get() & other.0.get() != 0
    }
}

impl BitOr for Interest {
    type Output = Interest;

    #[inline]
    fn bitor(self, other: Interest) -> Interest {
        self.add(other)
    }
}

impl BitOrAssign for Interest {
    #[inline]
    fn bitor_assign(&mut self, other: Interest) {
        *self = self.add(other);
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Interest::READABLE, "READABLE"),
            (Interest::WRITABLE, "WRITABLE"),
            (Interest::PRIORITY, "PRIORITY"),
            (Interest::AIO, "AIO"),
            (Interest::LIO, "LIO"),
        ];
        let mut separator = "";
        for (interest, name) in names {
            if self.has(interest) {
                write!(f, "{separator}{name}")?;
                separator = " | ";
            }
        }
        Ok(())
    }
}
