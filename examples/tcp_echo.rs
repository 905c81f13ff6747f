//! A TCP echo server: one thread, any number of clients, and no more memory for a client that does not read.
//!
//! ```text
//! cargo run --example tcp_echo -- 127.0.0.1:7000      # without an address: any free port of this machine
//! nc 127.0.0.1 7000
//! ```
//!
//! It prints `listening on ADDRESS` and serves until it is killed.

// A program reports to its user on the standard streams.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use poised::net::{TcpListener, TcpStream};
use poised::{Events, Interest, Poll, Registry, Token};

const LISTENER: Token = Token(0);
/// Events come on changes only, so to ask for both directions from the start costs nothing.
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

struct Client {
    stream: TcpStream,
    /// Read, but not sent back yet.
    unsent: Vec<u8>,
}

impl Client {
    /// Echoes until the socket would block, as there may be no further event before that; `false` when the client has
    /// said all. As long as it does not take its echo nothing more is read, and TCP tells it to slow down.
    fn echo(&mut self, registry: &Registry, token: Token, buffer: &mut [u8]) -> io::Result<bool> {
        for _ in 0..16 {
            while !self.unsent.is_empty() {
                match self.stream.write(&self.unsent) {
                    Ok(count) => drop(self.unsent.drain(..count)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            match self.stream.read(buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => self.unsent.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // It is the others' turn. To register again makes a new event for what is left here.
        registry.reregister(&mut self.stream, token, BOTH).map(|()| true)
    }
}

/// Lets in all who wait, as one event stands for all of them. An error is that of one client, or a lack (of
/// descriptors, of memory) that may pass: `false` says that others may still wait, without a further event.
fn accept(listener: &TcpListener, registry: &Registry, clients: &mut HashMap<Token, Client>, next: &mut usize) -> bool {
    loop {
        let accepted = listener.accept().and_then(|(mut stream, _)| {
            registry.register(&mut stream, Token(*next), BOTH)?;
            Ok(Client { stream, unsent: Vec::new() })
        });
        match accepted {
            Ok(client) => {
                clients.insert(Token(*next), client);
                *next += 1; // Never used again: what is left of an old client's events concerns nobody.
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
            Err(error) => {
                eprintln!("accept: {error}");
                return false;
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:0").parse()?;
    let mut listener = TcpListener::bind(address)?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);

    let mut clients: HashMap<Token, Client> = HashMap::new();
    let mut next = LISTENER.0 + 1;
    let mut buffer = vec![0; 64 * 1024];
    let mut events = Events::with_capacity(1024);
    let mut all_accepted = true;
    loop {
        let timeout = (!all_accepted).then_some(Duration::from_millis(100));
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue, // A signal.
            result => result?,
        }
        for token in events.iter().map(|event| event.token()) {
            let Some(client) = clients.get_mut(&token) else {
                all_accepted &= token != LISTENER;
                continue;
            };
            let result = client.echo(poll.registry(), token, &mut buffer);
            if let Err(error) = &result {
                eprintln!("client {}: {error}", token.0);
            }
            if !matches!(result, Ok(true)) {
                clients.remove(&token); // Which closes the stream, and ends its registration.
            }
        }
        if !all_accepted {
            all_accepted = accept(&listener, poll.registry(), &mut clients, &mut next);
        }
    }
}
