//! Wakes an epoll selector: by a flag, and while it sleeps by a [`Notifier`] that is registered like any source.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use super::Selector;
use crate::sys::unix::forks;
use crate::sys::unix::notifier::Notifier;
use crate::sys::wakes::{Bell, Wakes};
use crate::sys::SelectDescriptor;
use crate::{Interest, Token};

/// A bell whose signal is a notifier that the selector watches. Being an edge, its readiness need not be consumed: each
/// further write is reported anew.
#[derive(Debug)]
pub(crate) struct Waker {
    wakes: Arc<Wakes<Notifier>>,
    bell: Arc<Bell<Notifier>>,
    /// How often the process had forked when this was made.
    forks: u32,
}

impl Waker {
    pub(super) fn new(selector: &Selector, wakes: Arc<Wakes<Notifier>>, token: Token) -> io::Result<Waker> {
        let forks = forks::count();
        let notifier = Notifier::new()?;
        selector.register_fd(notifier.as_raw_fd(), token, Interest::READABLE)?;
        let bell = wakes.add(token, notifier);
        Ok(Waker { wakes, bell, forks })
    }

    /// A forked child has the descriptors of its parent and a copy of its memory: the flag there would reach nobody.
    #[inline]
    pub(crate) fn wake(&self) -> io::Result<()> {
        if self.forks != forks::count_known() || self.wakes.ring(&self.bell) {
            return self.signal();
        }
        Ok(())
    }

    fn signal(&self) -> io::Result<()> {
        self.bell.signal.notify().map_err(|error| {
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

/// Has a descriptor that somebody else watches become readable by wakes: by those to come, and by those under way.
#[cold]
pub(super) fn be_watched(wakes: &Wakes<Notifier>) {
    for bell in wakes.always_signal() {
        if let Err(error) = bell.signal.notify() {
            crate::diagnostics::warning!("a wake could not be shown to who watches the poll's descriptor: {error}");
        }
    }
}
