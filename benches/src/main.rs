//! What a message costs: the CPU time of an echo server's thread on poised and on mio, interleaved in one process.
//!
//! The two servers are the same lines, compiled against either crate. The client is always poised's, in a thread of its
//! own, with one message under way on each connection. Thread CPU time is not disturbed by what else the machine does
//! as wall clock is; the ratio of each round is taken, and their median told.

// A benchmark speaks on standard output.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use clap::Parser;
use rustix::time::{clock_gettime, ClockId};

mod client;

/// Compares the CPU time of an echo server per message: poised beside mio.
#[derive(Parser)]
struct Options {
    /// Connections at a time.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Bytes in a message.
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// Messages in a round, all connections together.
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// Rounds of each.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The server, for either crate: serves until every connection was closed, and gives the CPU time that it took.
macro_rules! server {
    ($name:ident, $krate:ident, $stream:ty) => {
        fn $name(streams: Vec<$stream>) -> io::Result<Duration> {
            use $krate::{Events, Interest, Poll, Token};

            let mut poll = Poll::new()?;
            let mut events = Events::with_capacity(1024);
            let mut streams: Vec<Option<$stream>> = streams.into_iter().map(Some).collect();
            for (n, stream) in streams.iter_mut().flatten().enumerate() {
                poll.registry().register(stream, Token(n), Interest::READABLE | Interest::WRITABLE)?;
            }
            let mut open = streams.len();
            let mut buffer = vec![0; 65_536];
            let start = cpu_time();
            while open > 0 {
                poll.poll(&mut events, None)?;
                for event in &events {
                    let slot = &mut streams[event.token().0];
                    let Some(stream) = slot else { continue };
                    if !echo(stream, &mut buffer)? {
                        *slot = None;
                        open -= 1;
                    }
                }
            }
            Ok(cpu_time() - start)
        }
    };
}

server!(poised_tcp, poised, poised::net::TcpStream);
server!(poised_unix, poised, poised::net::UnixStream);
server!(mio_tcp, mio_registry, mio_registry::net::TcpStream);
server!(mio_unix, mio_registry, mio_registry::net::UnixStream);

/// Sends back what came, until it would block; whether the stream goes on. A message fits into the socket's buffer.
fn echo(stream: &mut (impl Read + Write), buffer: &mut [u8]) -> io::Result<bool> {
    loop {
        match stream.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(n) => stream.write_all(&buffer[..n])?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        }
    }
}

fn tcp_pairs(count: usize) -> io::Result<Vec<(std::net::TcpStream, std::net::TcpStream)>> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let pair = |_| {
        let here = std::net::TcpStream::connect(address)?;
        let (there, _) = listener.accept()?;
        for stream in [&here, &there] {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
        }
        Ok((here, there))
    };
    (0..count).map(pair).collect()
}

fn unix_pairs(count: usize) -> io::Result<Vec<(std::os::unix::net::UnixStream, std::os::unix::net::UnixStream)>> {
    let pair = |_| {
        let (here, there) = std::os::unix::net::UnixStream::pair()?;
        here.set_nonblocking(true)?;
        there.set_nonblocking(true)?;
        Ok((here, there))
    };
    (0..count).map(pair).collect()
}

/// One round: the CPU time of the server per message.
macro_rules! round {
    ($options:expr, $pairs:expr, $server:ident, $server_stream:ty, $client_stream:ty) => {{
        let (clients, servers): (Vec<_>, Vec<_>) = $pairs($options.connections)?.into_iter().unzip();
        let clients = clients.into_iter().map(<$client_stream>::from_std).collect();
        let servers: Vec<_> = servers.into_iter().map(<$server_stream>::from_std).collect();
        let (size, messages) = ($options.size, $options.messages);
        let client = thread::spawn(move || client::drive(clients, size, messages));
        let time = $server(servers)?;
        let sent = client.join().map_err(|_| "the client panicked")??;
        Ok::<_, Box<dyn Error>>(time.as_secs_f64() * 1e9 / sent)
    }};
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Runs all rounds, poised's and mio's in turn, and prints the medians.
fn compare(
    name: &str,
    options: &Options,
    mut ours: impl FnMut() -> Result<f64, Box<dyn Error>>,
    mut theirs: impl FnMut() -> Result<f64, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let rounds = (0..options.rounds).map(|_| Ok((ours()?, theirs()?))).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let ratio = median(rounds.iter().map(|(ours, theirs)| ours / theirs).collect());
    let (ours, theirs): (Vec<_>, Vec<_>) = rounds.into_iter().unzip();
    println!("{name:<6} {:>8.0} {:>8.0} {ratio:>7.2}x", median(ours), median(theirs));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    println!("server CPU time per message, ns: {} connections, {} bytes", options.connections, options.size);
    println!("{:<6} {:>8} {:>8} {:>8}", "", "poised", "mio", "ratio");
    compare(
        "TCP",
        &options,
        || round!(options, tcp_pairs, poised_tcp, poised::net::TcpStream, poised::net::TcpStream),
        || round!(options, tcp_pairs, mio_tcp, mio_registry::net::TcpStream, poised::net::TcpStream),
    )?;
    compare(
        "Unix",
        &options,
        || round!(options, unix_pairs, poised_unix, poised::net::UnixStream, poised::net::UnixStream),
        || round!(options, unix_pairs, mio_unix, mio_registry::net::UnixStream, poised::net::UnixStream),
    )
}
