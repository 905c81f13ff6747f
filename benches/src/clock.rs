//! CPU time, which other programs on the machine do not disturb as they do wall clock.

use std::time::Duration;

use rustix::time::{clock_gettime, ClockId};

/// What this thread has used so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What `work` gives, and the CPU time in nanoseconds that it took this thread.
pub(crate) fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, f64), E> {
    let start = cpu_time();
    let result = work()?;
    Ok((result, nanos(cpu_time() - start)))
}

/// The time in nanoseconds.
pub(crate) fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// A count as a number to divide by.
pub(crate) fn float(count: usize) -> f64 {
    // Below 2^52, so exact.
    #[allow(clippy::cast_precision_loss)]
    let float = count as f64;
    float
}
