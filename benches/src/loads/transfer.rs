//! A message that one thread writes to one end of a connection and reads from the other: what a call costs, and no wait.

use std::io::{self, Read, Write};

use anyhow::Result;

use super::echo::{tcp_pair, unix_pair};
use crate::clock::{float, timed};
use crate::peers::{Peer, Stream};
use crate::rounds::Effort;

/// The CPU time of both calls.
pub(crate) fn tcp<P: Peer>(effort: &Effort) -> Result<Vec<f64>> {
    let (here, there) = tcp_pair()?()?;
    time(P::Tcp::from_std(here), P::Tcp::from_std(there), effort.of(10_000))
}

/// The same over a Unix stream.
pub(crate) fn unix<P: Peer>(effort: &Effort) -> Result<Vec<f64>> {
    let (here, there) = unix_pair()?;
    time(P::Unix::from_std(here), P::Unix::from_std(there), effort.of(30_000))
}

fn time(mut here: impl Write, mut there: impl Read, messages: usize) -> Result<Vec<f64>> {
    let mut buffer = [0; 64];
    let ((), time) = timed(|| {
        for _ in 0..messages {
            here.write_all(&[b'm'; 64])?;
            there.read_exact(&mut buffer)?;
        }
        io::Result::Ok(())
    })?;
    Ok(vec![time / float(messages)])
}
