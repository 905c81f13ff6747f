//! An event source of one's own: a channel whose receiving end can be polled together with sockets.
//!
//! ```text
//! cargo run --example custom_source
//! ```
//!
//! [`IoSource`] makes a source of any type that owns a descriptor, or on Windows a socket, and does not block: here a
//! socket of the standard library. [`Mailbox`] has one inside, and becomes a [`Source`] by handing the three calls on to it.

#![allow(clippy::print_stdout)] // A program reports to its user.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{mpsc, Arc};
use std::thread;

use poised::{event::Source, Events, Interest, IoSource, Poll, Registry, Token};

/// The receiving end of a channel. Letters lie in an ordinary queue; a byte in a socket says that there are some.
struct Mailbox<T> {
    letters: mpsc::Receiver<T>,
    bell: IoSource<TcpStream>,
}

/// The sending end. The mailbox is closed when the last clone of it is dropped.
#[derive(Clone)]
struct Postman<T> {
    letters: mpsc::Sender<T>,
    bell: Arc<TcpStream>,
}

fn mailbox<T>() -> io::Result<(Postman<T>, Mailbox<T>)> {
    let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let outside = TcpStream::connect(door.local_addr()?)?;
    let (inside, visitor) = door.accept()?;
    if visitor != outside.local_addr()? {
        return Err(ErrorKind::ConnectionRefused.into()); // Another program of this machine was faster.
    }
    outside.set_nodelay(true)?; // A ring does not wait for more of them.
    [&outside, &inside].into_iter().try_for_each(|end| end.set_nonblocking(true))?;
    let (sender, letters) = mpsc::channel();
    Ok((Postman { letters: sender, bell: Arc::new(outside) }, Mailbox { letters, bell: IoSource::new(inside) }))
}

impl<T> Postman<T> {
    fn deliver(&self, letter: T) -> io::Result<()> {
        // The letter first: whoever hears the bell finds it.
        self.letters.send(letter).map_err(|_| ErrorKind::BrokenPipe)?;
        match (&*self.bell).write(b"!") {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()), // It rings already, and loudly.
            result => result.map(drop),
        }
    }
}

impl<T> Mailbox<T> {
    /// All letters there are, and whether there can be more. It silences the bell first: a letter that comes later
    /// rings again. `do_io` lets poised see the `WouldBlock` after which it has to watch the socket again.
    fn empty(&self) -> io::Result<(Vec<T>, bool)> {
        let mut rings = [0; 256];
        let open = loop {
            match self.bell.do_io(Interest::READABLE, |mut bell| bell.read(&mut rings)) {
                Ok(0) => break false,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break true,
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        };
        Ok((self.letters.try_iter().collect(), open))
    }
}

impl<T> Source for Mailbox<T> {
    fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.bell.register(registry, token, interest)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.bell.reregister(registry, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.bell.deregister(registry)
    }
}

/// The letters of all postmen, taken when the poll says that there are some.
fn collect(mailbox: &mut Mailbox<String>) -> io::Result<Vec<String>> {
    const MAILBOX: Token = Token(0);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(8));
    poll.registry().register(mailbox, MAILBOX, Interest::READABLE)?;
    let (mut all, mut open) = (Vec::new(), true);
    while open {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue, // A signal.
            result => result?,
        }
        if events.iter().any(|event| event.token() == MAILBOX) {
            let letters;
            (letters, open) = mailbox.empty()?;
            all.extend(letters);
        }
    }
    poll.registry().deregister(mailbox)?;
    Ok(all)
}

fn main() -> io::Result<()> {
    let (postman, mut mailbox) = mailbox()?;
    for name in ["Ada", "Grace", "Barbara"] {
        let postman = postman.clone();
        let letter = move |number| postman.deliver(format!("letter {number} from {name}"));
        thread::spawn(move || (1..=1000).try_for_each(letter));
    }
    drop(postman); // With the last postman the mailbox closes.
    let letters = collect(&mut mailbox)?;
    println!("{} letters, the last of them: {}", letters.len(), letters.last().map_or("none", String::as_str));
    Ok(())
}
