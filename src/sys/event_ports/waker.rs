//! Wakes an event port by an event of the user's.

use std::io;
use std::sync::Arc;

use super::selector::Shared;
use crate::Token;

/// A number that the port's user events carry; they mean nothing when this is dropped.
#[derive(Debug)]
pub(crate) struct Waker {
    shared: Arc<Shared>,
    number: usize,
}

impl Waker {
    pub(super) fn new(shared: Arc<Shared>, token: Token) -> Waker {
        let number = shared.registered().add_waker(token);
        Waker { shared, number }
    }

    pub(super) fn wake(&self) -> io::Result<()> {
        self.shared.registered().wake(&self.shared.port, self.number)
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.shared.registered().remove_waker(self.number);
    }
}
