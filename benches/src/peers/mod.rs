//! Those that are measured, behind one shape, so that each load is written once.
//!
//! An adapter is as thin as can be, and gone when the compiler is done: raw epoll is what shows it, for its instructions
//! are those of the bare loop. What it must not do is to make anybody look worse than his users would have him: each does
//! the calls that its documentation asks for.

mod mio_like;
mod polling;
mod raw;

use std::io::{self, Read, Write};
use std::os::fd::RawFd;
use std::time::Duration;

pub(crate) use self::mio_like::{Mio, Poised};
pub(crate) use self::polling::Polling;
pub(crate) use self::raw::Raw;

/// The method that has poised look for so long before it sleeps. No peer has the like.
pub(crate) const SPIN: Option<fn(&mut poised::Poll, Duration)> = Some(poised::Poll::set_spin);

/// In the order in which they take turns, and in which their figures stand.
pub(crate) const NAMES: [&str; 4] = ["raw", "mio", "poised", "polling"];
/// The index of the one that ratios are told to.
pub(crate) const MIO: usize = 1;
/// The index of the one that has bars.
pub(crate) const POISED: usize = 2;

/// The same function of each peer, in the order of [`NAMES`].
macro_rules! each {
    ($peer:ident => |$($argument:ident),*| $body:expr) => {
        [
            { type $peer = $crate::peers::Raw; |$($argument),*| $body },
            { type $peer = $crate::peers::Mio; |$($argument),*| $body },
            { type $peer = $crate::peers::Poised; |$($argument),*| $body },
            { type $peer = $crate::peers::Polling; |$($argument),*| $body },
        ]
    };
}
pub(crate) use each;

/// What is waited for.
#[derive(Clone, Copy)]
pub(crate) enum Interest {
    Readable,
    /// Reading and writing, which is what servers register their connections for.
    Both,
}

/// A way to wait for readiness, reported as edges.
pub(crate) trait Peer: Send + Sized + 'static {
    type Events: Send;
    type Waker: Wake;
    type Tcp: Stream<Self, Std = std::net::TcpStream>;
    type Unix: Stream<Self, Std = std::os::unix::net::UnixStream>;
    type Listener: Listener<Self>;

    fn new() -> io::Result<Self>;
    fn events(capacity: usize) -> Self::Events;
    fn poll(&mut self, events: &mut Self::Events, timeout: Option<Duration>) -> io::Result<()>;
    /// The token of each event, and whether it says that there is something to read.
    fn seen(events: &Self::Events) -> impl Iterator<Item = (usize, bool)>;
    fn tokens(events: &Self::Events) -> impl Iterator<Item = usize> {
        Self::seen(events).map(|(token, _)| token)
    }

    fn register(&self, fd: RawFd, token: usize, interest: Interest) -> io::Result<()>;
    fn reregister(&self, fd: RawFd, token: usize, interest: Interest) -> io::Result<()>;
    fn deregister(&self, fd: RawFd) -> io::Result<()>;

    fn waker(&self, token: usize) -> io::Result<Self::Waker>;

    /// Has it spin that long before it sleeps, if it knows how to.
    fn spin(&mut self, _: Duration) {}
}

/// Wakes a peer from another thread.
pub(crate) trait Wake: Send + Sync + 'static {
    fn wake(&self) -> io::Result<()>;
}

/// A connection, read and written in the peer's own way.
pub(crate) trait Stream<P>: Read + Write + Send + 'static {
    type Std: Send + 'static;

    /// Of a stream that does not block.
    fn from_std(stream: Self::Std) -> Self;
    fn register(&mut self, peer: &P, token: usize) -> io::Result<()>;
    /// To be called before the stream is dropped; nothing where dropping is enough.
    fn forget(&mut self, _: &P) -> io::Result<()> {
        Ok(())
    }
}

/// Accepts connections in the peer's own way.
pub(crate) trait Listener<P: Peer>: Send + 'static {
    /// Of a listener that does not block.
    fn from_std(listener: std::net::TcpListener) -> Self;
    fn register(&mut self, peer: &P, token: usize) -> io::Result<()>;
    /// A connection that does not block.
    fn accept(&self) -> io::Result<P::Tcp>;
}
