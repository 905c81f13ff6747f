//! `Poll`.

use std::time::{Duration, Instant};

use poised::net::UdpSocket;
use poised::{Events, Interest, Poll, Token, Waker};

use crate::util::leak::leaves_nothing_open;
use crate::util::{warm, Harness};

fn socket() -> UdpSocket {
    let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    warm(&mut socket);
    socket
}

#[test]
fn without_sources_it_waits_for_the_timeout() {
    let mut poll = Poll::new().unwrap();
    let mut events = Events::with_capacity(4);
    let start = Instant::now();
    poll.poll(&mut events, Some(Duration::from_millis(3))).unwrap();
    assert!(events.is_empty());
    assert!(start.elapsed() >= Duration::from_millis(3));
}

#[test]
fn reports_what_is_ready() {
    let mut poll = Poll::new().unwrap();
    let mut events = Events::with_capacity(4);
    let mut socket = socket();
    poll.registry().register(&mut socket, Token(1), Interest::WRITABLE).unwrap();
    poll.poll(&mut events, None).unwrap();
    assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [Token(1)]);
}

/// Looking first changes neither what is told nor how long it takes.
#[test]
fn a_spinning_poll_waits_as_long() {
    let mut poll = Poll::new().unwrap();
    let mut events = Events::with_capacity(4);
    let mut socket = socket();
    for (spin, timeout) in [(0, 3), (1, 3), (3, 3), (60_000, 3), (1, 0)]
        .map(|(spin, timeout)| (Duration::from_millis(spin), Duration::from_millis(timeout)))
    {
        poll.set_spin(spin);
        let start = Instant::now();
        poll.poll(&mut events, Some(timeout)).unwrap();
        assert!(events.is_empty());
        assert!(start.elapsed() >= timeout, "{spin:?}");
        poll.registry().register(&mut socket, Token(1), Interest::WRITABLE).unwrap();
        poll.poll(&mut events, None).unwrap();
        assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [Token(1)]);
        poll.registry().deregister(&mut socket).unwrap();
    }
}

/// It sees what comes while it looks, and what comes while it sleeps.
#[test]
#[cfg(not(target_family = "wasm"))] // It has no threads.
fn a_spinning_poll_is_woken() {
    let mut poll = Poll::new().unwrap();
    let mut events = Events::with_capacity(4);
    let waker = Waker::new(poll.registry(), Token(1)).unwrap();
    let short = Duration::from_micros(1);
    for (spin, timeout) in [(Duration::MAX, None), (short, None), (short, Some(Duration::MAX))] {
        poll.set_spin(spin);
        for _ in 0..100 {
            std::thread::scope(|scope| {
                scope.spawn(|| waker.wake().unwrap());
                poll.poll(&mut events, timeout).unwrap();
                assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [Token(1)]);
            });
        }
    }
}

#[test]
fn any_events_will_do() {
    let mut poll = Poll::new().unwrap();
    let mut socket = socket();
    poll.registry().register(&mut socket, Token(1), Interest::WRITABLE).unwrap();
    // Events belong to no poll: another buffer for each call, and one buffer for two polls.
    let (mut small, mut large) = (Events::with_capacity(1), Events::with_capacity(1000));
    poll.poll(&mut small, None).unwrap();
    assert!(!small.is_empty());
    poll.registry().reregister(&mut socket, Token(2), Interest::WRITABLE).unwrap();
    poll.poll(&mut large, None).unwrap();
    assert!(large.iter().all(|event| event.token() == Token(2)) && !large.is_empty());
    Poll::new().unwrap().poll(&mut large, Some(Duration::ZERO)).unwrap();
    assert!(large.is_empty());
}

#[cfg_attr(target_family = "wasm", ignore = "WASI has one thread")]
#[test]
fn moved_between_threads() {
    let mut harness = Harness::new();
    let waker = Waker::new(harness.poll.registry(), Token(3)).unwrap();
    let thread = std::thread::spawn(move || {
        harness.expect(Token(3), |seen| seen.events > 0);
        harness
    });
    waker.wake().unwrap();
    let mut harness = thread.join().unwrap();
    waker.wake().unwrap();
    harness.expect(Token(3), |seen| seen.events > 0);
}

#[test]
fn many_polls_side_by_side() {
    let mut polls: Vec<_> = (0..50).map(|_| Harness::new()).collect();
    let mut sockets: Vec<_> = (0..50).map(|_| socket()).collect();
    for (number, (harness, socket)) in polls.iter_mut().zip(&mut sockets).enumerate() {
        harness.register(socket, Token(number), Interest::WRITABLE);
    }
    for (number, harness) in polls.iter_mut().enumerate() {
        harness.expect_writable(Token(number));
        harness.expect_none();
    }
}

#[test]
fn dropped_with_sources_registered() {
    let harness = Harness::new();
    let mut socket = socket();
    harness.register(&mut socket, Token(1), Interest::WRITABLE);
    drop(harness);
    // The source lives on, and its end is clean.
    let peer = socket.local_addr().unwrap();
    assert_eq!(socket.send_to(b"me", peer).unwrap(), 2);
    drop(socket);
}

#[test]
fn debug_names_the_type() {
    assert!(format!("{:?}", Poll::new().unwrap()).contains("Poll"));
}

/// A poll is a descriptor that another poll can watch: the bridge to foreign event loops.
#[cfg(all(target_os = "linux", not(any(poised_backend = "poll", mio_unsupported_force_poll_poll))))]
#[test]
fn nested_in_another_poll() {
    use poised::unix::SourceFd;
    use std::os::fd::AsRawFd;

    let mut inner = Harness::new();
    let waker = Waker::new(inner.poll.registry(), Token(1)).unwrap();
    let mut outer = Harness::new();
    let fd = inner.poll.as_raw_fd();
    assert_eq!(fd, inner.poll.registry().as_raw_fd());
    outer.register(&mut SourceFd(&fd), Token(9), Interest::READABLE);
    outer.expect_none();
    for _ in 0..5 {
        waker.wake().unwrap();
        outer.expect_readable(Token(9));
        inner.expect(Token(1), |seen| seen.events > 0);
    }
}

leaves_nothing_open!(
    without_sources_it_waits_for_the_timeout,
    reports_what_is_ready,
    a_spinning_poll_waits_as_long,
    #[cfg(not(target_family = "wasm"))]
    a_spinning_poll_is_woken,
    any_events_will_do,
    moved_between_threads,
    many_polls_side_by_side,
    dropped_with_sources_registered,
    debug_names_the_type,
    #[cfg(all(target_os = "linux", not(any(poised_backend = "poll", mio_unsupported_force_poll_poll))))]
    nested_in_another_poll,
);
