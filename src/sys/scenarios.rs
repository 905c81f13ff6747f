//! What the scenarios of the mechanisms share that run over models of their kernels.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{Readiness, Selector};
use crate::Interest;

pub(super) const READ: Interest = Interest::READABLE;
pub(super) const WRITE: Interest = Interest::WRITABLE;
pub(super) const BOTH: Interest = READ.add(WRITE);

/// Two connected streams that do not block.
pub(super) fn pair() -> (UnixStream, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    other.set_nonblocking(true).unwrap();
    (one, other)
}

/// What is reported before `timeout` is over.
pub(super) fn within<S: Selector>(selector: &mut S, timeout: Duration) -> Vec<S::Event> {
    let mut events = Vec::with_capacity(16);
    selector.wait(&mut events, Some(timeout)).unwrap();
    events
}

/// What is reported without waiting.
pub(super) fn now<S: Selector>(selector: &mut S) -> Vec<S::Event> {
    within(selector, Duration::ZERO)
}

pub(super) fn tokens(events: &[impl Readiness]) -> Vec<usize> {
    events.iter().map(|event| event.token().0).collect()
}

/// Explores the orders of the steps of `body`'s threads.
#[cfg(loom)]
pub(super) fn explore(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // Bugs of this kind show with one or two; loom's authors advise two or three.
    builder.preemption_bound = Some(3);
    builder.check(body);
}
