//! What all handles of a poll(2) selector share: the table under its lock, and the notifier that interrupts who waits.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::kernel::{self, Notifier};
use super::table::{Key, Registering, Table};
use crate::sys::{error, RawSource};
use crate::{Interest, Token};

/// What all handles of a selector share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) notifier: Notifier,
}

/// Protected by the lock: the registrations, and whether somebody must be told when they change.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) table: Table,
    pub(super) waiting: bool,
}

impl Shared {
    pub(super) fn new() -> io::Result<Shared> {
        Ok(Shared { state: Mutex::default(), notifier: Notifier::new()? })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock leaves the table half changed when it panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the table, and interrupts who waits. Whatever fails then, the change stands.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut Table) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state.table);
        self.interrupt(&mut state);
        result
    }

    pub(super) fn interrupt(&self, state: &mut State) {
        if state.waiting {
            // One note is enough until it is taken.
            state.waiting = false;
            if let Err(error) = self.notifier.notify() {
                crate::diagnostics::warning!("a waiting poll could not be interrupted: {error}");
            }
        }
    }

    pub(super) fn register(&self, fd: RawSource, token: Token, interest: Interest, owned: bool) -> io::Result<Key> {
        error::refuse(interest, kernel::MISSING)?;
        let identity = kernel::identify(fd).map_err(|error| match error.raw_os_error() {
            Some(libc::EPERM) => error::not_pollable(error),
            _ => error,
        })?;
        let new = Registering { fd, identity, token, interest, owned };
        self.change(|table| table.register(new)).ok_or_else(error::already_registered)
    }

    pub(super) fn reregister(&self, key: Option<Key>, token: Token, interest: Interest) -> io::Result<()> {
        error::refuse(interest, kernel::MISSING)?;
        let done = self.change(|table| key.is_some_and(|key| table.reregister(key, token, interest)));
        done.then_some(()).ok_or_else(error::not_registered)
    }

    pub(super) fn deregister(&self, key: Option<Key>) -> io::Result<()> {
        // Who waits is interrupted: poll(2) holds the file, and its peer must learn when it is closed.
        let done = self.change(|table| key.is_some_and(|key| table.remove(key)));
        done.then_some(()).ok_or_else(error::not_registered)
    }
}
