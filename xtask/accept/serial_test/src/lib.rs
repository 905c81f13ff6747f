//! Stands in for a helper crate of signal-hook's repository, which its published tests use and which is not published.

use std::sync::{Mutex, MutexGuard};

static LOCK: Mutex<()> = Mutex::new(());

/// Lets the tests of one process run one after the other.
pub fn lock() -> MutexGuard<'static, ()> {
    LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
