//! Wakes an epoll selector: by a flag, and while it sleeps by a [`Notifier`] that is registered like any source.

use std::io;

use crate::sys::unix::forks;
use crate::sys::unix::notifier::Notifier;
use crate::sys::wakes;

/// A bell whose signal is a notifier that the selector watches.
#[derive(Debug)]
pub(crate) struct Waker {
    bell: wakes::Waker<Notifier>,
    /// How often the process had forked when this was made.
    forks: u32,
}

impl wakes::Signal for Notifier {
    fn signal(&self) -> io::Result<()> {
        self.notify()
    }
}

impl Waker {
    pub(super) fn new(bell: wakes::Waker<Notifier>) -> Waker {
        Waker { bell, forks: forks::count() }
    }

    /// A forked child has the descriptors of its parent and a copy of its memory: the flag there would reach nobody.
    #[inline]
    pub(super) fn wake(&self) -> io::Result<()> {
        if self.forks == forks::count_known() {
            self.bell.wake()
        } else {
            self.bell.signal()
        }
    }
}
