//! A clock that goes on when somebody waits, and when a test says so.

use std::time::Duration;

use super::kernel::Machine;

/// A time of the machine's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Instant {
        Instant(Machine::here().time())
    }

    pub(crate) fn elapsed(self) -> Duration {
        Machine::here().time().saturating_sub(self.0)
    }
}

/// The end of a wait, as that of `sys::timeout`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Duration>);

impl Deadline {
    pub(crate) fn after(timeout: Option<Duration>) -> Deadline {
        Deadline(timeout.and_then(|timeout| Machine::here().time().checked_add(timeout)))
    }

    pub(crate) fn left(self) -> Option<Duration> {
        self.0.map(|end| end.saturating_sub(Machine::here().time()))
    }
}
