//! Tells a forked child from its parent, without asking the kernel each time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Once;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// How often fork(2) has made a process on the way from the first call of this to here.
pub(crate) fn count() -> u32 {
    static WATCH: Once = Once::new();
    // When there is no memory for it, a child is not told apart, and wakes itself alone.
    WATCH.call_once(|| {
        // SAFETY: the handler is a function of this program that adds to an atomic, which any thread may do in a child.
        unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    });
    count_known()
}

/// The same, after [`count`] was called.
#[inline]
pub(crate) fn count_known() -> u32 {
    // Relaxed: it changes before any other code runs in a child, in the one thread that is there.
    COUNT.load(Ordering::Relaxed)
}

extern "C" fn forked() {
    // Relaxed: as above.
    COUNT.fetch_add(1, Ordering::Relaxed);
}
