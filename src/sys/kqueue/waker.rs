//! Wakes a queue: by a flag, and while its thread sleeps by a user event; by a [`Notifier`] where the kernel has none.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use super::event::Record;
use super::kernel::Queue;
use super::registered::apply;
use super::selector::Shared;
use super::types::{self, Flags};
use crate::sys::unix::notifier::Notifier;
use crate::sys::wakes::{Bell, Wakes};
use crate::{Interest, Token};

/// A bell of the queue; it is taken out when this is dropped.
#[derive(Debug)]
pub(crate) struct Waker {
    wakes: Arc<Wakes<Signal>>,
    bell: Arc<Bell<Signal>>,
}

/// A user event of the queue, or a notifier that it watches.
#[derive(Debug)]
pub(super) enum Signal {
    User(UserEvent),
    Notifier(Notifier),
}

/// A user event, which is taken out when this is dropped.
#[derive(Debug)]
pub(super) struct UserEvent {
    queue: Arc<Queue>,
    ident: usize,
    token: Token,
}

impl Waker {
    pub(super) fn new(shared: &Arc<Shared>, wakes: Arc<Wakes<Signal>>, token: Token) -> io::Result<Waker> {
        let bell = wakes.add(token, Signal::new(shared, token)?);
        Ok(Waker { wakes, bell })
    }

    #[inline]
    pub(super) fn wake(&self) -> io::Result<()> {
        if !self.wakes.ring(&self.bell) {
            return Ok(());
        }
        self.bell.signal.send().map_err(|error| {
            // Who rings next would take this one for under way.
            self.wakes.always_signal();
            error
        })
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.wakes.remove(&self.bell);
    }
}

/// Has a queue that somebody else watches become readable by wakes: by those to come, and by those under way.
#[cold]
pub(super) fn be_watched(wakes: &Wakes<Signal>) {
    for bell in wakes.always_signal() {
        if let Err(error) = bell.signal.send() {
            crate::diagnostics::warning!("a wake could not be shown to who watches the queue: {error}");
        }
    }
}

impl Signal {
    /// NetBSD has user events since version 10, OpenBSD since 7.8; a kernel says `EINVAL` of a filter that it does not know.
    fn new(shared: &Arc<Shared>, token: Token) -> io::Result<Signal> {
        if cfg!(any(poised_waker = "pipe", mio_unsupported_force_waker_pipe)) {
            return Signal::by_notifier(shared, token);
        }
        match UserEvent::new(shared, token) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Signal::by_notifier(shared, token),
            result => result.map(Signal::User),
        }
    }

    /// Being an edge, its readiness need not be consumed: each further write is reported anew.
    fn by_notifier(shared: &Arc<Shared>, token: Token) -> io::Result<Signal> {
        let notifier = Notifier::new()?;
        shared.registered().add(&shared.queue, notifier.as_raw_fd(), token, Interest::READABLE)?;
        Ok(Signal::Notifier(notifier))
    }

    fn send(&self) -> io::Result<()> {
        match self {
            Signal::User(event) => event.trigger(),
            Signal::Notifier(notifier) => notifier.notify(),
        }
    }
}

impl UserEvent {
    fn new(shared: &Arc<Shared>, token: Token) -> io::Result<UserEvent> {
        let event = UserEvent { queue: Arc::clone(&shared.queue), ident: shared.next_user_ident(), token };
        event.change(types::EV_ADD | types::EV_CLEAR, 0)?;
        Ok(event)
    }

    /// Only ever triggers: with `EV_ADD` it would be another note on some kernels, and with `EV_CLEAR` FreeBSD takes the
    /// trigger back (kern_event.c, filt_usertouch). The token is given again, since the kernel replaces it.
    #[inline]
    fn trigger(&self) -> io::Result<()> {
        self.change(0, types::NOTE_TRIGGER)
    }

    fn change(&self, flags: Flags, fflags: u32) -> io::Result<()> {
        let change = [Record::change(self.ident, types::EVFILT_USER, flags, self.token).with(fflags)];
        let mut receipt = change;
        apply(&self.queue, &change, &mut receipt)?;
        receipt[0].error().map_or(Ok(()), Err)
    }
}

impl Drop for UserEvent {
    fn drop(&mut self) {
        // When it can't be deleted, it is not there.
        drop(self.change(types::EV_DELETE, 0));
    }
}
