//! Scenarios 74, 76 and 79: connections on their way in and out.

use std::io::{ErrorKind, Read, Write};

use poised::net::{TcpListener, TcpStream, UdpSocket};
use poised::{Interest, Token};

use crate::sockets::{accept_all, any, refusing_address, std_tcp_pair};
use crate::util::leak::leaves_nothing_open;
use crate::util::{drain, on_wine, Harness};

const IT: Token = Token(74);
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// Of many connections that came at once one was accepted, and the others waited for an event that had been given
/// (tokio-rs/mio#845, tokio-rs/mio#1284, tokio-rs/mio#1758).
#[test]
fn scenario_74_burst_of_connections() {
    let mut harness = Harness::new();
    let mut listener = TcpListener::bind(any()).unwrap();
    let address = listener.local_addr().unwrap();
    harness.register(&mut listener, IT, Interest::READABLE);
    for _ in 0..3 {
        let clients: Vec<_> = (0..20).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        harness.expect_readable(IT);
        assert_eq!(accept_all(&listener).len(), clients.len());
        harness.expect_none();
    }
}

/// Who accepts one connection and then registers again is told of the others (tokio-rs/mio#1758).
#[test]
fn scenario_74_reregister_tells_of_the_rest() {
    let mut harness = Harness::new();
    let mut listener = TcpListener::bind(any()).unwrap();
    let address = listener.local_addr().unwrap();
    harness.register(&mut listener, IT, Interest::READABLE);
    let clients: Vec<_> = (0..20).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    for _ in &clients {
        harness.expect_readable(IT);
        listener.accept().unwrap();
        harness.reregister(&mut listener, IT, Interest::READABLE);
    }
    harness.expect_none();
}

/// A refused connect was not reported, or as a success; or the error was reported and could not be had
/// (tokio-rs/mio#179, tokio-rs/mio#555).
#[test]
fn scenario_76_refused_connect() {
    let (_refusing, address) = refusing_address();
    for interest in [Interest::WRITABLE, BOTH] {
        let mut harness = Harness::new();
        let mut stream = TcpStream::connect(address).expect("connect tells later");
        harness.register(&mut stream, IT, interest);
        harness.expect(IT, |seen| seen.writable || seen.error);
        let error = stream.take_error().unwrap().expect("an error");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        if !on_wine("keeps the error of a socket when it has told it") {
            assert!(stream.take_error().unwrap().is_none());
        }
        stream.peer_addr().unwrap_err();
        harness.until_sentinel();
        harness.expect_none();
    }
}

/// A blocking socket taken over from std hung its user without a word. What we can promise: the events come
/// (tokio-rs/tokio#3001, tokio-rs/tokio#7172).
#[test]
fn scenario_79_blocking_socket() {
    let mut harness = Harness::new();
    let (ours, mut theirs) = std_tcp_pair();
    let mut stream = TcpStream::from_std(ours);
    harness.register(&mut stream, IT, BOTH);
    harness.expect_writable(IT);
    theirs.write_all(b"!").unwrap();
    harness.expect_readable(IT);
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 1);

    let listener = std::net::TcpListener::bind(any()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut listener = TcpListener::from_std(listener);
    harness.register(&mut listener, Token(1), Interest::READABLE);
    let _client = std::net::TcpStream::connect(address).unwrap();
    harness.expect_readable(Token(1));
    listener.accept().unwrap();

    let socket = std::net::UdpSocket::bind(any()).unwrap();
    let address = socket.local_addr().unwrap();
    let mut socket = UdpSocket::from_std(socket);
    harness.register(&mut socket, Token(2), Interest::READABLE);
    std::net::UdpSocket::bind(any()).unwrap().send_to(b"!", address).unwrap();
    harness.expect_readable(Token(2));
    socket.recv(&mut [0; 8]).unwrap();
}

/// Its own doing does not make such a socket non-blocking behind its owner's back; the owner does, and all is
/// well (tokio-rs/tokio#7172).
#[test]
fn scenario_79_made_non_blocking_later() {
    let mut harness = Harness::new();
    let (ours, mut theirs) = std_tcp_pair();
    let switch = ours.try_clone().unwrap();
    let mut stream = TcpStream::from_std(ours);
    harness.register(&mut stream, IT, Interest::READABLE);
    switch.set_nonblocking(true).unwrap();
    for round in 0..3 {
        theirs.write_all(&[round]).unwrap();
        harness.expect_readable(IT);
        assert_eq!(drain(&stream), (vec![round], false));
    }
}

leaves_nothing_open!(
    scenario_74_burst_of_connections,
    scenario_74_reregister_tells_of_the_rest,
    scenario_76_refused_connect,
    scenario_79_blocking_socket,
    scenario_79_made_non_blocking_later,
);
