//! Who decides what comes next: in tests shuttle, elsewhere the bytes of a fuzzer, over a single thread.

#[cfg(test)]
pub(in crate::sys::windows) use shuttle::sync;
#[cfg(not(test))]
pub(in crate::sys::windows) use std::sync;

/// Either of two things, by chance.
#[cfg(test)]
pub(super) fn coin() -> bool {
    use shuttle::rand::{thread_rng, Rng};
    thread_rng().gen()
}

/// Lets other threads come first.
#[cfg(test)]
pub(super) fn yield_now() {
    shuttle::thread::yield_now();
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
