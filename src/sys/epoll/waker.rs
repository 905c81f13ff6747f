//! Wakes an epoll selector by a [`Notifier`] that is registered like any source.

use std::io;
use std::os::fd::AsRawFd;

use super::Selector;
use crate::sys::unix::notifier::Notifier;
use crate::sys::SelectDescriptor;
use crate::{Interest, Token};

/// A notifier that the selector watches. Being an edge, its readiness need not be consumed: each further write is
/// reported anew.
#[derive(Debug)]
pub(crate) struct Waker {
    notifier: Notifier,
}

impl Waker {
    pub(crate) fn new(selector: &Selector, token: Token) -> io::Result<Waker> {
        let notifier = Notifier::new()?;
        selector.register_fd(notifier.as_raw_fd(), token, Interest::READABLE)?;
        Ok(Waker { notifier })
    }

    #[inline]
    pub(crate) fn wake(&self) -> io::Result<()> {
        self.notifier.notify()
    }
}
