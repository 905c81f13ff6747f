//! An echo server, and its client.
//!
//! The server has a thread and a processor of its own. It reads until a read would block, as edges ask for, and writes what
//! it read. Its client is raw epoll whoever the server is, on another processor, with one message under way on each
//! connection. The server's CPU time has in it what the kernel does for a message; on TCP over the loopback device that
//! is also the way to the other side.

use std::io::{self, ErrorKind, Read, Write};
use std::thread;
use std::time::Instant;

use anyhow::{anyhow, Context, Result};

use crate::clock::{float, timed};
use crate::delays::Delays;
use crate::peers::{Peer, Raw, Stream};
use crate::place::{self, Side};
use crate::rounds::Effort;
use crate::trace::mark;

/// How large a load is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) connections: usize,
    /// Bytes in a message.
    pub(crate) message: usize,
    /// Messages in a round, all connections together.
    pub(crate) messages: usize,
}

struct Server<P: Peer, S> {
    poll: P,
    events: P::Events,
    streams: Vec<Option<S>>,
    open: usize,
    /// Reads that were answered.
    answered: usize,
    buffer: Vec<u8>,
}

impl<P: Peer, S: Stream<P>> Server<P, S> {
    fn new(streams: Vec<S>) -> io::Result<Self> {
        let poll = P::new()?;
        let mut streams: Vec<Option<S>> = streams.into_iter().map(Some).collect();
        for (token, stream) in streams.iter_mut().flatten().enumerate() {
            stream.register(&poll, token)?;
        }
        let open = streams.len();
        Ok(Self { poll, events: P::events(1024), streams, open, answered: 0, buffer: vec![0; 65_536] })
    }

    /// Polls once, and serves what it was told of.
    #[inline(always)] // The loop of a server is one function: a return after a system call costs, see `transfer` in the table.
    fn turn(&mut self) -> io::Result<()> {
        self.poll.poll(&mut self.events, None)?;
        for token in P::tokens(&self.events) {
            let slot = &mut self.streams[token];
            let Some(stream) = slot else { continue };
            match echo(stream, &mut self.buffer)? {
                Some(answered) => self.answered += answered,
                None => {
                    stream.forget(&self.poll)?;
                    *slot = None;
                    self.open -= 1;
                }
            }
        }
        Ok(())
    }

    fn serve(mut self) -> io::Result<()> {
        while self.open > 0 {
            self.turn()?;
        }
        Ok(())
    }
}

/// Sends back what came, until it would block. What is under way fits into the socket's buffer. How many reads were
/// answered; nothing at the end of the stream.
fn echo(stream: &mut (impl Read + Write), buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let mut answered = 0;
    loop {
        match stream.read(buffer) {
            Ok(0) => return Ok(None),
            Ok(length) => stream.write_all(&buffer[..length])?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Some(answered)),
            Err(error) => return Err(error),
        }
        answered += 1;
    }
}

/// What a client saw.
struct Answers {
    count: usize,
    delays: Delays,
}

/// Sends the messages, each when the one before came back, and closes the connections.
fn drive<S: Stream<Raw>>(mut streams: Vec<S>, size: Size) -> Result<Answers> {
    let mut poll = Raw::new()?;
    let mut events = Raw::events(1024);
    let message = vec![b'm'; size.message];
    let mut buffer = vec![0; size.message];
    let mut missing = vec![size.message; streams.len()];
    let mut sent = vec![Instant::now(); streams.len()];
    for (token, stream) in streams.iter_mut().enumerate() {
        stream.register(&poll, token)?;
        sent[token] = Instant::now();
        stream.write_all(&message)?;
    }
    let mut begun = streams.len();
    let mut answers = Answers { count: 0, delays: Delays::new()? };
    while answers.count < begun {
        poll.poll(&mut events, None)?;
        for token in Raw::tokens(&events) {
            if missing[token] == 0 {
                continue;
            }
            missing[token] -= receive(&mut streams[token], &mut buffer[..missing[token]])?;
            if missing[token] == 0 {
                answers.count += 1;
                let now = Instant::now();
                answers.delays.note(now - sent[token])?;
                if begun < size.messages {
                    begun += 1;
                    missing[token] = size.message;
                    sent[token] = now;
                    streams[token].write_all(&message)?;
                }
            }
        }
    }
    Ok(answers)
}

/// Reads what there is of a message; the next one is not begun before this is complete.
fn receive(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => filled += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// One round: the server's CPU time for a message, and the client's median and 99th of 100 delays in microseconds.
fn round<P: Peer, S: Stream<P>, C: Stream<Raw>>(pairs: Vec<(C, S)>, size: Size) -> Result<Vec<f64>> {
    let (clients, servers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let server = thread::spawn(move || {
        place::pin(Side::Server);
        let server = Server::<P, S>::new(servers)?;
        timed(|| server.serve())
    });
    let client = thread::spawn(move || {
        place::pin(Side::Client);
        drive(clients, size)
    });
    let answers = client.join().map_err(|_| anyhow!("the client panicked"))?.context("the client failed")?;
    let ((), time) = server.join().map_err(|_| anyhow!("the server panicked"))??;
    let [median, most] = answers.delays.micros();
    Ok(vec![time / float(answers.count), median, most])
}

pub(crate) fn tcp<P: Peer>(effort: &Effort, size: Size) -> Result<Vec<f64>> {
    let pairs = pairs(size.connections, tcp_pair()?, <Raw as Peer>::Tcp::from_std, P::Tcp::from_std)?;
    round::<P, P::Tcp, _>(pairs, effort.shorter(size))
}

pub(crate) fn unix<P: Peer>(effort: &Effort, size: Size) -> Result<Vec<f64>> {
    let pairs = pairs(size.connections, unix_pair, <Raw as Peer>::Unix::from_std, P::Unix::from_std)?;
    round::<P, P::Unix, _>(pairs, effort.shorter(size))
}

impl Effort {
    fn shorter(&self, size: Size) -> Size {
        Size { messages: self.of(size.messages).max(size.connections), ..size }
    }
}

/// So many turns of a server that finds a message on each connection when it polls, its part between marks. One thread does
/// it all, so that each run is the same.
pub(crate) fn turns<P: Peer>(connections: usize, turns: usize) -> Result<()> {
    let pairs = pairs(connections, tcp_pair()?, |stream| stream, P::Tcp::from_std)?;
    let (mut clients, servers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let mut server = Server::<P, P::Tcp>::new(servers)?;
    clients.iter_mut().try_for_each(|client| client.set_nonblocking(false))?;
    // Being writable is news once.
    server.turn()?;
    let mut buffer = [0; 64];
    for _ in 0..turns {
        clients.iter_mut().try_for_each(|client| client.write_all(&[b'm'; 64]))?;
        let all = server.answered + connections;
        mark();
        while server.answered < all {
            server.turn()?;
        }
        mark();
        for client in &mut clients {
            client.read_exact(&mut buffer)?;
        }
    }
    Ok(())
}

fn pairs<T, C, S>(
    count: usize,
    mut pair: impl FnMut() -> io::Result<(T, T)>,
    client: impl Fn(T) -> C,
    server: impl Fn(T) -> S,
) -> Result<Vec<(C, S)>> {
    let pair = |_| {
        let (here, there) = pair()?;
        Ok((client(here), server(there)))
    };
    (0..count).map(pair).collect()
}

/// Makes pairs of connected sockets that neither block nor wait for more to send.
pub(crate) fn tcp_pair() -> io::Result<impl FnMut() -> io::Result<(std::net::TcpStream, std::net::TcpStream)>> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    Ok(move || {
        let here = std::net::TcpStream::connect(address)?;
        let (there, _) = listener.accept()?;
        for stream in [&here, &there] {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
        }
        Ok((here, there))
    })
}

pub(crate) fn unix_pair() -> io::Result<(std::os::unix::net::UnixStream, std::os::unix::net::UnixStream)> {
    let (here, there) = std::os::unix::net::UnixStream::pair()?;
    here.set_nonblocking(true)?;
    there.set_nonblocking(true)?;
    Ok((here, there))
}
