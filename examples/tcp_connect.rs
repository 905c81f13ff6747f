//! A non-blocking connect: the six steps until a TCP stream is usable, and how each can fail.
//!
//! ```text
//! cargo run --example tcp_connect                     # to a server of its own
//! cargo run --example tcp_connect -- 127.0.0.1:7000   # to `tcp_echo`, for one; try a port that nobody listens on, too
//! ```

// A program reports to its user on the standard streams.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use poised::net::TcpStream;
use poised::{Events, Interest, Poll, Token};

const STREAM: Token = Token(0);
/// The system would go on trying for minutes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for an event, but not past `deadline`.
fn wait(poll: &mut Poll, events: &mut Events, deadline: Instant) -> io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match poll.poll(events, Some(left)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {} // A signal: wait for the rest of the time.
            Err(error) => return Err(error),
            Ok(()) if !events.is_empty() => return Ok(()),
            Ok(()) if left.is_zero() => return Err(ErrorKind::TimedOut.into()),
            Ok(()) => {}
        }
    }
}

fn connect(poll: &mut Poll, events: &mut Events, address: SocketAddr) -> io::Result<TcpStream> {
    let deadline = Instant::now() + PATIENCE;
    // 1. Begin. This returns at once, and says nothing yet about whether anyone is there.
    let mut stream = TcpStream::connect(address)?;
    // 2. Register: a stream becomes writable when the attempt has ended.
    poll.registry().register(&mut stream, STREAM, Interest::WRITABLE)?;
    loop {
        // 3. Wait. In a program with more to do this is its event loop.
        wait(poll, events, deadline)?;
        // 4. Has it failed? A refused connect shows here.
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        // 5. Has it succeeded? Only a connected stream has a peer. If there is none yet, the event was a spurious one.
        match stream.peer_addr() {
            Err(error) if error.kind() == ErrorKind::NotConnected => {}
            result => return result.map(|_| stream),
        }
    }
}

/// 6. Uses the stream: sends `message` and returns the answer, which is as long, or shorter if the server ends it.
fn ask(poll: &mut Poll, events: &mut Events, stream: &mut TcpStream, message: &[u8]) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + PATIENCE;
    poll.registry().reregister(stream, STREAM, Interest::READABLE | Interest::WRITABLE)?;
    let (mut sent, mut answer, mut buffer) = (0, Vec::new(), [0; 1024]);
    while answer.len() < message.len() {
        let step = if sent < message.len() {
            stream.write(&message[sent..]).map(|count| sent += count)
        } else {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                result => result.map(|count| answer.extend_from_slice(&buffer[..count])),
            }
        };
        match step {
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait(poll, events, deadline)?,
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
    Ok(answer)
}

/// A server for one client, in a thread, for those who have none at hand.
fn own_server() -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || listener.accept().and_then(|(stream, _)| io::copy(&mut &stream, &mut &stream)));
    Ok(address)
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = match std::env::args().nth(1) {
        Some(address) => address.parse()?,
        None => own_server()?,
    };
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(8);
    let mut stream = connect(&mut poll, &mut events, address)?;
    println!("connected to {address} from {}", stream.local_addr()?);
    let answer = ask(&mut poll, &mut events, &mut stream, b"hello")?;
    println!("sent: hello, received: {}", String::from_utf8_lossy(&answer));
    Ok(())
}
