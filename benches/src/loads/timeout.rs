//! Short timeouts, by the wall clock: nothing else shows when a thread runs again.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::clock::float;
use crate::peers::Peer;
use crate::rounds::{quantile, Effort};

const TIMEOUT: Duration = Duration::from_micros(100);

/// Microseconds until a poll of 100 returns, and how many of 100 polls returned early.
pub(crate) fn short<P: Peer>(effort: &Effort) -> Result<Vec<f64>> {
    let (mut poll, mut events) = (P::new()?, P::events(16));
    let mut times = Vec::new();
    for _ in 0..effort.of(60) {
        let start = Instant::now();
        poll.poll(&mut events, Some(TIMEOUT))?;
        times.push(start.elapsed());
    }
    let early = times.iter().filter(|&&time| time < TIMEOUT).count();
    let micros: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e6).collect();
    Ok(vec![quantile(&micros, 0.5), float(early) / float(times.len()) * 100.0])
}
