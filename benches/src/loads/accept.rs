//! A server whose connections are short: accepts, reads a request, answers, closes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::{anyhow, ensure, Context, Result};

use crate::clock::{float, timed};
use crate::peers::{Listener, Peer, Stream};
use crate::place::{self, Side};
use crate::rounds::Effort;
use crate::trace::mark;

const MESSAGE: usize = 64;
/// The client has so many connections at a time.
const AT_A_TIME: usize = 16;
/// Above those of the connections.
const LISTENER: usize = 1 << 20;

struct Server<P: Peer> {
    poll: P,
    events: P::Events,
    listener: P::Listener,
    streams: Vec<Option<P::Tcp>>,
    free: Vec<usize>,
    closed: usize,
}

impl<P: Peer> Server<P> {
    fn new(listener: TcpListener) -> io::Result<Self> {
        let poll = P::new()?;
        listener.set_nonblocking(true)?;
        let mut listener = P::Listener::from_std(listener);
        listener.register(&poll, LISTENER)?;
        let (streams, free) = (Vec::with_capacity(AT_A_TIME), Vec::with_capacity(AT_A_TIME));
        Ok(Self { poll, events: P::events(1024), listener, streams, free, closed: 0 })
    }

    /// Polls once, and serves what it was told of.
    #[inline(always)] // As that of the echo server.
    fn turn(&mut self) -> io::Result<()> {
        self.poll.poll(&mut self.events, None)?;
        for token in P::tokens(&self.events) {
            if token == LISTENER {
                accept(&self.poll, &self.listener, &mut self.streams, &mut self.free)?;
                continue;
            }
            let slot = &mut self.streams[token];
            let Some(stream) = slot else { continue };
            if answer(stream)? {
                stream.forget(&self.poll)?;
                *slot = None;
                self.free.push(token);
                self.closed += 1;
            }
        }
        Ok(())
    }
}

/// Accepts until it would block.
fn accept<P: Peer>(
    poll: &P,
    listener: &P::Listener,
    streams: &mut Vec<Option<P::Tcp>>,
    free: &mut Vec<usize>,
) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok(stream) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let token = free.pop().unwrap_or(streams.len());
        stream.register(poll, token)?;
        match streams.get_mut(token) {
            Some(slot) => *slot = Some(stream),
            None => streams.push(Some(stream)),
        }
    }
}

/// Answers a request, if it came. Whether it did.
fn answer(stream: &mut (impl Read + Write)) -> io::Result<bool> {
    let mut buffer = [0; MESSAGE];
    match stream.read(&mut buffer) {
        Ok(length) => stream.write_all(&buffer[..length]).map(|()| true),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

fn request(address: SocketAddr, count: usize) -> Result<Vec<TcpStream>> {
    let connect = |_| {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(&[b'm'; MESSAGE])?;
        Ok(stream)
    };
    (0..count).map(connect).collect()
}

fn read_answers(streams: Vec<TcpStream>) -> Result<()> {
    for mut stream in streams {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        ensure!(answer == [b'm'; MESSAGE], "a wrong answer");
    }
    Ok(())
}

/// The server's CPU time for a connection.
pub(crate) fn time<P: Peer>(effort: &Effort) -> Result<Vec<f64>> {
    let groups = effort.of(1_000 / AT_A_TIME);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let all = groups * AT_A_TIME;
    let server = thread::spawn(move || {
        place::pin(Side::Server);
        let mut server = Server::<P>::new(listener)?;
        timed(|| {
            while server.closed < all {
                server.turn()?;
            }
            io::Result::Ok(())
        })
    });
    let client = thread::spawn(move || {
        place::pin(Side::Client);
        (0..groups).try_for_each(|_| read_answers(request(address, AT_A_TIME)?))
    });
    client.join().map_err(|_| anyhow!("the client panicked"))?.context("the client failed")?;
    let ((), time) = server.join().map_err(|_| anyhow!("the server panicked"))??;
    Ok(vec![time / float(all)])
}

/// So many connections, each accepted at one poll and answered at the next, the server's part between marks.
pub(crate) fn turns<P: Peer>(turns: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut server = Server::<P>::new(listener)?;
    for _ in 0..turns {
        let clients = request(address, 1)?;
        let before = server.closed;
        mark();
        while server.closed == before {
            server.turn()?;
        }
        mark();
        read_answers(clients)?;
    }
    Ok(())
}
