//! What a program does. Numbers are counted round, so that each means something whatever there is.

use std::net::Shutdown;

use poised::Interest;

/// Which source, link or poll.
pub type Which = usize;

#[derive(Clone, Debug)]
pub enum Op {
    Register(Which, Which, Interest),
    /// With the poll that it is registered with, or, if `true`, with the other one, which is an error.
    Reregister(Which, bool, Interest),
    Deregister(Which, bool),
    /// Closes a source, registered or not.
    Drop(Which),
    /// Makes another source of the same file.
    Duplicate(Which),
    Write(Which, usize),
    /// Reads once, so many bytes at most.
    Read(Which, usize),
    /// Reads until that would block.
    Drain(Which),
    /// Writes until that would block.
    Fill(Which),
    ShutDown(Which, Shutdown),
    /// Closes all sources of one side of a link.
    Close(Which),
    /// Closes a link, and makes one of the same kind, which gets the same numbers from the system.
    Reopen(Which),
    Wake(Which),
    /// Another waker takes the place of the poll's.
    RenewWaker(Which),
    /// A poll with room for so many events, and milliseconds to wait.
    Poll(Which, usize, u64),
    /// Polls with so much room until all that is owed was told.
    Settle(usize),
    /// Another thread does it.
    Elsewhere(Box<Op>),
    /// It is done while another thread polls.
    Meanwhile(Which, Box<Op>),
}
