//! The child, its pipes, and the loop over both.

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Command, Stdio};

use poised::unix::pipe::{Receiver, Sender};
use poised::{Events, Interest, Poll, Token};

const INPUT: Token = Token(0);
const OUTPUT: Token = Token(1);
const LINE: &[u8] = b"a line of text for the child to read\n";
const LINES: usize = 200_000;

struct Pump {
    /// The child's standard input, until all is written: closing it is how the child learns that.
    input: Option<Sender>,
    unsent: Vec<u8>,
    sent: usize,
    output: Receiver,
    received: Vec<u8>,
}

impl Pump {
    /// Writes until the pipe is full or all is written.
    fn write(&mut self) -> io::Result<()> {
        while let Some(input) = &mut self.input {
            match input.write(&self.unsent[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A child may end before it has read all; what it wrote counts all the same.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.input = None,
                Err(error) => return Err(error),
            }
            if self.sent == self.unsent.len() {
                self.input = None;
            }
        }
        Ok(())
    }

    /// Reads until the pipe is empty; `false` when nothing more can come, as the child has closed its end.
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.output.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Serves both pipes, each when it is ready, until the output ends.
    fn run(&mut self) -> io::Result<()> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(8);
        if let Some(input) = &mut self.input {
            poll.registry().register(input, INPUT, Interest::WRITABLE)?;
        }
        poll.registry().register(&mut self.output, OUTPUT, Interest::READABLE)?;
        let mut more = true;
        while more {
            match poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue, // A signal, such as SIGCHLD.
                result => result?,
            }
            for event in &events {
                match event.token() {
                    INPUT => self.write()?,
                    _ => more = self.read()?,
                }
            }
        }
        Ok(())
    }
}

/// Runs the command that the arguments are, and pumps through it.
pub(crate) fn main() -> io::Result<()> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        words = ["tr", "a-z", "A-Z"].map(String::from).to_vec();
    }
    let mut child = Command::new(&words[0]).args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::new(ErrorKind::Other, "the child has no pipes"));
    };
    let (input, output) = (Sender::from(input), Receiver::from(output));
    // The standard library makes these pipes blocking. This changes our ends alone: the child's stay as they are.
    input.set_nonblocking(true)?;
    output.set_nonblocking(true)?;

    let mut pump = Pump { input: Some(input), unsent: LINE.repeat(LINES), sent: 0, output, received: Vec::new() };
    pump.run()?;
    println!("{} bytes in, {} bytes out, {}", pump.sent, pump.received.len(), child.wait()?);
    println!("last line: {}", String::from_utf8_lossy(&pump.received).lines().last().unwrap_or_default());
    Ok(())
}
