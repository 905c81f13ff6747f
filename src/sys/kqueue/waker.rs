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
use crate::sys::wakes;
use crate::{Interest, Token};

/// A bell of the queue.
pub(crate) type Waker = wakes::Waker<Trigger>;

/// A user event of the queue, or a notifier that it watches.
#[derive(Debug)]
pub(crate) enum Trigger {
    User(UserEvent),
    Notifier(Notifier),
}

/// A user event, which is taken out when this is dropped.
#[derive(Debug)]
pub(crate) struct UserEvent {
    queue: Arc<Queue>,
    ident: usize,
    token: Token,
}

impl Trigger {
    /// NetBSD has user events since version 10, OpenBSD since 7.8; a kernel says `EINVAL` of a filter that it does not know.
    pub(super) fn new(shared: &Arc<Shared>, token: Token) -> io::Result<Trigger> {
        if cfg!(any(poised_waker = "pipe", mio_unsupported_force_waker_pipe)) {
            return Trigger::by_notifier(shared, token);
        }
        match UserEvent::new(shared, token) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Trigger::by_notifier(shared, token),
            result => result.map(Trigger::User),
        }
    }

    /// Being an edge, its readiness need not be consumed: each further write is reported anew.
    fn by_notifier(shared: &Arc<Shared>, token: Token) -> io::Result<Trigger> {
        let notifier = Notifier::new()?;
        shared.registered().add(&shared.queue, notifier.as_raw_fd(), token, Interest::READABLE)?;
        Ok(Trigger::Notifier(notifier))
    }
}

impl wakes::Signal for Trigger {
    fn signal(&self) -> io::Result<()> {
        match self {
            Trigger::User(event) => event.trigger(),
            Trigger::Notifier(notifier) => notifier.notify(),
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
