//! Waits at an event port for what is registered there.
//!
//! All handles share the registrations under one lock, which is held while the kernel is told of a change, and before and
//! after a wait, never during it: telling the kernel does not wait, and takes effect on who does.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libc::{c_uint, pollfd};

use super::event::Notice;
use super::kernel::Port;
use super::registered::{Key, Registered};
use super::waker::Waker;
use crate::sys::edges::{self, Bits, Record};
use crate::sys::unix::RawSource;
use crate::sys::{error, SelectDescriptor};
use crate::{Interest, Token};

/// The longest that one system call waits: the kernel adds the time to its clock's, and what overflows is over at once
/// (illumos, port.c).
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The most records that one call is given room for: what does not fit comes with the next wait.
const MOST_NOTICES: usize = 8192;

/// A port. Its clones are the same one.
pub(crate) struct Selector {
    pub(super) shared: Arc<Shared>,
    /// Room for what a wait needs; kept, so that waiting allocates nothing.
    notices: Vec<Notice>,
    looks: Vec<pollfd>,
}

/// What all handles of a selector share.
pub(super) struct Shared {
    pub(super) port: Port,
    registered: Mutex<Registered>,
}

/// The registration of a source that poised owns; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    shared: Arc<Shared>,
    key: Key,
}

impl Shared {
    pub(super) fn registered(&self) -> MutexGuard<'_, Registered> {
        // Nothing that runs under the lock leaves the registrations half changed when it panics.
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, fd: RawSource, token: Token, interest: Interest, owned: bool) -> io::Result<Key> {
        let wanted = wanted(interest)?;
        self.registered().add(&self.port, fd, token, wanted, owned)
    }

    fn deregister(&self, registered: &mut Registered, key: Option<Key>) -> io::Result<()> {
        registered.remove(&self.port, key).then_some(()).ok_or_else(error::not_registered)
    }
}

impl Selector {
    fn of(shared: Arc<Shared>) -> Selector {
        Selector { shared, notices: Vec::new(), looks: Vec::new() }
    }

    fn owns(&self, registration: &Registration) -> Option<Key> {
        Arc::ptr_eq(&self.shared, &registration.shared).then_some(registration.key)
    }

    /// One system call: waits for at most `left`, and less when there is something to look at again within `nap`.
    fn turn(&mut self, events: &mut Vec<Record>, left: Option<Duration>, nap: Duration) -> io::Result<()> {
        let outlook = self.shared.registered().settle(&self.shared.port, &mut self.looks)?;
        let timeout = outlook.timeout(left.map(|left| left.min(LONGEST)), nap);
        self.notices.resize(events.capacity().clamp(1, MOST_NOTICES), Notice::NONE);
        let taken = retrieve(&self.shared.port, &mut self.notices, timeout)?;
        self.shared.registered().report(&self.shared.port, &self.notices[..taken], events)
    }
}

/// Waits for an event at least: how many there are.
///
/// On an error, too, there may be some in the list, and they are nowhere else then; whether the count tells is not sure
/// (port_get(3C), `ETIME`). So the list itself has to.
fn retrieve(port: &Port, notices: &mut [Notice], timeout: Option<Duration>) -> io::Result<usize> {
    notices[0] = Notice::NONE;
    let mut count: c_uint = 1;
    let result = port.getn(notices, &mut count, timeout);
    if notices[0].is_none() {
        return match result {
            Err(error) if error.raw_os_error() != Some(libc::ETIME) => Err(error),
            _ => Ok(0),
        };
    }
    Ok(usize::try_from(count).map_or(notices.len(), |count| count.min(notices.len())))
}

impl crate::sys::Selector for Selector {
    type Registration = Registration;
    type Event = Record;
    type Waker = Waker;

    const EMULATES_EDGES: bool = true;

    fn new() -> io::Result<Selector> {
        let shared = Shared { port: Port::new()?, registered: Mutex::default() };
        Ok(Selector::of(Arc::new(shared)))
    }

    fn try_clone(&self) -> io::Result<Selector> {
        Ok(Selector::of(Arc::clone(&self.shared)))
    }

    fn register(&self, source: RawSource, token: Token, interest: Interest) -> io::Result<Registration> {
        let key = self.shared.register(source, token, interest, true)?;
        Ok(Registration { shared: Arc::clone(&self.shared), key })
    }

    fn reregister(
        &self,
        registration: &mut Registration,
        _: RawSource,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        let wanted = wanted(interest)?;
        self.shared.registered().change(&self.shared.port, self.owns(registration), token, wanted)
    }

    fn deregister(&self, registration: &Registration, _: RawSource) -> io::Result<()> {
        self.shared.deregister(&mut self.shared.registered(), self.owns(registration))
    }

    fn rearm(registration: &Registration, direction: Interest) -> io::Result<()> {
        let shared = &registration.shared;
        shared.registered().rearm(&shared.port, registration.key, edges::wanted(direction))
    }

    fn wait(&mut self, events: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
        edges::wait(events, timeout, |events, left, nap| self.turn(events, left, nap))
    }

    fn waker(&self, token: Token) -> io::Result<Waker> {
        Ok(Waker::new(Arc::clone(&self.shared), token))
    }

    fn wake(waker: &Waker) -> io::Result<()> {
        waker.wake()
    }
}

impl SelectDescriptor for Selector {
    fn register_fd(&self, fd: RawSource, token: Token, interest: Interest) -> io::Result<()> {
        self.shared.register(fd, token, interest, false).map(drop)
    }

    fn reregister_fd(&self, fd: RawSource, token: Token, interest: Interest) -> io::Result<()> {
        let wanted = wanted(interest)?;
        let mut registered = self.shared.registered();
        let key = registered.key_of(fd);
        registered.change(&self.shared.port, key, token, wanted)
    }

    fn deregister_fd(&self, fd: RawSource) -> io::Result<()> {
        let mut registered = self.shared.registered();
        let key = registered.key_of(fd);
        self.shared.deregister(&mut registered, key)
    }
}

/// poll(2)'s bits of an interest. There is none for a peer that has shut its sending half down: Solaris tells of that as of
/// bytes to read.
fn wanted(interest: Interest) -> io::Result<Bits> {
    error::refuse(interest, Interest::ASYNC_IO)?;
    Ok(edges::wanted(interest) & !edges::RDHUP)
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.shared.registered().remove(&self.shared.port, Some(self.key));
    }
}

impl AsFd for Selector {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.port.as_fd()
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector").field("shared", &self.shared).finish()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("port", &self.port).field("registered", &*self.registered()).finish()
    }
}
