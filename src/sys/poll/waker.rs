//! Wakes a poll(2) selector: a flag in its table, and a note to who waits.

use std::sync::Arc;

use super::shared::Shared;
use super::table::Key;
use crate::Token;

/// A flag of the selector's table; it is taken out when this is dropped.
#[derive(Debug)]
pub(crate) struct Waker {
    shared: Arc<Shared>,
    key: Key,
}

impl Waker {
    pub(super) fn new(shared: Arc<Shared>, token: Token) -> Waker {
        let key = shared.lock().table.add_waker(token);
        Waker { shared, key }
    }

    pub(super) fn wake(&self) {
        self.shared.change(|table| table.wake(self.key));
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.shared.lock().table.remove(self.key);
    }
}
