//! How long something took, many times.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

/// Times by the wall clock, to three digits.
pub(crate) struct Delays(Histogram<u64>);

impl Delays {
    pub(crate) fn new() -> Result<Delays> {
        Ok(Delays(Histogram::new(3)?))
    }

    pub(crate) fn note(&mut self, delay: Duration) -> Result<()> {
        Ok(self.0.record(u64::try_from(delay.as_nanos())?)?)
    }

    pub(crate) fn add(&mut self, others: &Delays) -> Result<()> {
        Ok(self.0.add(&others.0)?)
    }

    /// The median, and what 99 of 100 are within, in microseconds.
    pub(crate) fn micros(&self) -> [f64; 2] {
        [0.5, 0.99].map(|quantile| Duration::from_nanos(self.0.value_at_quantile(quantile)).as_secs_f64() * 1e6)
    }
}
