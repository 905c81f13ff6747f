//! Registering, registering otherwise, and taking out again.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::Result;

use super::poll::sources;
use crate::clock::{float, timed};
use crate::peers::{Interest, Peer};
use crate::rounds::Effort;

/// As many as a busy server has new connections at a time.
pub(crate) const SOURCES: usize = 64;

/// One turn: every source in, and out again.
pub(crate) fn in_and_out<P: Peer>(poll: &P, sources: &[OwnedFd]) -> io::Result<()> {
    for (token, source) in sources.iter().enumerate() {
        poll.register(source.as_raw_fd(), token, Interest::Readable)?;
    }
    sources.iter().try_for_each(|source| poll.deregister(source.as_raw_fd()))
}

/// One turn: another interest and token for every source.
pub(crate) fn otherwise<P: Peer>(poll: &P, sources: &[OwnedFd]) -> io::Result<()> {
    for (token, source) in sources.iter().enumerate() {
        poll.reregister(source.as_raw_fd(), token, Interest::Both)?;
    }
    Ok(())
}

/// So many turns.
pub(crate) fn in_and_out_turns<P: Peer>(turns: usize) -> io::Result<()> {
    let (poll, sources) = (P::new()?, sources(SOURCES)?);
    (0..turns).try_for_each(|_| in_and_out(&poll, &sources))
}

/// So many turns.
pub(crate) fn otherwise_turns<P: Peer>(turns: usize) -> io::Result<()> {
    let (poll, sources) = (P::new()?, sources(SOURCES)?);
    for (token, source) in sources.iter().enumerate() {
        poll.register(source.as_raw_fd(), token, Interest::Readable)?;
    }
    (0..turns).try_for_each(|_| otherwise(&poll, &sources))?;
    sources.iter().try_for_each(|source| poll.deregister(source.as_raw_fd()))
}

/// The time of both for each source.
pub(crate) fn time<P: Peer>(effort: &Effort) -> Result<Vec<f64>> {
    let (poll, sources) = (P::new()?, sources(SOURCES)?);
    let turns = effort.of(200);
    let all = float(turns * SOURCES);
    let ((), fresh) = timed(|| (0..turns).try_for_each(|_| in_and_out(&poll, &sources)))?;
    for (token, source) in sources.iter().enumerate() {
        poll.register(source.as_raw_fd(), token, Interest::Readable)?;
    }
    let ((), again) = timed(|| (0..turns).try_for_each(|_| otherwise(&poll, &sources)))?;
    sources.iter().try_for_each(|source| poll.deregister(source.as_raw_fd()))?;
    Ok(vec![fresh / all, again / all])
}
