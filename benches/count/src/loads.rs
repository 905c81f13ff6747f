//! What is done while calls are counted: the same lines, compiled against either crate.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::figures::{Cost, Snapshot};

const MESSAGE: &[u8] = b"a message";
/// How often the ends send in turns while it is counted, all connections together: for long enough that a thread
/// which is never idle does what it does now and then.
const ROUNDS: usize = 320;
/// The same where a thread may be held up: so few that there are some without.
const FEW_ROUNDS: usize = 8;
/// Before that: the first events fall into these, and memory that is made once.
const FIRST_ROUNDS: usize = 8;
/// Room for events.
const CAPACITY: usize = 1024;
/// The token of a waker.
const WAKER: usize = usize::MAX - 1;

/// An address that the system chooses.
fn any() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Connections; neither end blocks.
fn connections(count: usize) -> io::Result<Vec<(std::net::TcpStream, std::net::TcpStream)>> {
    let listener = TcpListener::bind(any())?;
    let connect = |_| {
        let here = std::net::TcpStream::connect(listener.local_addr()?)?;
        let (there, _) = listener.accept()?;
        for end in [&here, &there] {
            end.set_nonblocking(true)?;
            end.set_nodelay(true)?;
        }
        Ok((here, there))
    };
    (0..count).map(connect).collect()
}

/// Reads until it would block; how many messages came.
fn drain(stream: &mut impl Read) -> io::Result<usize> {
    let mut buffer = [0; 64];
    let mut bytes = 0;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => bytes += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(bytes / MESSAGE.len()),
            Err(error) => return Err(error),
        }
    }
}

/// What each message costs when the ends of all connections send in turns. `send` has those with these numbers send
/// one each, and waits until all have come.
fn exchange(
    connections: usize,
    rounds: usize,
    mut send: impl FnMut(Range<usize>) -> io::Result<()>,
) -> io::Result<Cost> {
    let mut exchange = |rounds| {
        (0..rounds).try_for_each(|_| {
            send(0..connections)?;
            send(connections..2 * connections)
        })
    };
    exchange(FIRST_ROUNDS)?;
    let before = Snapshot::now();
    exchange(rounds)?;
    Ok(before.cost(2 * rounds * connections))
}

fn lost<T>(_: T) -> io::Error {
    io::Error::other("the other thread is gone")
}

macro_rules! loads {
    ($name:ident, $krate:ident) => {
        pub(crate) mod $name {
            use super::{any, connections, drain, exchange, io, lost, mpsc, thread, Cost, Duration, Snapshot, Write};
            use super::{CAPACITY, FEW_ROUNDS, MESSAGE, ROUNDS, WAKER};
            use $krate::event::Source;
            use $krate::net::{TcpStream, UdpSocket};
            use $krate::{Events, Interest, Poll, Token, Waker};

            const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

            /// The ends of so many connections, all registered: those with the numbers `n` and `n + count` are one.
            fn registered(poll: &Poll, count: usize) -> io::Result<Vec<TcpStream>> {
                let (here, there): (Vec<_>, Vec<_>) = connections(count)?.into_iter().unzip();
                let mut ends: Vec<_> = here.into_iter().chain(there).map(TcpStream::from_std).collect();
                for (n, end) in ends.iter_mut().enumerate() {
                    poll.registry().register(end, Token(n), BOTH)?;
                }
                Ok(ends)
            }

            /// What a message costs that the thread which waits also reads and answers. As many are on their way as
            /// there are connections.
            pub(crate) fn one_thread(connections: usize) -> io::Result<Cost> {
                let mut poll = Poll::new()?;
                let mut events = Events::with_capacity(CAPACITY);
                let mut ends = registered(&poll, connections)?;
                exchange(connections, ROUNDS / connections, |senders| {
                    ends[senders].iter_mut().try_for_each(|end| end.write_all(MESSAGE))?;
                    let mut left = connections;
                    while left > 0 {
                        poll.poll(&mut events, None)?;
                        for event in events.iter().filter(|event| event.is_readable()) {
                            left -= drain(&mut ends[event.token().0])?;
                        }
                    }
                    Ok(())
                })
            }

            /// What a message costs when one thread waits, and another one reads and writes.
            pub(crate) fn two_threads(connections: usize) -> io::Result<Cost> {
                let mut poll = Poll::new()?;
                let mut ends = registered(&poll, connections)?;
                let waker = Waker::new(poll.registry(), Token(WAKER))?;
                let (tell, told) = mpsc::sync_channel(CAPACITY);
                let poller = thread::spawn(move || -> io::Result<()> {
                    let mut events = Events::with_capacity(CAPACITY);
                    loop {
                        poll.poll(&mut events, None)?;
                        for event in events.iter().filter(|event| event.is_readable()) {
                            match event.token().0 {
                                WAKER => return Ok(()),
                                n => tell.send(n).map_err(lost)?,
                            }
                        }
                    }
                });
                let cost = exchange(connections, FEW_ROUNDS, |senders| {
                    ends[senders].iter_mut().try_for_each(|end| end.write_all(MESSAGE))?;
                    let mut left = connections;
                    while left > 0 {
                        left -= drain(&mut ends[told.recv().map_err(lost)?])?;
                    }
                    Ok(())
                })?;
                waker.wake()?;
                poller.join().map_err(lost)??;
                Ok(cost)
            }

            /// What a read costs that blocks, when many do between two waits.
            pub(crate) fn blocked_reads(count: usize) -> io::Result<Cost> {
                let mut poll = Poll::new()?;
                let mut events = Events::with_capacity(CAPACITY);
                let mut ends = registered(&poll, 1)?;
                poll.poll(&mut events, None)?;
                drain(&mut ends[0])?;
                poll.poll(&mut events, Some(Duration::ZERO))?;
                let before = Snapshot::now();
                (0..count).try_for_each(|_| drain(&mut ends[0]).map(drop))?;
                poll.poll(&mut events, Some(Duration::ZERO))?;
                Ok(before.cost(count))
            }

            /// What a wake costs, when many come between two waits.
            pub(crate) fn wakes(count: usize) -> io::Result<Cost> {
                let mut poll = Poll::new()?;
                let mut events = Events::with_capacity(CAPACITY);
                let waker = Waker::new(poll.registry(), Token(WAKER))?;
                let before = Snapshot::now();
                (0..count).try_for_each(|_| waker.wake())?;
                poll.poll(&mut events, None)?;
                Ok(before.cost(count))
            }

            /// What it costs to register each of so many UDP sockets, and to wait until all have told what they have
            /// to.
            pub(crate) fn register_udp(count: usize) -> io::Result<Cost> {
                register((0..count).map(|_| UdpSocket::bind(any())).collect::<io::Result<_>>()?)
            }

            /// The same of connections.
            pub(crate) fn register_tcp(count: usize) -> io::Result<Cost> {
                let (here, _there): (Vec<_>, Vec<_>) = connections(count)?.into_iter().unzip();
                register(here.into_iter().map(TcpStream::from_std).collect())
            }

            fn register<S: Source>(mut sources: Vec<S>) -> io::Result<Cost> {
                let mut poll = Poll::new()?;
                let mut events = Events::with_capacity(CAPACITY);
                // A first wait makes room for packets, once for all that is registered.
                poll.poll(&mut events, Some(Duration::ZERO))?;
                let before = Snapshot::now();
                for (n, source) in sources.iter_mut().enumerate() {
                    poll.registry().register(source, Token(n), BOTH)?;
                }
                loop {
                    poll.poll(&mut events, Some(Duration::ZERO))?;
                    if events.is_empty() {
                        return Ok(before.cost(sources.len()));
                    }
                }
            }

            /// What stays on the heap of sockets that were registered when they, and the poll, are gone.
            pub(crate) fn given_back(count: usize) -> io::Result<Cost> {
                register_udp(count)?;
                let before = Snapshot::now();
                register_udp(count)?;
                Ok(before.cost(count))
            }
        }
    };
}

loads!(ours, poised);
loads!(theirs, mio_registry);
