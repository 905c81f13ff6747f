//! polling 3, asked for edges: its own default is oneshot, which takes one more call for each event.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use polling::{Event, Events, PollMode, Poller};

use super::{Interest, Listener, Peer, Stream, Wake};

/// Shared, since waking goes through the poller itself.
pub(crate) struct Polling(Arc<Poller>);

fn event(token: usize, interest: Interest) -> Event {
    match interest {
        Interest::Readable => Event::readable(token),
        Interest::Both => Event::all(token),
    }
}

#[allow(unsafe_code)]
fn borrow<'a>(fd: RawFd) -> BorrowedFd<'a> {
    // SAFETY: the loads keep what they register open until after they took it out again.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

impl Polling {
    #[allow(unsafe_code)]
    #[inline]
    fn add(&self, fd: RawFd, event: Event) -> io::Result<()> {
        // SAFETY: the loads take each source out before they close it.
        unsafe { self.0.add_with_mode(fd, event, PollMode::Edge) }
    }
}

impl Peer for Polling {
    type Events = Events;
    type Waker = Arc<Poller>;
    type Tcp = TcpStream;
    type Unix = UnixStream;
    type Listener = TcpListener;

    fn new() -> io::Result<Self> {
        Poller::new().map(|poller| Self(Arc::new(poller)))
    }

    fn events(capacity: usize) -> Events {
        Events::with_capacity(NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN))
    }

    #[inline]
    fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        self.0.wait(events, timeout).map(drop)
    }

    #[inline]
    fn seen(events: &Events) -> impl Iterator<Item = (usize, bool)> {
        events.iter().map(|event| (event.key, event.readable))
    }

    #[inline]
    fn register(&self, fd: RawFd, token: usize, interest: Interest) -> io::Result<()> {
        self.add(fd, event(token, interest))
    }

    #[inline]
    fn reregister(&self, fd: RawFd, token: usize, interest: Interest) -> io::Result<()> {
        self.0.modify_with_mode(borrow(fd), event(token, interest), PollMode::Edge)
    }

    #[inline]
    fn deregister(&self, fd: RawFd) -> io::Result<()> {
        self.0.delete(borrow(fd))
    }

    /// It tells of a wake by returning from its wait, not by an event.
    fn waker(&self, _: usize) -> io::Result<Arc<Poller>> {
        Ok(self.0.clone())
    }
}

impl Wake for Arc<Poller> {
    #[inline]
    fn wake(&self) -> io::Result<()> {
        self.notify()
    }
}

macro_rules! stream {
    ($stream:ty) => {
        impl Stream<Polling> for $stream {
            type Std = $stream;

            fn from_std(stream: $stream) -> Self {
                stream
            }

            fn register(&mut self, peer: &Polling, token: usize) -> io::Result<()> {
                peer.add(self.as_raw_fd(), Event::all(token))
            }

            fn forget(&mut self, peer: &Polling) -> io::Result<()> {
                peer.0.delete(self.as_fd())
            }
        }
    };
}
stream!(TcpStream);
stream!(UnixStream);

impl Listener<Polling> for TcpListener {
    fn from_std(listener: TcpListener) -> Self {
        listener
    }

    fn register(&mut self, peer: &Polling, token: usize) -> io::Result<()> {
        peer.add(self.as_raw_fd(), Event::readable(token))
    }

    fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = TcpListener::accept(self)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    }
}
