//! `unix::SourceFd`: any descriptor, borrowed.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::time::{Duration, Instant};

use poised::event::Source;
use poised::unix::SourceFd;
use poised::{Interest, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::{expect_error, Harness, ON_POLL};

const IT: Token = Token(14);

fn pair() -> (StdUnixStream, StdUnixStream) {
    let (one, other) = StdUnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    other.set_nonblocking(true).unwrap();
    (one, other)
}

#[test]
fn the_three_verbs() {
    let (mut one, mut other) = pair();
    let fd = one.as_raw_fd();
    let mut harness = Harness::new();
    harness.register(&mut SourceFd(&fd), IT, Interest::READABLE);
    other.write_all(b"x").unwrap();
    harness.expect_readable(IT);
    assert_eq!(one.read(&mut [0; 8]).unwrap(), 1);
    harness.reregister(&mut SourceFd(&fd), Token(15), Interest::WRITABLE);
    harness.expect_writable(Token(15));
    harness.deregister(&mut SourceFd(&fd));
    other.write_all(b"x").unwrap();
    harness.expect_none();
}

/// It cannot see a `WouldBlock`: readiness must come again all the same, however its user reads. Each message looks like
/// the one before, so that counting the unread bytes tells nothing; poll(2) takes some tens of milliseconds then, and not
/// more and more of them.
#[test]
fn every_round_is_reported() {
    let (mut one, mut other) = pair();
    let fd = one.as_raw_fd();
    let mut harness = Harness::new();
    harness.register(&mut SourceFd(&fd), IT, Interest::READABLE);
    for round in 0..if ON_POLL { 12 } else { 200 } {
        let start = Instant::now();
        other.write_all(&[round]).unwrap();
        harness.expect_readable(IT);
        assert!(start.elapsed() < Duration::from_secs(2), "round {round} took {:?}", start.elapsed());
        let mut buffer = [0; 8];
        assert_eq!((one.read(&mut buffer).unwrap(), buffer[0]), (1, round));
        if round % 2 == 0 {
            assert_eq!(one.read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        }
    }
}

#[test]
fn writing_goes_on_when_there_is_room() {
    let (mut one, mut other) = pair();
    let fd = one.as_raw_fd();
    let mut harness = Harness::new();
    harness.register(&mut SourceFd(&fd), IT, Interest::WRITABLE);
    harness.expect_writable(IT);
    for _ in 0..3 {
        while one.write(&[0; 4096]).is_ok() {}
        while other.read(&mut [0; 65536]).is_ok() {}
        harness.expect_writable(IT);
    }
}

#[test]
fn a_hang_up_is_reported() {
    let (one, other) = pair();
    let fd = one.as_raw_fd();
    let mut harness = Harness::new();
    harness.register(&mut SourceFd(&fd), IT, Interest::READABLE);
    drop(other);
    harness.expect(IT, |seen| seen.read_closed);
    if !ON_POLL {
        harness.expect_none();
    }
}

#[test]
fn it_owns_nothing() {
    let (one, mut other) = pair();
    let fd = one.as_raw_fd();
    let harness = Harness::new();
    let mut source = SourceFd(&fd);
    harness.register(&mut source, IT, Interest::READABLE);
    // Gone at once, and nothing happens: the descriptor is open, and registered.
    let _ = source;
    other.write_all(b"x").unwrap();
    let mut harness = harness;
    harness.expect_readable(IT);
    assert_eq!((&one).read(&mut [0; 8]).unwrap(), 1);
}

#[test]
fn errors_of_the_verbs() {
    let (one, _other) = pair();
    let fd = one.as_raw_fd();
    let harness = Harness::new();
    let registry = harness.poll.registry();
    expect_error(registry.reregister(&mut SourceFd(&fd), IT, Interest::READABLE), ErrorKind::NotFound);
    expect_error(registry.deregister(&mut SourceFd(&fd)), ErrorKind::NotFound);
    harness.register(&mut SourceFd(&fd), IT, Interest::READABLE);
    expect_error(registry.register(&mut SourceFd(&fd), IT, Interest::READABLE), ErrorKind::AlreadyExists);
    harness.deregister(&mut SourceFd(&fd));
    expect_error(registry.deregister(&mut SourceFd(&fd)), ErrorKind::NotFound);
}

#[test]
fn two_descriptors_of_one_file() {
    let (one, mut other) = pair();
    let twin = one.try_clone().unwrap();
    let (fd, twin_fd) = (one.as_raw_fd(), twin.as_raw_fd());
    let mut harness = Harness::new();
    harness.register(&mut SourceFd(&fd), IT, Interest::READABLE);
    harness.register(&mut SourceFd(&twin_fd), Token(15), Interest::READABLE);
    other.write_all(b"x").unwrap();
    let mut tokens = std::collections::BTreeSet::new();
    while tokens.len() < 2 {
        harness.poll.poll(&mut harness.events, Some(crate::util::PATIENCE)).unwrap();
        assert!(!harness.events.is_empty(), "{tokens:?}");
        tokens.extend(harness.events.iter().map(|event| event.token()));
    }
    harness.deregister(&mut SourceFd(&fd));
    harness.reregister(&mut SourceFd(&twin_fd), Token(16), Interest::READABLE);
    harness.expect_readable(Token(16));
    harness.deregister(&mut SourceFd(&twin_fd));
}

/// As the documentation shows it: a type of the user's that delegates.
#[test]
fn in_a_users_source() {
    struct Mine(StdUnixStream);
    impl Source for Mine {
        fn register(&mut self, registry: &poised::Registry, token: Token, interest: Interest) -> std::io::Result<()> {
            SourceFd(&self.0.as_raw_fd()).register(registry, token, interest)
        }
        fn reregister(&mut self, registry: &poised::Registry, token: Token, interest: Interest) -> std::io::Result<()> {
            SourceFd(&self.0.as_raw_fd()).reregister(registry, token, interest)
        }
        fn deregister(&mut self, registry: &poised::Registry) -> std::io::Result<()> {
            SourceFd(&self.0.as_raw_fd()).deregister(registry)
        }
    }
    let (one, mut other) = pair();
    let mut harness = Harness::new();
    let mut mine = Mine(one);
    harness.register(&mut mine, IT, Interest::READABLE);
    other.write_all(b"x").unwrap();
    harness.expect_readable(IT);
    harness.reregister(&mut mine, Token(15), Interest::READABLE);
    harness.expect_readable(Token(15));
    harness.deregister(&mut mine);
    harness.expect_none();
}

#[test]
fn debug_shows_the_number() {
    let fd: RawFd = 12345;
    let text = format!("{:?}", SourceFd(&fd));
    assert!(text.contains("SourceFd") && text.contains("12345"), "{text}");
}

leaves_nothing_open!(
    the_three_verbs,
    every_round_is_reported,
    writing_goes_on_when_there_is_room,
    a_hang_up_is_reported,
    it_owns_nothing,
    errors_of_the_verbs,
    two_descriptors_of_one_file,
    in_a_users_source,
    debug_shows_the_number,
);
