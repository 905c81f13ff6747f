//! Whether a wake must go through the kernel: the state that the thread that polls shares with those that wake it.
//!
//! A thread that does not sleep needs no kernel to be woken. Who wakes sets the flag of its waker, its *bell*, and then
//! says [`NOTIFIED`] in the state that all wakers of a selector share. Only who finds the thread [`ASLEEP`] there, and is
//! the first, uses the bell's signal, the kernel's object that ends the wait. The thread that polls says that it is asleep
//! before a call that may wait, and is refused when a wake came first; after the call it looks, and makes the events of
//! bells that ring by itself. All of this is steps on one atomic, whose order all threads agree on: either the sleeper
//! finds the wake, or who wakes finds the sleeper.
//!
//! The bell that was first to find a sleeper has an event of the kernel as well. It is not told twice: see
//! [`Wakes::collect`]. Should the kernel's come later than the poll that told of the wake, since who wakes was held up
//! before the signal, it is a spurious event.
//!
//! Sometimes every wake must use its signal ([`DIRECT`]): when somebody watches the kernel's object of the selector, which
//! must become readable while nobody polls; and when a signal failed.
//!
//! Relies on one thread at a time that polls, which `&mut Poll` gives. It is pure, but for the signals: `model` explores
//! it with [loom](https://docs.rs/loom).

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

#[cfg(not(all(loom, test)))]
use std::sync::{atomic, Mutex, MutexGuard};

#[cfg(all(loom, test))]
use loom::sync::{atomic, Mutex, MutexGuard};

use atomic::{AtomicBool, AtomicU32, Ordering};

use super::Readiness;
use crate::Token;

#[cfg(test)]
mod model;

/// The thread that polls may be asleep in the kernel.
const ASLEEP: u32 = 1;
/// A bell may ring that was not told of. Who sees this need not wake anybody.
const NOTIFIED: u32 = 2;
/// Every wake uses its signal. Never taken back.
const DIRECT: u32 = 4;

/// The side of a selector: what it has to look at when it waits. `S` is how the kernel wakes it.
#[derive(Debug)]
pub(crate) struct Sleeper<S> {
    wakes: Arc<Wakes<S>>,
    /// Bells that ring found no room in the last list of events, since the kernel had filled it: it is their turn.
    bells_first: bool,
}

/// The side of a waker, which is taken out when this is dropped.
#[derive(Debug)]
pub(crate) struct Waker<S: Signal> {
    wakes: Arc<Wakes<S>>,
    bell: Arc<Bell<S>>,
}

/// How the kernel ends a wait.
pub(crate) trait Signal {
    fn signal(&self) -> io::Result<()>;
}

/// What the wakers of a selector share with the thread that polls.
#[derive(Debug)]
struct Wakes<S> {
    state: AtomicU32,
    /// Locked to add and remove bells, and to find those that ring; never to wake.
    bells: Mutex<Bells<S>>,
}

#[derive(Debug)]
struct Bells<S> {
    all: Vec<Arc<Bell<S>>>,
    /// Where the next look begins, so that none starves behind others.
    next: usize,
}

/// A waker's part.
#[derive(Debug)]
struct Bell<S> {
    rings: AtomicBool,
    token: Token,
    signal: S,
}

/// An event that can be made for a waker.
pub(crate) trait WakeEvent: Readiness {
    /// Says that `token` is readable.
    fn of_wake(token: Token) -> Self;
}

impl<S> Sleeper<S> {
    pub(crate) fn new() -> Sleeper<S> {
        Sleeper { wakes: Arc::new(Wakes::new()), bells_first: false }
    }

    /// For a clone of the selector.
    pub(crate) fn share(&self) -> Sleeper<S> {
        Sleeper { wakes: Arc::clone(&self.wakes), bells_first: false }
    }

    /// Makes a waker.
    pub(crate) fn waker(&self, token: Token, signal: S) -> Waker<S>
    where
        S: Signal,
    {
        Waker { wakes: Arc::clone(&self.wakes), bell: self.wakes.add(token, signal) }
    }

    /// Has the kernel's object of the selector, which somebody else watches, become readable by wakes: by those to come, and
    /// by those under way.
    pub(crate) fn be_watched(&self)
    where
        S: Signal,
    {
        self.wakes.be_watched();
    }

    /// Waits by `kernel`, unless a bell rings, and adds the events of bells.
    ///
    /// `kernel` adds events, for which there is room, and waits for so long. It is to return early only with an event, or when
    /// a signal was used.
    #[inline]
    pub(crate) fn wait<E: WakeEvent>(
        &mut self,
        events: &mut Vec<E>,
        timeout: Option<Duration>,
        mut kernel: impl FnMut(&mut Vec<E>, Option<Duration>) -> io::Result<()>,
    ) -> io::Result<()> {
        events.clear();
        let is_now = timeout == Some(Duration::ZERO);
        loop {
            // Relaxed: a wake that happened before this poll is seen, and others may come at any time.
            let state = self.wakes.state.load(Ordering::Relaxed);
            if state & NOTIFIED != 0 {
                self.look(events, &mut kernel)?;
                // Of bells that rang none may be left: their wakers were dropped.
                if is_now || !events.is_empty() {
                    return Ok(());
                }
            } else if is_now || state & DIRECT != 0 {
                return kernel(events, timeout);
            } else if self.wakes.fall_asleep(state) {
                // An error leaves the thread asleep for others: a wake too many is signalled, none too few.
                kernel(events, timeout)?;
                if !self.wakes.awake() {
                    self.bells_first = self.wakes.collect(events);
                }
                return Ok(());
            }
        }
    }

    /// Adds what the kernel has, and the events of bells that ring; in turns, who comes first, where there is little room.
    fn look<E: WakeEvent>(
        &mut self,
        events: &mut Vec<E>,
        kernel: &mut impl FnMut(&mut Vec<E>, Option<Duration>) -> io::Result<()>,
    ) -> io::Result<()> {
        if !mem::take(&mut self.bells_first) {
            kernel(events, Some(Duration::ZERO))?;
            self.bells_first = self.wakes.collect(events);
            return Ok(());
        }
        self.wakes.collect(events);
        if events.len() == events.capacity() {
            return Ok(());
        }
        match kernel(events, Some(Duration::ZERO)) {
            // The wakes that were taken must be told of.
            Err(_) if !events.is_empty() => Ok(()),
            result => result,
        }
    }
}

impl<S: Signal> Waker<S> {
    #[inline]
    pub(crate) fn wake(&self) -> io::Result<()> {
        if self.wakes.ring(&self.bell) {
            return self.signal();
        }
        Ok(())
    }

    /// Wakes through the kernel, whether or not that is needed.
    pub(crate) fn signal(&self) -> io::Result<()> {
        self.bell.signal.signal().map_err(|error| {
            // Who rings next would take this one for under way.
            self.wakes.be_watched();
            error
        })
    }
}

impl<S: Signal> Drop for Waker<S> {
    fn drop(&mut self) {
        self.wakes.remove(&self.bell);
    }
}

impl<S: Signal> Bell<S> {
    /// Signals for who rings without doing it himself.
    fn pass_on(&self) {
        if let Err(error) = self.signal.signal() {
            crate::diagnostics::warning!("a wake was not passed on: {error}");
        }
    }
}

impl<S> Wakes<S> {
    fn new() -> Wakes<S> {
        Wakes { state: AtomicU32::new(0), bells: Mutex::new(Bells { all: Vec::new(), next: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, Bells<S>> {
        // Nothing that runs under the lock leaves the list half changed when it panics.
        self.bells.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Adds a waker.
    fn add(&self, token: Token, signal: S) -> Arc<Bell<S>> {
        let bell = Arc::new(Bell { rings: AtomicBool::new(false), token, signal });
        self.lock().all.push(Arc::clone(&bell));
        bell
    }

    /// Rings a bell. Whether the caller must use its signal, too.
    #[inline]
    fn ring(&self, bell: &Bell<S>) -> bool {
        // Relaxed: a hint. Who misses it finds it below.
        if self.state.load(Ordering::Relaxed) & DIRECT != 0 {
            return true;
        }
        // Release: what was written before is seen by who takes the ring, also when it was not this thread that began it.
        // Acquire: whoever rings after one was taken sees the state that the taker left, see below.
        let rang = bell.rings.swap(true, Ordering::AcqRel);
        // Relaxed: the ring that is found was begun after the last take, or is taken later. If it was begun after, the
        // acquire above has made visible that the taker withdrew NOTIFIED first, so what is seen here is newer.
        if rang && self.state.load(Ordering::Relaxed) & NOTIFIED != 0 {
            return false;
        }
        // Release: the bell is seen to ring by who finds this. Acquire: with DIRECT comes what its setter wrote before.
        let state = self.state.fetch_or(NOTIFIED, Ordering::AcqRel);
        state & DIRECT != 0 || state & (ASLEEP | NOTIFIED) == ASLEEP
    }

    /// Says that the thread that polls sleeps, unless the state has changed.
    #[inline]
    fn fall_asleep(&self, state: u32) -> bool {
        // AcqRel: of this step and that of who wakes the later one finds the other. Relaxed where it fails: it is looked at
        // anew.
        self.state.compare_exchange(state, state | ASLEEP, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Says that the thread that polls is awake, unless bells may ring: then [`collect`](Wakes::collect) says it.
    #[inline]
    fn awake(&self) -> bool {
        // AcqRel, as all steps: it carries on what they carry. Relaxed where it fails: `collect` acquires.
        self.state.compare_exchange(ASLEEP, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Makes events of the bells that ring, as far as there is room; whether there was too little.
    ///
    /// The kernel may have told of them: of one that found the thread asleep, and of any when all signal. An event that
    /// says of the token what the one to be made would say stands for both.
    #[inline(never)] // So that the way of who was not woken stays short.
    fn collect<E: WakeEvent>(&self, events: &mut Vec<E>) -> bool {
        // Acquire: the bells of those who said NOTIFIED are seen to ring, and what they wrote is seen. Before any bell is
        // taken, whose release tells of this: see `ring`.
        self.state.fetch_and(!(ASLEEP | NOTIFIED), Ordering::AcqRel);
        let told_by_kernel = events.len();
        let mut bells = self.lock();
        let (count, start) = (bells.all.len(), bells.next);
        let mut left_over = None;
        for index in (0..count).map(|step| (start + step) % count) {
            let bell = &bells.all[index];
            // Relaxed: acquired above. A ring that is not seen says NOTIFIED after this.
            if !bell.rings.load(Ordering::Relaxed) {
                continue;
            }
            let is_told =
                events[..told_by_kernel].iter().any(|event| event.token() == bell.token && event.is_readable());
            if !is_told && events.len() == events.capacity() {
                left_over = left_over.or(Some(index));
                continue;
            }
            // Acquire: what all wrote who rang it is seen. Release: see `ring`.
            bell.rings.swap(false, Ordering::AcqRel);
            if !is_told {
                events.push(E::of_wake(bell.token));
            }
        }
        if let Some(index) = left_over {
            bells.next = index;
            // AcqRel: as if these bells rang anew.
            self.state.fetch_or(NOTIFIED, Ordering::AcqRel);
        }
        left_over.is_some()
    }
}

impl<S: Signal> Wakes<S> {
    /// Takes a waker out; a wake that was not told of is not any more.
    ///
    /// The signal that goes with the waker may be the one on which others rely, and the thread sleep on without it.
    fn remove(&self, bell: &Arc<Bell<S>>) {
        let mut bells = self.lock();
        bells.all.retain(|other| !Arc::ptr_eq(other, bell));
        // Acquire: the bells of those who said NOTIFIED are seen to ring. Release: passes on what came before, as all
        // steps. Relaxed where it fails: the thread is awake and will look, or no signal was used, or all are.
        if self.state.compare_exchange(ASLEEP | NOTIFIED, ASLEEP, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            // Relaxed: acquired above. A ring that is not seen here finds that NOTIFIED is gone.
            let ringing = bells.all.iter().filter(|bell| bell.rings.load(Ordering::Relaxed));
            ringing.filter(|bell| self.ring(bell)).for_each(|bell| bell.pass_on());
        }
    }

    /// Has every wake use its signal from now on, and signals for the bells that ring already.
    #[cold]
    fn be_watched(&self) {
        // Acquire: the bells of those who said NOTIFIED are seen to ring. Release: passes on what came before, as all steps.
        let state = self.state.fetch_or(DIRECT, Ordering::AcqRel);
        if state & (DIRECT | NOTIFIED) == NOTIFIED {
            // Relaxed: acquired above. A ring that is not seen here finds DIRECT.
            let bells = self.lock();
            bells.all.iter().filter(|bell| bell.rings.load(Ordering::Relaxed)).for_each(|bell| bell.pass_on());
        }
    }
}
