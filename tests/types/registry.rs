//! `Registry`.

use std::sync::Arc;
use std::thread;

use poised::net::{TcpListener, UdpSocket};
use poised::{Interest, Registry, Token, Waker};

use crate::util::leak::leaves_nothing_open;
use crate::util::{on_wasi, warm, Harness};

fn socket() -> UdpSocket {
    let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    warm(&mut socket);
    socket
}

#[test]
fn register_reregister_deregister() {
    let mut harness = Harness::new();
    let mut socket = socket();
    harness.poll.registry().register(&mut socket, Token(1), Interest::WRITABLE).unwrap();
    harness.expect_writable(Token(1));
    harness.poll.registry().reregister(&mut socket, Token(2), Interest::READABLE).unwrap();
    let own = socket.local_addr().unwrap();
    socket.send_to(b"me", own).unwrap();
    harness.expect_readable(Token(2));
    harness.poll.registry().deregister(&mut socket).unwrap();
    socket.send_to(b"me", own).unwrap();
    harness.expect_none();
}

#[test]
fn a_clone_is_the_same_registry() {
    let mut harness = Harness::new();
    let clone = harness.poll.registry().try_clone().unwrap();
    let second = clone.try_clone().unwrap();
    let mut socket = socket();
    clone.register(&mut socket, Token(1), Interest::WRITABLE).unwrap();
    harness.expect_writable(Token(1));
    drop(clone);
    second.reregister(&mut socket, Token(2), Interest::WRITABLE).unwrap();
    harness.expect_writable(Token(2));
    second.deregister(&mut socket).unwrap();
    harness.expect_none();
}

#[test]
fn a_clone_outlives_its_poll() {
    let harness = Harness::new();
    let clone = harness.poll.registry().try_clone().unwrap();
    let mut socket = socket();
    harness.register(&mut socket, Token(1), Interest::WRITABLE);
    drop(harness);
    clone.deregister(&mut socket).expect("the registry is still there");
    let _ = Waker::new(&clone, Token(2)).map(|waker| waker.wake());
}

#[cfg_attr(target_family = "wasm", ignore = "WASI has one thread")]
#[test]
fn shared_between_threads() {
    let mut harness = Harness::new();
    let registry: Arc<Registry> = Arc::new(harness.poll.registry().try_clone().unwrap());
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let registry = Arc::clone(&registry);
            thread::spawn(move || {
                let mut socket = socket();
                for _ in 0..100 {
                    registry.register(&mut socket, Token(number), Interest::READABLE).unwrap();
                    registry.reregister(&mut socket, Token(number), Interest::READABLE).unwrap();
                    registry.deregister(&mut socket).unwrap();
                }
                registry.register(&mut socket, Token(number), Interest::WRITABLE).unwrap();
                socket
            })
        })
        .collect();
    while threads.iter().any(|thread| !thread.is_finished()) {
        harness.turn();
    }
    let mut sockets: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    for (number, socket) in sockets.iter_mut().enumerate() {
        harness.reregister(socket, Token(number), Interest::WRITABLE);
        harness.expect_writable(Token(number));
    }
}

#[test]
fn thousands_of_sources() {
    let mut harness = Harness::with_capacity(256);
    let count = if on_wasi("has a hundred descriptors: a hundred sources") { 100 } else { 2000 };
    let mut sockets: Vec<_> = (0..count).map(|_| socket()).collect();
    for (number, socket) in sockets.iter_mut().enumerate() {
        harness.register(socket, Token(number), Interest::READABLE);
    }
    let own: Vec<_> = sockets.iter().map(|socket| socket.local_addr().unwrap()).collect();
    for number in [0, count / 2 - 1, count - 1] {
        sockets[0].send_to(b"hi", own[number]).unwrap();
        harness.expect_readable(Token(number));
        assert_eq!(sockets[number].recv(&mut [0; 8]).unwrap(), 2);
        assert!(sockets[number].recv(&mut [0; 8]).is_err());
    }
    // Every second one goes; the rest is heard.
    for socket in sockets.iter_mut().step_by(2) {
        harness.deregister(socket);
    }
    sockets[1].send_to(b"hi", own[count / 2]).unwrap();
    sockets[1].send_to(b"hi", own[count / 2 + 1]).unwrap();
    harness.expect_readable(Token(count / 2 + 1));
    harness.expect_none_of(Token(count / 2));
}

#[test]
fn different_types_in_one_registry() {
    let mut harness = Harness::new();
    let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut socket = socket();
    harness.register(&mut listener, Token(1), Interest::READABLE);
    harness.register(&mut socket, Token(2), Interest::WRITABLE);
    let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut tokens = std::collections::BTreeSet::new();
    while tokens.len() < 2 {
        harness.poll.poll(&mut harness.events, Some(crate::util::PATIENCE)).unwrap();
        assert!(!harness.events.is_empty(), "{tokens:?}");
        tokens.extend(harness.events.iter().map(|event| event.token()));
    }
}

#[test]
fn debug_names_the_type() {
    let harness = Harness::new();
    assert!(format!("{:?}", harness.poll.registry()).contains("Registry"));
    assert!(format!("{:?}", harness.poll.registry().try_clone().unwrap()).contains("Registry"));
}

#[cfg(all(target_os = "linux", not(any(poised_backend = "poll", mio_unsupported_force_poll_poll))))]
#[test]
fn as_a_descriptor() {
    use std::os::fd::{AsFd, AsRawFd};

    let harness = Harness::new();
    let registry = harness.poll.registry();
    assert!(registry.as_raw_fd() >= 0);
    assert_eq!(registry.as_fd().as_raw_fd(), registry.as_raw_fd());
    assert!(crate::util::linux::is_cloexec(registry.as_fd()));
    let clone = registry.try_clone().unwrap();
    assert!(crate::util::linux::is_cloexec(clone.as_fd()));
}

leaves_nothing_open!(
    register_reregister_deregister,
    a_clone_is_the_same_registry,
    a_clone_outlives_its_poll,
    shared_between_threads,
    thousands_of_sources,
    different_types_in_one_registry,
    debug_names_the_type,
    #[cfg(all(target_os = "linux", not(any(poised_backend = "poll", mio_unsupported_force_poll_poll))))]
    as_a_descriptor,
);
