//! Scenarios 11 to 27, as far as the promises don't have them.

use std::io::{self, ErrorKind, Read, Write};
use std::mem::ManuallyDrop;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdTcpListener, TcpStream as StdTcpStream};
use std::os::windows::io::{AsRawSocket, AsSocket, FromRawSocket};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use poised::net::{TcpListener, TcpStream, UdpSocket};
use poised::{Events, Interest, Poll, Token};

use crate::memory;
use crate::util::leak::{self, leaves_nothing_open};
use crate::util::{drain, expect_error, expect_would_block, isolated, Harness, PATIENCE};

pub const IT: Token = Token(4);
pub const READ: Interest = Interest::READABLE;
const BOTH: Interest = READ.add(Interest::WRITABLE);

pub fn local() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

pub fn pair() -> (TcpStream, StdTcpStream) {
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

/// The same socket for a C library: what blocks there is not seen here.
fn foreign(stream: &TcpStream) -> StdTcpStream {
    stream.as_socket().try_clone_to_owned().unwrap().into()
}

#[test]
fn scenario_12_foreign_reads_and_an_explicit_rearm() {
    let (mut stream, mut other) = pair();
    let mut foreign = foreign(&stream);
    let mut harness = Harness::new();
    harness.register(&mut stream, IT, READ);
    for round in 0..6 {
        other.write_all(b"x").unwrap();
        harness.expect_readable(IT);
        assert_eq!(foreign.read(&mut [0; 8]).unwrap(), 1);
        expect_would_block(foreign.read(&mut [0; 8]));
        match round % 3 {
            // Before the next bytes, or after them.
            0 => harness.reregister(&mut stream, IT, READ),
            1 => {
                other.write_all(b"y").unwrap();
                harness.reregister(&mut stream, IT, READ);
                harness.expect_readable(IT);
                while foreign.read(&mut [0; 8]).is_err() {}
                expect_would_block(stream.read(&mut [0; 8]));
            }
            // The library's own call, seen.
            _ => expect_would_block(stream.try_io(|| (&foreign).read(&mut [0; 8]))),
        }
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

/// How many rounds a race is tried: few enough for a busy machine, or as many as `POISED_ROUNDS` says (100000 take
/// minutes under Wine).
fn rounds(usual: usize) -> usize {
    std::env::var("POISED_ROUNDS").map_or(usual, |rounds| rounds.parse().expect("POISED_ROUNDS is a number"))
}

#[test]
fn scenario_16_registering_anew_while_another_thread_polls() {
    let (mut stream, mut other) = pair();
    let mut poll = Poll::new().unwrap();
    let registry = poll.registry().try_clone().unwrap();
    let rounds = rounds(2_000);
    let poller = thread::spawn(move || {
        let mut events = Events::with_capacity(8);
        loop {
            poll.poll(&mut events, Some(PATIENCE)).unwrap();
            assert!(!events.is_empty(), "an event was lost");
            let tokens: Vec<_> = events.iter().map(|event| event.token().0).collect();
            assert!(tokens.iter().all(|token| *token <= rounds), "{tokens:?}");
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

/// Each registration has its event before it ends: submitted by the thread that registers while the other one sleeps,
/// and by the one that polls when there is one thread.
#[test]
fn scenario_16_every_registration_has_its_event() {
    let (mut stream, mut other) = pair();
    other.write_all(b"always readable").unwrap();
    let mut poll = Poll::new().unwrap();
    let registry = poll.registry().try_clone().unwrap();
    let rounds = rounds(500);
    let (tell, told) = mpsc::channel();
    let poller = thread::spawn(move || {
        let mut events = Events::with_capacity(8);
        while events.iter().all(|event| event.token().0 < rounds) {
            poll.poll(&mut events, Some(PATIENCE)).unwrap();
            events.iter().for_each(|event| tell.send(event.token().0).unwrap());
        }
    });
    for round in 0..=rounds {
        registry.register(&mut stream, Token(round), READ).unwrap();
        // Those of the last round may have been in the poller's hands already.
        while told.recv_timeout(PATIENCE).expect("an event") != round {}
        registry.deregister(&mut stream).unwrap();
    }
    poller.join().unwrap();
    let mut harness = Harness::new();
    for round in 0..rounds {
        harness.register(&mut stream, Token(round), READ);
        assert_eq!(harness.expect_readable(Token(round)).events, 1);
        harness.deregister(&mut stream);
    }
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

/// Waits for a readable event of `IT`, and says that none of `other` comes before.
#[track_caller]
fn expect_it_alone(harness: &mut Harness, other: Token) {
    loop {
        harness.poll.poll(&mut harness.events, Some(PATIENCE)).unwrap();
        assert!(!harness.events.is_empty(), "an event was lost");
        assert!(harness.events.iter().all(|event| event.token() != other), "{:?}", harness.events);
        if harness.events.iter().any(|event| event.token() == IT && event.is_readable()) {
            return;
        }
    }
}

/// A socket is closed behind the back of its registration, whose packet (`AFD_POLL_LOCAL_CLOSE`) is in the port when
/// another socket has its number and is registered.
#[test]
#[allow(unsafe_code)]
fn scenario_17_the_end_of_a_socket_is_not_the_end_of_its_number() {
    const OLD: Token = Token(5);
    let friend = UdpSocket::bind(local()).unwrap();
    let mut harness = Harness::new();
    for _ in 0..20 {
        let mut old = ManuallyDrop::new(UdpSocket::bind(local()).unwrap());
        harness.register(&mut *old, OLD, READ);
        harness.turn();
        let number = old.as_raw_socket();
        // SAFETY: closes the socket under the one who owns it, which never closes it again.
        drop(unsafe { UdpSocket::from_raw_socket(number) });
        let mut in_between = Vec::new();
        let mut new = loop {
            match UdpSocket::bind(local()).unwrap() {
                socket if socket.as_raw_socket() == number => break socket,
                socket => in_between.push(socket),
            }
            assert!(in_between.len() < 1_000, "the system does not use a number twice");
        };
        let mut third = UdpSocket::bind(local()).unwrap();
        harness.register(&mut new, IT, READ);
        for round in 0..5 {
            friend.send_to(b"x", new.local_addr().unwrap()).unwrap();
            expect_it_alone(&mut harness, OLD);
            assert_eq!(new.recv(&mut [0; 8]).unwrap(), 1);
            expect_would_block(new.recv(&mut [0; 8]));
            if round == 2 {
                // There may be something to end or not; it is neither the new one nor who has its place now.
                harness.register(&mut third, Token(6), READ);
                let _ = harness.poll.registry().deregister(&mut *old);
            }
        }
        harness.expect_none();
        friend.send_to(b"x", third.local_addr().unwrap()).unwrap();
        harness.expect_readable(Token(6));
    }
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

/// The state of sockets that nobody heard of goes with their poll, and their sockets need not.
#[test]
fn scenario_20_a_poll_that_is_dropped_gives_all_memory_back() {
    isolated("sockets::scenario_20_a_poll_that_is_dropped_gives_all_memory_back", || {
        let mut sockets: Vec<_> = (0..100).map(|_| UdpSocket::bind(local()).unwrap()).collect();
        let round = |sockets: &mut [UdpSocket]| {
            let mut poll = Poll::new().unwrap();
            for (number, socket) in sockets.iter_mut().enumerate() {
                poll.registry().register(socket, Token(number), READ).unwrap();
            }
            poll.poll(&mut Events::with_capacity(8), Some(Duration::ZERO)).unwrap();
            let registry = poll.registry().try_clone().unwrap();
            drop(poll);
            sockets.iter_mut().for_each(|socket| registry.deregister(socket).unwrap());
        };
        round(&mut sockets);
        let (before, handles) = (memory::in_use(), leak::open());
        (0..30).for_each(|_| round(&mut sockets));
        let grown = memory::in_use() - before;
        // Less than one group of slots.
        assert!(grown < 1024, "{grown} bytes more after 30 polls");
        assert!(leak::open() <= handles, "{} handles of {handles}", leak::open());
    });
}

#[test]
#[allow(unsafe_code)]
fn scenario_21_one_bad_socket_poisons_nothing() {
    let (mut good, mut other) = pair();
    let (bad, _kept) = pair();
    let number = bad.as_raw_socket();
    let mut bad = ManuallyDrop::new(bad);
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
    // Its polls can't be cancelled either.
    let _ = harness.poll.registry().deregister(&mut *bad);
    other.write_all(b"x").unwrap();
    harness.expect_readable(IT);
}

#[test]
fn scenario_24_an_address_is_taken_once() {
    let listener = TcpListener::bind(local()).unwrap();
    expect_error(TcpListener::bind(listener.local_addr().unwrap()), ErrorKind::AddrInUse);
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

leaves_nothing_open!(
    scenario_11_peek_that_blocks_arms,
    scenario_12_foreign_reads_and_an_explicit_rearm,
    scenario_13_reset_after_writable_was_taken,
    scenario_13_reset_while_bytes_are_left_and_nobody_waits,
    scenario_13_reset_is_seen_by_polls_that_never_wait,
    scenario_15_register_deregister_register,
    scenario_16_registering_anew_while_another_thread_polls,
    scenario_16_every_registration_has_its_event,
    scenario_16_one_socket_in_two_polls,
    scenario_17_a_number_used_again_has_the_new_token,
    scenario_17_the_end_of_a_socket_is_not_the_end_of_its_number,
    scenario_18_19_an_event_ends_a_wait,
    scenario_20_a_poll_that_is_dropped_leaves_its_sources_usable,
    scenario_20_a_poll_that_is_dropped_gives_all_memory_back,
    scenario_21_one_bad_socket_poisons_nothing,
    scenario_24_an_address_is_taken_once,
    scenario_26_timeouts_are_never_short,
    many_sockets_over_many_groups,
    an_error_of_an_operation_is_its_own,
);
