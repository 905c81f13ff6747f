//! Many sources of which nothing comes: Unix streams, both ends of each registered.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use anyhow::Result;

use super::poll::{cycle, sources, trigger};
use crate::clock::{float, timed};
use crate::heap;
use crate::peers::{Interest, Peer, Stream};
use crate::rounds::Effort;

pub(crate) const SOURCES: usize = 10_000;

/// Heap bytes of each source, and the time of a poll of all of them with one ready.
pub(crate) fn idle<P: Peer>(effort: &Effort) -> Result<Vec<f64>> {
    let mut pairs = Vec::with_capacity(SOURCES);
    while pairs.len() < SOURCES {
        for end in <[UnixStream; 2]>::from(UnixStream::pair()?) {
            end.set_nonblocking(true)?;
            pairs.push(end);
        }
    }
    let mut poll = P::new()?;
    let mut streams: Vec<P::Unix> = Vec::with_capacity(SOURCES);
    let before = heap::bytes();
    for (token, end) in pairs.drain(..).enumerate() {
        let mut stream = P::Unix::from_std(end);
        stream.register(&poll, token + 1)?;
        streams.push(stream);
    }
    let grown = heap::bytes() - before;
    let active = active(&mut poll, effort)?;
    streams.iter_mut().try_for_each(|stream| stream.forget(&poll))?;
    let grown = usize::try_from(grown).unwrap_or(0);
    Ok(vec![float(grown) / float(streams.len()), active])
}

fn active<P: Peer>(poll: &mut P, effort: &Effort) -> Result<f64> {
    let mut events = P::events(SOURCES);
    // Being writable is news once.
    poll.poll(&mut events, None)?;
    let source = sources(1)?;
    poll.register(source[0].as_raw_fd(), 0, Interest::Readable)?;
    let turns = effort.of(20_000);
    let ((), with) = timed(|| cycle(poll, &mut events, &source, turns))?;
    let ((), without) = timed(|| trigger(&source, turns))?;
    poll.deregister(source[0].as_raw_fd())?;
    Ok((with - without) / float(turns))
}
