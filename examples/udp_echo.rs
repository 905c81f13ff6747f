//! A UDP echo server: each datagram goes back to where it came from.
//!
//! ```text
//! cargo run --example udp_echo -- 127.0.0.1:7000      # without an address: any free port of this machine
//! nc -u 127.0.0.1 7000
//! ```
//!
//! It prints `listening on ADDRESS` and serves until it is killed.

// A program reports to its user on the standard streams.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use poised::net::UdpSocket;
use poised::{Events, Interest, Poll, Token};

const SOCKET: Token = Token(0);
/// More than any datagram holds, so that none is cut off.
const LARGEST: usize = 64 * 1024;

struct Echo {
    socket: UdpSocket,
    buffer: Vec<u8>,
    /// A datagram at the front of `buffer` that is still to go back: its length, and where to.
    waiting: Option<(usize, SocketAddr)>,
}

impl Echo {
    /// Echoes until the socket would block in one direction: then, and not before, an event tells when to go on.
    fn turn(&mut self) -> io::Result<()> {
        loop {
            let step = match self.waiting {
                Some((length, peer)) => self.send(length, peer),
                None => self.socket.recv_from(&mut self.buffer).map(|datagram| self.waiting = Some(datagram)),
            };
            match step {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // News of an earlier datagram, whose receiver has gone. It says nothing about this socket.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends the waiting datagram. While the send queue is full it keeps it and reads no others: UDP may lose what it
    /// cannot hold, so the kernel may as well do that where it costs least.
    fn send(&mut self, length: usize, peer: SocketAddr) -> io::Result<()> {
        match self.socket.send_to(&self.buffer[..length], peer) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Err(error),
            // One that cannot be reached must not stop the service for the others.
            Err(error) => eprintln!("{peer}: {error}"),
            Ok(_) => {}
        }
        self.waiting = None;
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:0").parse()?;
    let mut socket = UdpSocket::bind(address)?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut socket, SOCKET, Interest::READABLE | Interest::WRITABLE)?;
    println!("listening on {}", socket.local_addr()?);

    let mut echo = Echo { socket, buffer: vec![0; LARGEST], waiting: None };
    let mut events = Events::with_capacity(8);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue, // A signal.
            result => result?,
        }
        if events.iter().any(|event| event.token() == SOCKET) {
            echo.turn()?;
        }
    }
}
