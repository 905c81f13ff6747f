//! Scenarios 11 to 27, as far as the promises don't have them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdTcpListener, TcpStream as StdTcpStream};
use std::os::windows::io::{AsRawSocket, AsSocket, FromRawSocket};
use std::thread;
use std::time::{Duration, Instant};

use poised::net::{TcpListener, TcpStream, UdpSocket};
use poised::{Events, Interest, Poll, Token};

use crate::util::{drain, expect_error, expect_would_block, on_wine, Harness, PATIENCE};

const IT: Token = Token(4);
const READ: Interest = Interest::READABLE;
const BOTH: Interest = READ.add(Interest::WRITABLE);

fn local() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn pair() -> (TcpStream, StdTcpStream) {
    let listener = StdTcpListener::bind(local()).unwrap();
    let one = StdTcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (other, _) = listener.accept().unwrap();
    one.set_nonblocking(true).unwrap();
    (TcpStream::from_std(one), other)
}

/// Closes `other` with bytes unread, which resets the connection.
fn reset(mut stream: &TcpStream, other: StdTcpStream) {
    stream.write_all(b"not read").unwrap();
    while other.peek(&mut [0; 1]).unwrap() == 0 {}
    drop(other);
}

#[test]
fn scenario_11_peek_that_blocks_arms() {
    let (mut stream, mut other) = pair();
    let mut harness = Harness::new();
    harness.register(&mut stream, IT, READ);
    for _ in 0..3 {
        other.write_all(b"x").unwrap();
        harness.expect_readable(IT);
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 1);
        expect_would_block(stream.peek(&mut [0; 1]));
    }
}

#[test]
fn scenario_13_reset_after_writable_was_taken() {
    for interest in [Interest::WRITABLE, BOTH, READ] {
        let (mut stream, other) = pair();
        let mut harness = Harness::new();
        harness.register(&mut stream, IT, interest);
        harness.until_sentinel();
        reset(&stream, other);
        let seen = harness.expect(IT, |seen| seen.write_closed);
        assert!(seen.error && seen.read_closed, "{seen:?}");
    }
}

#[test]
fn scenario_13_reset_while_bytes_are_left_and_nobody_waits() {
    let (mut stream, mut other) = pair();
    let mut harness = Harness::new();
    harness.register(&mut stream, IT, READ);
    other.write_all(b"unread").unwrap();
    harness.expect_readable(IT);
    reset(&stream, other);
    harness.expect(IT, |seen| seen.write_closed);
}

#[test]
fn scenario_13_reset_is_seen_by_polls_that_never_wait() {
    let (mut stream, other) = pair();
    let mut harness = Harness::new();
    harness.register(&mut stream, IT, Interest::WRITABLE);
    harness.expect_writable(IT);
    reset(&stream, other);
    let deadline = Instant::now() + PATIENCE;
    while harness.turn() == 0 {
        assert!(Instant::now() < deadline, "the reset was not reported");
    }
}

#[test]
fn scenario_15_register_deregister_register() {
    let (mut stream, mut other) = pair();
    let mut harness = Harness::new();
    for round in 0..100 {
        harness.register(&mut stream, Token(round), READ);
        if round % 2 == 0 {
            other.write_all(b"x").unwrap();
            harness.expect_readable(Token(round));
            drain(&stream);
        }
        harness.deregister(&mut stream);
    }
    other.write_all(b"x").unwrap();
    harness.expect_none();
}

#[test]
fn scenario_16_registering_anew_while_another_thread_polls() {
    let (mut stream, mut other) = pair();
    let mut poll = Poll::new().unwrap();
    let registry = poll.registry().try_clone().unwrap();
    let rounds = 2_000;
    let poller = thread::spawn(move || {
        let mut events = Events::with_capacity(8);
        loop {
            poll.poll(&mut events, Some(PATIENCE)).unwrap();
            assert!(!events.is_empty(), "an event was lost");
            let tokens: Vec<_> = events.iter().map(|event| event.token().0).collect();
            if tokens.contains(&rounds) {
                return;
            }
        }
    });
    other.write_all(b"always readable").unwrap();
    for round in 0..=rounds {
        registry.register(&mut stream, Token(round), READ).unwrap();
        if round < rounds {
            registry.deregister(&mut stream).unwrap();
        }
    }
    poller.join().unwrap();
}

#[test]
fn scenario_16_one_socket_in_two_polls() {
    let (mut stream, mut other) = pair();
    let mut copy = TcpStream::from(stream.as_socket().try_clone_to_owned().unwrap());
    let (mut one, mut two) = (Harness::new(), Harness::new());
    one.register(&mut stream, IT, READ);
    two.register(&mut copy, IT, READ);
    for _ in 0..50 {
        other.write_all(b"x").unwrap();
        one.expect_readable(IT);
        two.expect_readable(IT);
        drain(&stream);
        expect_would_block(copy.read(&mut [0; 1]));
    }
}

#[test]
fn scenario_17_a_number_used_again_has_the_new_token() {
    let mut harness = Harness::new();
    for round in 0..200 {
        let (mut stream, mut other) = pair();
        harness.register(&mut stream, Token(round), READ);
        harness.turn();
        other.write_all(b"x").unwrap();
        if round % 3 == 0 {
            drop(stream);
            continue;
        }
        let seen = harness.expect_readable(Token(round));
        assert_eq!(seen.events, 1);
    }
    harness.expect_none();
}

#[test]
fn scenario_18_19_an_event_ends_a_wait() {
    let (mut stream, mut other) = pair();
    let mut poll = Poll::new().unwrap();
    let registry = poll.registry().try_clone().unwrap();
    other.write_all(b"x").unwrap();
    let poller = thread::spawn(move || {
        let mut events = Events::with_capacity(8);
        let start = Instant::now();
        poll.poll(&mut events, Some(PATIENCE)).unwrap();
        (events.iter().next().map(|event| event.token()), start.elapsed())
    });
    registry.register(&mut stream, IT, READ).unwrap();
    let (token, elapsed) = poller.join().unwrap();
    assert_eq!(token, Some(IT));
    assert!(elapsed < PATIENCE / 2, "{elapsed:?}");
}

#[test]
fn scenario_20_a_poll_that_is_dropped_leaves_its_sources_usable() {
    let (mut stream, mut other) = pair();
    for _ in 0..50 {
        let poll = Poll::new().unwrap();
        poll.registry().register(&mut stream, IT, BOTH).unwrap();
        let registry = poll.registry().try_clone().unwrap();
        drop(poll);
        registry.deregister(&mut stream).unwrap();
    }
    let mut harness = Harness::new();
    harness.register(&mut stream, IT, READ);
    other.write_all(b"x").unwrap();
    harness.expect_readable(IT);
    drop(harness);
    assert_eq!(drain(&stream).0, b"x");
}

#[test]
#[allow(unsafe_code)]
fn scenario_21_one_bad_socket_poisons_nothing() {
    let (mut good, mut other) = pair();
    let (bad, _kept) = pair();
    let number = bad.as_raw_socket();
    let mut bad = std::mem::ManuallyDrop::new(bad);
    let mut harness = Harness::new();
    harness.register(&mut good, IT, READ);
    harness.register(&mut *bad, Token(5), READ);
    // SAFETY: closes the socket under the one who owns it, which is what this is about; nobody uses it any more.
    drop(unsafe { StdTcpStream::from_raw_socket(number) });
    for _ in 0..3 {
        other.write_all(b"x").unwrap();
        harness.expect_readable(IT);
        drain(&good);
    }
    harness.expect_none();
}

#[test]
#[allow(unsafe_code)]
fn scenario_22_no_socket_is_an_error() {
    if on_wine("takes any number for the base of a socket") {
        return;
    }
    let harness = Harness::new();
    // SAFETY: the number is no socket, and is never closed.
    let mut no_socket = std::mem::ManuallyDrop::new(unsafe { TcpStream::from_raw_socket(0x7FFF_FFF0) });
    let registered = harness.poll.registry().register(&mut *no_socket, IT, READ);
    assert_eq!(registered.unwrap_err().raw_os_error(), Some(10038));
}

#[test]
fn scenario_24_an_address_is_taken_once() {
    let listener = TcpListener::bind(local()).unwrap();
    expect_error(TcpListener::bind(listener.local_addr().unwrap()), ErrorKind::AddrInUse);
}

#[test]
fn scenario_25_a_closed_port_does_not_poison_receiving() {
    let mut socket = UdpSocket::bind(local()).unwrap();
    let friend = UdpSocket::bind(local()).unwrap();
    let closed = UdpSocket::bind(local()).unwrap().local_addr().unwrap();
    let mut harness = Harness::new();
    harness.register(&mut socket, IT, READ);
    for _ in 0..5 {
        socket.send_to(b"anybody?", closed).unwrap();
        expect_would_block(socket.recv_from(&mut [0; 8]));
    }
    friend.send_to(b"me", socket.local_addr().unwrap()).unwrap();
    harness.expect_readable(IT);
    assert_eq!(socket.recv_from(&mut [0; 8]).unwrap(), (2, friend.local_addr().unwrap()));
}

#[test]
fn scenario_26_timeouts_are_never_short() {
    let (mut stream, mut other) = pair();
    let mut harness = Harness::new();
    harness.register(&mut stream, IT, READ);
    other.write_all(b"x").unwrap();
    harness.expect_readable(IT);
    // The socket is one that is to be seen to later: waiting for that must not end the wait.
    for micros in [1, 500, 1_000, 2_500, 5_000, 20_000] {
        let timeout = Duration::from_micros(micros);
        let start = Instant::now();
        harness.poll.poll(&mut harness.events, Some(timeout)).unwrap();
        assert!(harness.events.is_empty() && start.elapsed() >= timeout, "{timeout:?} took {:?}", start.elapsed());
    }
}

#[test]
fn many_sockets_over_many_groups() {
    let mut harness = Harness::with_capacity(16);
    let mut pairs: Vec<_> = (0..200).map(|_| pair()).collect();
    for (number, (stream, _)) in pairs.iter_mut().enumerate() {
        harness.register(stream, Token(number), READ);
    }
    for round in 0..3 {
        pairs.iter_mut().for_each(|(_, other)| other.write_all(&[round]).unwrap());
        let mut told = std::collections::BTreeSet::new();
        while told.len() < pairs.len() {
            harness.poll.poll(&mut harness.events, Some(PATIENCE)).unwrap();
            assert!(!harness.events.is_empty(), "{} of {}", told.len(), pairs.len());
            told.extend(harness.events.iter().map(|event| event.token().0));
        }
        for (stream, _) in &pairs {
            assert_eq!(drain(stream), (vec![round], false));
        }
    }
}

#[test]
fn an_error_of_an_operation_is_its_own() {
    let (mut stream, _other) = pair();
    let harness = Harness::new();
    harness.register(&mut stream, IT, READ);
    let error = stream.try_io(|| io::Result::<()>::Err(ErrorKind::Other.into())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
}
