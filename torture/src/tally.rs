//! What a side counts, and what it finds wrong.

use std::time::Duration;

use hdrhistogram::Histogram;

/// How many findings are told in words.
const TOLD: usize = 20;
/// A minute, in microseconds: nothing that is answered takes longer.
const LONGEST: u64 = 60_000_000;

#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) polls: u64,
    pub(crate) events: u64,
    /// Waits that a signal ended.
    pub(crate) interrupted: u64,
    pub(crate) opened: u64,
    pub(crate) done: u64,
    /// Connections that this side reset, and those that it left with bytes unread.
    pub(crate) resets: u64,
    pub(crate) left: u64,
    /// Ends by an error, as planned.
    pub(crate) broken: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    /// Times that the descriptors were used up.
    pub(crate) full: u64,
    /// Connections that were put off, since an address or a backlog was used up.
    pub(crate) put_off: u64,
    /// From a message to its whole answer, in microseconds.
    pub(crate) latencies: Histogram<u64>,
    pub(crate) failed: u64,
    pub(crate) findings: Vec<String>,
}

impl Tally {
    pub(crate) fn new() -> anyhow::Result<Tally> {
        Ok(Tally {
            polls: 0,
            events: 0,
            interrupted: 0,
            opened: 0,
            done: 0,
            resets: 0,
            left: 0,
            broken: 0,
            bytes_sent: 0,
            bytes_received: 0,
            full: 0,
            put_off: 0,
            latencies: Histogram::new_with_max(LONGEST, 2)?,
            failed: 0,
            findings: Vec::new(),
        })
    }

    pub(crate) fn answered(&mut self, after: Duration) {
        self.latencies.saturating_record(u64::try_from(after.as_micros()).unwrap_or(LONGEST));
    }

    /// Notes that something is wrong.
    pub(crate) fn fail(&mut self, what: String) {
        self.failed += 1;
        if self.findings.len() < TOLD {
            self.findings.push(what);
        }
    }
}
