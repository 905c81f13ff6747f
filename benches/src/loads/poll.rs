//! Waiting for sources that are ready: eventfds, each written before each poll, which is a new edge.

use std::hint::black_box;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::Result;
use rustix::event::{eventfd, EventfdFlags};

use crate::clock::{float, timed};
use crate::peers::{Interest, Peer};
use crate::rounds::Effort;

/// Sources of readiness.
pub(crate) fn sources(count: usize) -> io::Result<Vec<OwnedFd>> {
    let source = |_| Ok(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
    (0..count).map(source).collect()
}

/// Makes them ready, as often.
pub(crate) fn trigger(sources: &[OwnedFd], turns: usize) -> io::Result<()> {
    for _ in 0..turns {
        ready(sources)?;
    }
    Ok(())
}

/// A call of its own, so that it costs the same with a poll and without.
#[inline(never)]
fn ready(sources: &[OwnedFd]) -> io::Result<()> {
    for source in sources {
        rustix::io::write(source, &1_u64.to_ne_bytes())?;
    }
    Ok(())
}

/// Makes them ready, and polls.
pub(crate) fn cycle<P: Peer>(
    poll: &mut P,
    events: &mut P::Events,
    sources: &[OwnedFd],
    turns: usize,
) -> io::Result<()> {
    for _ in 0..turns {
        ready(sources)?;
        turn(poll, events);
    }
    Ok(())
}

/// Polls, and looks at what came. A call of its own, so that what is around it does not show.
#[inline(never)]
fn turn<P: Peer>(poll: &mut P, events: &mut P::Events) {
    poll.poll(events, None).expect("what is registered can be polled");
    for seen in P::seen(events) {
        black_box(seen);
    }
}

/// So many turns with so many sources, and nothing else.
pub(crate) fn turns<P: Peer>(count: usize, turns: usize) -> io::Result<()> {
    let (mut poll, sources) = registered::<P>(count)?;
    cycle(&mut poll, &mut P::events(count), &sources, turns)?;
    sources.iter().try_for_each(|source| poll.deregister(source.as_raw_fd()))
}

/// The same without a poll.
pub(crate) fn base(count: usize, turns: usize) -> io::Result<()> {
    trigger(&sources(count)?, turns)
}

fn registered<P: Peer>(count: usize) -> io::Result<(P, Vec<OwnedFd>)> {
    let (poll, sources) = (P::new()?, sources(count)?);
    for (token, source) in sources.iter().enumerate() {
        poll.register(source.as_raw_fd(), token, Interest::Readable)?;
    }
    Ok((poll, sources))
}

/// The time of a poll for each event; what it takes to make the sources ready is taken off.
pub(crate) fn time<P: Peer>(effort: &Effort, count: usize) -> Result<Vec<f64>> {
    let (mut poll, sources) = registered::<P>(count)?;
    let mut events = P::events(count);
    let turns = effort.of(30_000 / count.min(500));
    cycle(&mut poll, &mut events, &sources, turns / 10)?;
    let ((), with) = timed(|| cycle(&mut poll, &mut events, &sources, turns))?;
    let ((), without) = timed(|| trigger(&sources, turns))?;
    sources.iter().try_for_each(|source| poll.deregister(source.as_raw_fd()))?;
    Ok(vec![(with - without) / float(turns * count)])
}
