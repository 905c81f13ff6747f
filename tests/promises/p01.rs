//! P01 A source that is ready when it is registered, or reregistered, yields an event at the next poll.

use std::net::{Ipv4Addr, Shutdown, TcpStream as StdTcpStream};

use poised::event::{Event, Source};
use poised::net::{TcpListener, TcpStream};
use poised::{Interest, Token};

use crate::links::{over_links, tcp_pair, Link};
use crate::util::leak::leaves_nothing_open;
use crate::util::{half_close_is_untold, Harness, Seen};

/// Says that the very next poll reports `token`, and as readable or writable.
#[track_caller]
fn at_next_poll(harness: &mut Harness, token: Token, interest: Interest) {
    harness.turn();
    let mut seen = Seen::default();
    harness.events.iter().filter(|event| event.token() == token).for_each(|event| seen.add(event));
    assert_eq!((seen.readable, seen.writable), (interest.is_readable(), interest.is_writable()), "{seen:?}");
}

over_links!(p01_readable_when_registered, p01_writable_when_registered, p01_both_when_registered);
over_links!(p01_readable_when_reregistered, p01_writable_when_reregistered, p01_interest_changed);

fn p01_readable_when_registered(mut link: Link) {
    let mut harness = Harness::new();
    link.send_and_arrive(b"x");
    harness.register(&mut link.reader, Token(1), Interest::READABLE);
    at_next_poll(&mut harness, Token(1), Interest::READABLE);
    link.receive_all(b"x");
}

fn p01_writable_when_registered(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.writer, Token(1), Interest::WRITABLE);
    at_next_poll(&mut harness, Token(1), Interest::WRITABLE);
}

fn p01_both_when_registered(mut link: Link) {
    if !link.two_way {
        return;
    }
    let mut harness = Harness::new();
    link.send_and_arrive(b"x");
    let both = Interest::READABLE | Interest::WRITABLE;
    harness.register(&mut link.reader, Token(1), both);
    at_next_poll(&mut harness, Token(1), both);
}

fn p01_readable_when_reregistered(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, Token(1), Interest::READABLE);
    link.send(b"x");
    harness.expect_readable(Token(1));
    // Nothing was read: the old readiness counts anew, as often as asked.
    for _ in 0..3 {
        harness.reregister(&mut link.reader, Token(1), Interest::READABLE);
        at_next_poll(&mut harness, Token(1), Interest::READABLE);
    }
}

fn p01_writable_when_reregistered(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.writer, Token(1), Interest::WRITABLE);
    harness.expect_writable(Token(1));
    harness.reregister(&mut link.writer, Token(1), Interest::WRITABLE);
    at_next_poll(&mut harness, Token(1), Interest::WRITABLE);
}

fn p01_interest_changed(mut link: Link) {
    if !link.two_way {
        return;
    }
    let mut harness = Harness::new();
    link.send_and_arrive(b"x");
    harness.register(&mut link.reader, Token(1), Interest::WRITABLE);
    at_next_poll(&mut harness, Token(1), Interest::WRITABLE);
    harness.reregister(&mut link.reader, Token(1), Interest::READABLE);
    at_next_poll(&mut harness, Token(1), Interest::READABLE);
}

/// Registers `source` elsewhere until it is readable, and says that it is reported here at the first poll.
#[track_caller]
fn ready_before(source: &mut impl Source) -> Harness {
    let mut elsewhere = Harness::new();
    elsewhere.register(source, Token(0), Interest::READABLE);
    elsewhere.expect_readable(Token(0));
    elsewhere.deregister(source);
    let mut harness = Harness::new();
    harness.register(source, Token(2), Interest::READABLE);
    at_next_poll(&mut harness, Token(2), Interest::READABLE);
    harness
}

#[test]
fn p01_pending_tcp_connection() {
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let _client = StdTcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ready_before(&mut listener);
    listener.accept().expect("the pending connection");
}

#[cfg(unix)]
#[test]
fn p01_pending_unix_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let mut listener = poised::net::UnixListener::bind(&path).unwrap();
    let _client = std::os::unix::net::UnixStream::connect(&path).unwrap();
    ready_before(&mut listener);
    listener.accept().expect("the pending connection");
}

#[test]
fn p01_end_of_stream() {
    let (one, other) = tcp_pair();
    let mut stream = TcpStream::from_std(one);
    other.shutdown(Shutdown::Write).unwrap();
    let harness = ready_before(&mut stream);
    let ends = |event: &Event| event.is_read_closed() || half_close_is_untold();
    assert!(harness.events.iter().all(ends), "{:?}", harness.events);
}

leaves_nothing_open!(
    p01_pending_tcp_connection,
    #[cfg(unix)]
    p01_pending_unix_connection,
    p01_end_of_stream,
);
