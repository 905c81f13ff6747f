//! `event::Source`: implemented by users, boxed, and as a trait object.

use std::io;

use poised::event::Source;
use poised::net::{TcpListener, UdpSocket};
use poised::{Interest, Registry, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::{expect_error, Harness};

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap()
}

/// A user's source: delegates to a socket, and counts.
#[derive(Debug)]
struct Counting {
    socket: UdpSocket,
    calls: [usize; 3],
}

impl Counting {
    fn new() -> Counting {
        Counting { socket: socket(), calls: [0; 3] }
    }
}

impl Source for Counting {
    fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.calls[0] += 1;
        self.socket.register(registry, token, interest)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.calls[1] += 1;
        self.socket.reregister(registry, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.calls[2] += 1;
        self.socket.deregister(registry)
    }
}

/// Goes through the three verbs, with an event after each of the first two.
#[track_caller]
fn through_all(source: &mut (impl Source + ?Sized)) {
    let mut harness = Harness::new();
    harness.register(source, Token(1), Interest::WRITABLE);
    harness.expect_writable(Token(1));
    harness.reregister(source, Token(2), Interest::WRITABLE);
    harness.expect_writable(Token(2));
    harness.deregister(source);
    harness.expect_none();
    expect_error(harness.poll.registry().deregister(source), io::ErrorKind::NotFound);
}

#[test]
fn a_users_source_is_asked_itself() {
    let mut source = Counting::new();
    through_all(&mut source);
    assert_eq!(source.calls, [1, 1, 2]);
}

#[test]
fn boxed() {
    let mut source = Box::new(Counting::new());
    through_all(&mut source);
    assert_eq!(source.calls, [1, 1, 2]);
    through_all(&mut Box::new(Box::new(socket())));
}

#[test]
fn trait_objects() {
    let mut counting = Counting::new();
    through_all(&mut counting as &mut dyn Source);
    assert_eq!(counting.calls, [1, 1, 2]);
    let mut boxed: Box<dyn Source> = Box::new(socket());
    through_all(&mut boxed);
    through_all(boxed.as_mut());
    let mut sendable: Box<dyn Source + Send + Sync> = Box::new(socket());
    through_all(&mut sendable);
}

#[test]
fn a_collection_of_different_sources() {
    let mut harness = Harness::new();
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut sources: Vec<Box<dyn Source>> = vec![Box::new(listener), Box::new(socket()), Box::new(Counting::new())];
    for (number, source) in sources.iter_mut().enumerate() {
        harness.register(source, Token(number), Interest::READABLE);
    }
    harness.expect_none();
    let _client = std::net::TcpStream::connect(address).unwrap();
    harness.expect_readable(Token(0));
}

/// An error of the user's own comes back as it is.
#[test]
fn errors_pass_through() {
    struct Refusing;
    impl Source for Refusing {
        fn register(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
            Err(io::Error::new(io::ErrorKind::Other, "no register"))
        }
        fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
            Err(io::Error::new(io::ErrorKind::Other, "no reregister"))
        }
        fn deregister(&mut self, _: &Registry) -> io::Result<()> {
            Err(io::Error::new(io::ErrorKind::Other, "no deregister"))
        }
    }
    let harness = Harness::new();
    let registry = harness.poll.registry();
    let texts = [
        registry.register(&mut Refusing, Token(0), Interest::READABLE),
        registry.reregister(&mut Box::new(Refusing), Token(0), Interest::READABLE),
        registry.deregister(&mut Refusing),
    ]
    .map(|result| result.unwrap_err().to_string());
    assert_eq!(texts, ["no register", "no reregister", "no deregister"]);
}

leaves_nothing_open!(
    a_users_source_is_asked_itself,
    boxed,
    trait_objects,
    a_collection_of_different_sources,
    errors_pass_through,
);
