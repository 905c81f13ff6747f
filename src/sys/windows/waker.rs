//! Wakes a selector by a packet in its port.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ptr;

use super::event::{Event, Said};
use super::iocp::CompletionStatus;
use super::registration::Shared;
use super::sync::atomic::{AtomicBool, Ordering};
use super::sync::{Arc, Mutex, MutexGuard, PoisonError};
use super::WAKER_KEY;
use crate::Token;

/// The wakers of a selector by their numbers, which their packets carry.
#[derive(Debug, Default)]
pub(super) struct Bells(Mutex<(u32, BTreeMap<u32, Arc<Bell>>)>);

#[derive(Debug)]
struct Bell {
    token: Token,
    /// Whether a packet is on its way.
    rung: AtomicBool,
}

impl Bells {
    fn lock(&self) -> MutexGuard<'_, (u32, BTreeMap<u32, Arc<Bell>>)> {
        // Nothing that runs under the lock leaves the map half changed when it panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a bell. Numbers go round, so that a late packet of a waker that is gone rings no new one.
    fn add(&self, bell: Arc<Bell>) -> u32 {
        let mut bells = self.lock();
        while bells.1.contains_key(&bells.0) {
            bells.0 = bells.0.wrapping_add(1);
        }
        let number = bells.0;
        bells.0 = number.wrapping_add(1);
        bells.1.insert(number, bell);
        number
    }

    /// The event of the waker whose packet was taken, if it is still there.
    pub(super) fn heard(&self, number: u32) -> Option<Event> {
        let bell = Arc::clone(self.lock().1.get(&number)?);
        // Acquire: what threads wrote before their wakes, also those that found the bell rung, is seen by who gets the
        // event. A wake that comes later finds the bell silent whatever the ordering: it is the same number.
        bell.rung.swap(false, Ordering::Acquire);
        Some(Event::new(bell.token, Said::READABLE))
    }
}

/// Rings, unless it is rung already.
pub(crate) struct Waker {
    shared: Arc<Shared>,
    bell: Arc<Bell>,
    number: u32,
}

impl Waker {
    pub(super) fn new(shared: Arc<Shared>, token: Token) -> Waker {
        let bell = Arc::new(Bell { token, rung: AtomicBool::new(false) });
        let number = shared.bells.add(Arc::clone(&bell));
        Waker { shared, bell, number }
    }

    pub(super) fn wake(&self) -> io::Result<()> {
        // Release: what was written before is seen by who takes the event. So is what was before other wakes: a swap passes
        // on what those before it released.
        if self.bell.rung.swap(true, Ordering::Release) {
            return Ok(());
        }
        let packet = CompletionStatus::new(self.number, WAKER_KEY, ptr::null_mut());
        self.shared.port.post(packet).map_err(|error| {
            // Relaxed: nobody heard anything, and the next wake tries again. A swap, as above: a store would keep from it
            // what was written before a wake that found the bell rung meanwhile.
            self.bell.rung.swap(false, Ordering::Relaxed);
            error
        })
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.shared.bells.lock().1.remove(&self.number);
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waker").field("bell", &self.bell).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(windows), not(loom)))] // Its locks are those of the simulation.
mod tests {
    use super::{Arc, AtomicBool, Bell, Bells};
    use crate::sys::Readiness;
    use crate::Token;

    #[test]
    fn p15_no_waker_gets_the_number_of_another() {
        let once = || {
            let bells = Bells::default();
            let add = |token| bells.add(Arc::new(Bell { token: Token(token), rung: AtomicBool::new(true) }));
            assert_eq!(add(10), 0);
            bells.lock().0 = u32::MAX;
            assert_eq!([add(11), add(12)], [u32::MAX, 1]);
            let heard = [0, u32::MAX, 1].map(|number| bells.heard(number).unwrap().token());
            assert_eq!(heard, [Token(10), Token(11), Token(12)]);
        };
        shuttle::check_random(once, 1);
    }
}
