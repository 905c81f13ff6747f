//! Who decides what comes next: in tests shuttle, by chance; under `--cfg loom` loom, which tries all orders of the threads'
//! steps; elsewhere the bytes of a fuzzer, over a single thread.

#[cfg(all(test, not(loom)))]
pub(in crate::sys::windows) use shuttle::sync;
#[cfg(not(test))]
pub(in crate::sys::windows) use std::sync;

/// Loom's, but for `Arc`: each count of references would be a step to order, and no code here depends on one.
#[cfg(all(test, loom))]
pub(in crate::sys::windows) mod sync {
    pub(in crate::sys::windows) use loom::sync::{atomic, Condvar, Mutex, MutexGuard, RwLock};
    pub(in crate::sys::windows) use std::sync::{Arc, PoisonError};
}

#[cfg(all(test, loom))]
pub(super) use loom::thread;
#[cfg(all(test, not(loom)))]
pub(super) use shuttle::thread;

/// Either of two things, by chance.
#[cfg(all(test, not(loom)))]
pub(super) fn coin() -> bool {
    use shuttle::rand::{thread_rng, Rng};
    thread_rng().gen()
}

/// Always the same: loom explores threads, not what a kernel may choose. Of a wait with an end it means that its time is
/// over when nothing is there at once.
#[cfg(all(test, loom))]
pub(super) fn coin() -> bool {
    true
}

/// Lets other threads come first.
#[cfg(test)]
pub(super) fn yield_now() {
    thread::yield_now();
}

/// Sleeps until another thread has changed something.
#[cfg(test)]
pub(super) fn sleep<'a, T>(came: &sync::Condvar, guard: sync::MutexGuard<'a, T>) -> sync::MutexGuard<'a, T> {
    came.wait(guard).unwrap_or_else(sync::PoisonError::into_inner)
}

#[cfg(not(test))]
pub(super) use alone::{coin, set_coins, sleep, yield_now};

#[cfg(not(test))]
mod alone {
    use std::cell::Cell;
    use std::sync::{Condvar, MutexGuard};

    thread_local! {
        static COINS: Cell<u64> = const { Cell::new(1) };
    }

    /// Decides how the coins to come will fall.
    pub(in super::super) fn set_coins(seed: u64) {
        COINS.with(|coins| coins.set(seed | 1));
    }

    pub(in super::super) fn coin() -> bool {
        COINS.with(|coins| {
            // Marsaglia's xorshift: from any number but zero it goes round through all others.
            let mut next = coins.get();
            next ^= next << 13;
            next ^= next >> 7;
            next ^= next << 17;
            coins.set(next);
            next & 1 == 1
        })
    }

    pub(in super::super) fn yield_now() {}

    pub(in super::super) fn sleep<'a, T>(_: &Condvar, _: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        panic!("the only thread sleeps for ever: readiness was lost");
    }
}
