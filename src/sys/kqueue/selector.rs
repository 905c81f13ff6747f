//! Registers and waits with kqueue. The kernel does the work; here interests become its filters.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::event::Record;
use super::kernel::Queue;
use super::registered::Registered;
use super::waker::{Trigger, Waker};
use crate::sys::error;
use crate::sys::timeout::Deadline;
use crate::sys::unix::{borrow, RawSource};
use crate::sys::wakes::Sleeper;
use crate::sys::SelectDescriptor;
use crate::{Interest, Token};

/// The longest that one system call waits: OpenBSD and older FreeBSD take what is longer for a day (kqueue(2)), and macOS
/// calls it invalid above 100 million seconds (kern_time.c, itimerfix).
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The first ident of a user event that is a waker. Below are descriptors, which have stand-ins of their number.
const FIRST_USER_IDENT: usize = 1 << 31;

/// A queue. Its clones are the same one.
#[derive(Debug)]
pub(crate) struct Selector {
    pub(super) shared: Arc<Shared>,
    sleeper: Sleeper<Trigger>,
}

/// How many queues there have been: the number of the next one.
static QUEUES: AtomicUsize = AtomicUsize::new(0);

/// What all handles of a selector share.
pub(super) struct Shared {
    /// Shared with user events, which take themselves out of it.
    pub(super) queue: Arc<Queue>,
    /// Which queue it is: no other of the process has this number.
    number: usize,
    registered: Mutex<Registered>,
    next_user_ident: AtomicUsize,
}

/// The registration of a source that poised owns. The kernel keeps it, and ends it when the descriptor is closed; but for
/// what stands in for a filter, which ends with this.
#[derive(Debug)]
pub(crate) struct Registration {
    source: RawSource,
    /// The number of its queue. What another one remembers of the descriptor is of a source that was closed.
    queue: usize,
    stand_in: Option<Arc<Shared>>,
}

impl Shared {
    /// Held while the kernel is told, so that it and the table agree when two threads register the same descriptor. Telling
    /// it does not wait.
    pub(super) fn registered(&self) -> MutexGuard<'_, Registered> {
        // Nothing that runs under the lock leaves the table half changed when it panics.
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, events: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
        let Some(timeout) = timeout.filter(|timeout| !timeout.is_zero()) else {
            return self.queue.wait(events, timeout);
        };
        let deadline = Deadline::after(Some(timeout));
        let mut left = timeout;
        loop {
            self.queue.wait(events, Some(left.min(LONGEST)))?;
            // Once round is enough below a day; but macOS cuts off what is below a microsecond (kern_event.c).
            left = deadline.left().unwrap_or(Duration::MAX);
            if !events.is_empty() || left.is_zero() {
                return Ok(());
            }
        }
    }

    /// That a registration is one of this queue, and not of another.
    fn own(&self, registration: &Registration) -> io::Result<()> {
        if registration.queue == self.number {
            Ok(())
        } else {
            Err(error::not_registered())
        }
    }

    pub(super) fn next_user_ident(&self) -> usize {
        // Relaxed: only that each is given once matters.
        self.next_user_ident.fetch_add(1, Ordering::Relaxed)
    }
}

impl crate::sys::Selector for Selector {
    type Registration = Registration;
    type Event = Record;
    type Waker = Waker;

    const EMULATES_EDGES: bool = false;

    fn new() -> io::Result<Selector> {
        let queue = Arc::new(Queue::new()?);
        // Relaxed: only that each is given once matters.
        let number = QUEUES.fetch_add(1, Ordering::Relaxed);
        let next_user_ident = AtomicUsize::new(FIRST_USER_IDENT);
        let shared = Shared { queue, number, registered: Mutex::default(), next_user_ident };
        Ok(Selector { shared: Arc::new(shared), sleeper: Sleeper::new() })
    }

    fn try_clone(&self) -> io::Result<Selector> {
        Ok(Selector { shared: Arc::clone(&self.shared), sleeper: self.sleeper.share() })
    }

    fn register(&self, source: RawSource, token: Token, interest: Interest) -> io::Result<Registration> {
        borrow(source)?;
        let stands_in = self.shared.registered().add_owned(&self.shared.queue, source, token, interest)?;
        let queue = self.shared.number;
        Ok(Registration { source, queue, stand_in: stands_in.then(|| Arc::clone(&self.shared)) })
    }

    fn reregister(
        &self,
        registration: &mut Registration,
        source: RawSource,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.shared.own(registration)?;
        let mut registered = self.shared.registered();
        let stands_in = registered.change(&self.shared.queue, (source, true), token, interest)?;
        // What stood in before has been changed or removed.
        registration.stand_in = stands_in.then(|| Arc::clone(&self.shared));
        Ok(())
    }

    fn deregister(&self, registration: &Registration, source: RawSource) -> io::Result<()> {
        self.shared.own(registration)?;
        self.shared.registered().remove(&self.shared.queue, (source, true))
    }

    fn rearm(_: &Registration, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn wait(&mut self, events: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
        let shared = &self.shared;
        self.sleeper.wait(events, timeout, |events, timeout| shared.wait(events, timeout))
    }

    fn wait_plainly(&mut self, events: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        self.shared.wait(events, timeout)
    }

    fn waker(&self, token: Token) -> io::Result<Waker> {
        Ok(self.sleeper.waker(token, Trigger::new(&self.shared, token)?))
    }

    #[inline]
    fn wake(waker: &Waker) -> io::Result<()> {
        waker.wake()
    }
}

impl SelectDescriptor for Selector {
    fn register_fd(&self, fd: RawSource, token: Token, interest: Interest) -> io::Result<()> {
        borrow(fd)?;
        self.shared.registered().add(&self.shared.queue, fd, token, interest).map(drop)
    }

    fn reregister_fd(&self, fd: RawSource, token: Token, interest: Interest) -> io::Result<()> {
        self.shared.registered().change(&self.shared.queue, (fd, false), token, interest).map(drop)
    }

    fn deregister_fd(&self, fd: RawSource) -> io::Result<()> {
        self.shared.registered().remove(&self.shared.queue, (fd, false))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(shared) = &self.stand_in {
            // When it can't be deleted, it has been reported, and is not there.
            drop(shared.registered().remove_stand_in(&shared.queue, self.source));
        }
    }
}

impl AsFd for Selector {
    /// For who may watch it: from now on each wake makes it readable.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sleeper.be_watched();
        self.shared.queue.as_fd()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("queue", &self.queue).field("registered", &*self.registered()).finish()
    }
}
