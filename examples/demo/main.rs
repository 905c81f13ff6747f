//! An echo server with one thread and one [`Poll`], and thousands of real clients that check every byte it sends back.
//!
//! ```text
//! cargo run --release --example demo                              # TCP, as many connections as fit
//! cargo run --release --example demo -- --unix --connections 2000 --size 4096 --seconds 10
//! ```
//!
//! [`Side`] and [`Connection`] are the part to copy: an event loop for any [`Talk`], here [`echo`] on the server's side
//! and [`ask`] on that of the clients, who share a second thread and `Poll`. If anything goes wrong the exit code is 1.

#![allow(clippy::print_stdout)] // A program reports to its user.

mod socket;

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};
use std::{collections::HashMap, error::Error, num::NonZeroUsize, thread};

use clap::Parser;
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use poised::{Events, Interest, Poll, Registry, Token, Waker};
use socket::{Open, Stream};

/// Serves an echo server with one thread, drives it with thousands of clients, and checks every byte.
#[derive(Parser)]
struct Options {
    #[arg(long, help = "How many connections [default: what the limit of descriptors allows, at most 9000]")]
    connections: Option<NonZeroUsize>,
    #[arg(long, help = "Bytes in a message", default_value = "64")]
    size: NonZeroUsize,
    #[arg(long, help = "How long to send", default_value = "5")]
    seconds: u64,
    #[arg(long, help = "Unix sockets instead of TCP")]
    #[cfg(unix)]
    unix: bool,
}

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);
const RESERVE: u64 = 64; // Descriptors for other things: standard streams, polls, listener, waker, terminal.
const IN_FLIGHT: usize = 256; // Clients that await their first echo: more could overflow the listener's backlog.
const TICK: Duration = Duration::from_millis(20); // How soon to retry when something was full, and to move the bar.
const PATIENCE: Duration = Duration::from_secs(10); // When no client hears anything for so long, all are lost.
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE); // Events are about changes: to ask for all is cheap.

/// Performs `call` until no signal disturbs it. `None`: not possible now; an event comes when it is.
fn attempt<T>(calls: &mut u64, mut call: impl FnMut() -> io::Result<T>) -> io::Result<Option<T>> {
    loop {
        *calls += 1;
        match call() {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result.map(Some),
        }
    }
}

/// What a side counts, and what its conversations share.
#[derive(Default)]
struct Notes {
    polls: u64,
    events: u64,
    calls: u64,
    opened: usize,
    answered: usize,
    finished: usize,
    wrong: usize,
    most_unsent: usize,
    failures: Vec<String>,
    /// Since when, and the latencies in nanoseconds: begins when all clients have had a first answer.
    race: Option<(Instant, Histogram<u64>)>,
}

/// A conversation: takes what has come, if anything, appends what to send, and says whether it goes on.
type Talk = Box<dyn FnMut(&[u8], &mut Vec<u8>, &mut Notes) -> bool + Send>;

struct Connection {
    stream: Box<dyn Stream>,
    connected: bool,
    unsent: Vec<u8>,
    talk: Talk,
}

impl Connection {
    /// Writes and reads until the stream would block, as one event stands for all that has come; `false` at its end.
    /// Nothing is read while over `most_unsent` bytes wait: a peer that never reads must not fill the memory.
    fn advance(&mut self, registry: &Registry, id: Token, buffer: &mut [u8], notes: &mut Notes) -> io::Result<bool> {
        if !self.connected && attempt(&mut notes.calls, || self.stream.connected())?.is_none() {
            return Ok(true);
        }
        self.connected = true;
        (self.talk)(&[], &mut self.unsent, notes);
        for _ in 0..16 {
            while !self.unsent.is_empty() {
                match attempt(&mut notes.calls, || self.stream.write(&self.unsent))? {
                    Some(count) => drop(self.unsent.drain(..count)),
                    None if self.unsent.len() > notes.most_unsent => return Ok(true),
                    None => break,
                }
            }
            let Some(count) = attempt(&mut notes.calls, || self.stream.read(buffer))? else { return Ok(true) };
            if count == 0 || !(self.talk)(&buffer[..count], &mut self.unsent, notes) {
                return Ok(false);
            }
        }
        // It is the others' turn. To register again makes a new event for what is left here.
        attempt(&mut notes.calls, || registry.reregister(&mut self.stream, id, BOTH)).map(|_| true)
    }
}

/// One side of all connections: the server, or the clients.
struct Side {
    poll: Poll,
    events: Events,
    open: Open,
    start: Box<dyn Fn(usize) -> Talk + Send>,
    connections: HashMap<Token, Connection>,
    buffer: Vec<u8>,
    notes: Notes,
    /// How many streams to open at most. Lack of descriptors makes them wait, and no event tells when it is over.
    due: usize,
    stopped: bool,
}

impl Side {
    fn new(poll: Poll, open: Open, start: Box<dyn Fn(usize) -> Talk + Send>, most_unsent: usize) -> Side {
        let (events, connections, buffer) = (Events::with_capacity(1024), HashMap::new(), vec![0; 64 * 1024]);
        let notes = Notes { most_unsent, ..Notes::default() };
        Side { poll, events, open, start, connections, buffer, notes, due: 0, stopped: false }
    }

    /// Waits for events, serves whom they concern, and opens the streams that are due. `false` if there was no event.
    fn turn(&mut self) -> io::Result<bool> {
        attempt(&mut self.notes.polls, || self.poll.poll(&mut self.events, Some(TICK)))?;
        for token in self.events.iter().map(|event| event.token()) {
            self.notes.events += 1;
            self.due = if token == LISTENER { usize::MAX } else { self.due };
            self.stopped |= token == STOP;
            let Some(connection) = self.connections.get_mut(&token) else { continue };
            let result = connection.advance(self.poll.registry(), token, &mut self.buffer, &mut self.notes);
            if !matches!(result, Ok(true)) {
                self.notes.failures.extend(result.err().map(|error| format!("{token:?}: {error}")));
                self.connections.remove(&token); // Closing a source ends its registration.
            }
        }
        while self.due > 0 {
            match attempt(&mut self.notes.calls, &self.open) {
                Ok(Some(mut stream)) => {
                    let (token, unsent, talk) = (Token(self.notes.opened), Vec::new(), (self.start)(self.notes.opened));
                    self.poll.registry().register(&mut stream, token, BOTH)?;
                    self.connections.insert(token, Connection { stream, connected: false, unsent, talk });
                    (self.notes.opened, self.notes.calls, self.due) = (token.0 + 1, self.notes.calls + 1, self.due - 1);
                }
                Ok(None) => self.due = 0,
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {} // It gave up waiting; others did not.
                Err(error) if socket::is_full(&error) => break,                  // Again next turn.
                Err(error) => return Err(error),
            }
        }
        Ok(!self.events.is_empty())
    }
}

/// What the server says: what it hears.
fn echo(_: usize) -> Talk {
    Box::new(|bytes, unsent, _| unsent.write_all(bytes).is_ok())
}

/// The byte at a place of a message. Other messages, and those of other clients, have as a rule another there.
fn byte(client: usize, message: usize, place: usize) -> u8 {
    let [client, message, place] = [client, message, place].map(|number| number as u64);
    let seed = client.wrapping_mul(0x9E37_79B9) ^ message.wrapping_mul(0x85EB_CA6B);
    seed.wrapping_add(place).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()[0]
}

/// What a client says: a message, and when its whole echo has come the next; but the second not before the race.
fn ask(client: usize, size: usize, time: Duration) -> Talk {
    let (mut message, mut heard, mut since) = (0, size, None::<Instant>);
    Box::new(move |bytes, unsent, notes| {
        notes.wrong += (heard..).zip(bytes).filter(|&(place, is)| *is != byte(client, message, place)).count();
        heard += bytes.len();
        if heard < size || message > 0 && since.is_none() && notes.race.is_none() {
            return true;
        }
        if let Some(since) = since.take() {
            notes.answered += 1;
            let Some((start, latency)) = &mut notes.race else { return true };
            latency.saturating_record(u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX));
            if start.elapsed() >= time {
                notes.finished += 1;
                return false;
            }
        }
        (message, heard, since) = (message + 1, 0, Some(Instant::now()));
        unsent.extend((0..size).map(|place| byte(client, message, place)));
        true
    })
}

/// Connects the clients. When each has been answered once, all are registered again: the race, as each gets an event.
fn converse(mut clients: Side, wanted: usize, time: Duration) -> Result<Notes, Box<dyn Error>> {
    let bar = ProgressBar::new(wanted as u64).with_style(ProgressStyle::with_template("{wide_bar} {pos} {per_sec}")?);
    let mut heard = Instant::now();
    while clients.notes.race.is_none() || !clients.connections.is_empty() {
        let answered = clients.notes.answered;
        clients.due = wanted.min(answered + IN_FLIGHT).saturating_sub(clients.notes.opened);
        heard = if clients.turn()? { Instant::now() } else { heard };
        if heard.elapsed() > PATIENCE {
            return Err(format!("{} clients wait in vain", clients.connections.len()).into());
        }
        bar.set_position(answered as u64);
        if let Some((start, ..)) = &clients.notes.race {
            bar.set_length(u64::try_from(answered as u128 * time.as_millis() / start.elapsed().as_millis().max(1))?);
        } else if answered + clients.notes.failures.len() >= wanted {
            clients.notes.race = Some((Instant::now(), Histogram::new_with_max(1 << 36, 3)?));
            for (token, connection) in &mut clients.connections {
                clients.poll.registry().reregister(&mut connection.stream, *token, BOTH)?;
            }
        }
    }
    Ok(clients.notes)
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let (size, time) = (options.size.get(), Duration::from_secs(options.seconds));
    let (limit, counted) = socket::limit()?;
    let room = usize::try_from(limit.saturating_sub(RESERVE) / 2)?;
    let wanted = options.connections.map_or(room.min(9_000), NonZeroUsize::get);
    if wanted > room {
        Err(format!("no room for {wanted} connections: the limit of {limit} {counted} allows {room}"))?;
    }
    let poll = Poll::new()?;
    let stop = Waker::new(poll.registry(), STOP)?;
    #[cfg(unix)]
    let listen = if options.unix { socket::listen_unix } else { socket::listen_tcp };
    #[cfg(not(unix))]
    let listen = socket::listen_tcp;
    let (accept, connect) = listen(poll.registry(), LISTENER)?;
    let mut server = Side::new(poll, accept, Box::new(echo), 0);
    let server = thread::spawn(move || {
        while !server.stopped || !server.connections.is_empty() {
            server.turn()?;
        }
        io::Result::Ok(server.notes)
    });
    let clients = Side::new(Poll::new()?, connect, Box::new(move |id| ask(id, size, time)), usize::MAX);
    let result = converse(clients, wanted, time).map(|notes| (Instant::now(), notes));
    stop.wake()?;
    let server = server.join().map_err(|_| "the server panicked")??;
    let (end, clients) = result?;
    let (start, latency) = clients.race.as_ref().ok_or("there was no race")?;
    let errors = server.failures.len() + clients.opened - clients.finished;
    let per_second = latency.len() as f64 / (end - *start).as_secs_f64();
    println!("connections           {:>12}", clients.opened);
    println!("messages              {:>12}", latency.len());
    println!("messages/s            {per_second:>12.0}");
    println!("MB/s each way         {:>12.1}", per_second * size as f64 / 1e6);
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        println!("latency {name:<8}   {:>12.1} µs", latency.value_at_quantile(quantile) as f64 / 1e3);
    }
    println!("events per poll       {:>12.1}", server.events as f64 / server.polls as f64);
    println!("system calls/message  {:>12.2}", (server.calls + server.polls) as f64 / clients.answered as f64);
    println!("errors                {errors:>12}");
    println!("wrong bytes           {:>12}", clients.wrong);
    match server.failures.iter().chain(&clients.failures).next() {
        None if errors + clients.wrong == 0 => Ok(()),
        first => Err(format!("not all went well: {first:?}").into()),
    }
}
