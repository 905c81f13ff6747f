//! Scenarios of UDP, and `poised::windows::UdpSocketExt`.

use std::io::{self, ErrorKind};
use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::os::windows::io::FromRawSocket;
use std::time::Instant;

use poised::net::UdpSocket;
use poised::windows::UdpSocketExt;

use crate::sockets::{local, IT, READ};
use crate::util::leak::leaves_nothing_open;
use crate::util::{expect_would_block, on_wine, Harness, PATIENCE};

fn bind() -> UdpSocket {
    UdpSocket::bind(local()).unwrap()
}

/// An address that nobody has any more.
fn closed() -> SocketAddr {
    bind().local_addr().unwrap()
}

#[test]
fn scenario_11_peek_from_that_blocks_arms() {
    let (mut socket, friend) = (bind(), bind());
    let mut harness = Harness::new();
    harness.register(&mut socket, IT, READ);
    for _ in 0..3 {
        friend.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        harness.expect_readable(IT);
        assert_eq!(socket.recv_from(&mut [0; 1]).unwrap().0, 1);
        expect_would_block(socket.peek_from(&mut [0; 1]));
    }
}

#[test]
fn scenario_14_two_datagrams_and_a_drain_in_between_are_two_events() {
    let (mut socket, friend) = (bind(), bind());
    let mut harness = Harness::new();
    harness.register(&mut socket, IT, READ);
    for _ in 0..10 {
        friend.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        assert_eq!(harness.expect_readable(IT).events, 1);
        assert_eq!(socket.recv_from(&mut [0; 1]).unwrap().0, 1);
        expect_would_block(socket.recv_from(&mut [0; 1]));
        harness.expect_none();
    }
}

#[test]
fn scenario_25_a_closed_port_does_not_poison_receiving() {
    let (mut socket, friend, closed) = (bind(), bind(), closed());
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

/// Sends and receives until something comes, which is to be the word that nobody is there.
#[track_caller]
fn expect_nobody(harness: &mut Harness, socket: &UdpSocket, send: impl Fn(&UdpSocket) -> io::Result<usize>) {
    let silent = on_wine("has no event for the answer that a port is closed, and loses some: they are tried often");
    let deadline = Instant::now() + PATIENCE;
    send(socket).unwrap();
    let error = loop {
        match socket.recv(&mut [0; 8]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                assert!(Instant::now() < deadline, "no word of the port that nobody has");
                if silent {
                    send(socket).unwrap();
                } else {
                    harness.expect_readable(IT);
                }
            }
            result => break result.unwrap_err(),
        }
    };
    // Wine passes Linux' own error on.
    let is_it = matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused);
    assert!(is_it, "{error:?}");
}

#[test]
fn scenario_25_a_connected_socket_is_told_of_a_closed_port() {
    let mut socket = bind();
    let mut harness = Harness::new();
    harness.register(&mut socket, IT, READ);
    socket.connect(closed()).unwrap();
    expect_nobody(&mut harness, &socket, |socket| socket.send(b"anybody?"));
    // And goes on with somebody else.
    let friend = bind();
    socket.connect(friend.local_addr().unwrap()).unwrap();
    friend.send_to(b"me", socket.local_addr().unwrap()).unwrap();
    while let Err(error) = socket.recv(&mut [0; 8]) {
        // A late word of the other one may come first.
        if error.kind() == ErrorKind::WouldBlock {
            harness.expect_readable(IT);
        }
    }
}

#[test]
fn a_socket_that_wants_to_hear_of_closed_ports_is_told() {
    let mut socket = bind();
    socket.set_connection_reset(true).unwrap();
    if on_wine("takes SIO_UDP_CONNRESET and does nothing: unconnected sockets hear of no port") {
        return;
    }
    let mut harness = Harness::new();
    harness.register(&mut socket, IT, READ);
    let closed = closed();
    expect_nobody(&mut harness, &socket, |socket| socket.send_to(b"anybody?", closed));
}

#[test]
fn a_connected_socket_may_be_spared_as_well() {
    let mut socket = bind();
    socket.connect(closed()).unwrap();
    socket.set_connection_reset(false).unwrap();
    if on_wine("takes SIO_UDP_CONNRESET and does nothing: connected sockets hear of closed ports") {
        return;
    }
    let mut harness = Harness::new();
    harness.register(&mut socket, IT, READ);
    for _ in 0..5 {
        socket.send(b"anybody?").unwrap();
        expect_would_block(socket.recv(&mut [0; 8]));
    }
    harness.expect_none();
}

#[test]
#[allow(unsafe_code)]
fn what_is_no_socket_has_no_options() {
    // SAFETY: the number is no socket, and is never closed.
    let none = ManuallyDrop::new(unsafe { UdpSocket::from_raw_socket(0x7FFF_FFF0) });
    if on_wine("takes SIO_UDP_CONNRESET for any handle") {
        return;
    }
    for on in [true, false] {
        let error = none.set_connection_reset(on).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(10038), "{error:?}");
    }
}

leaves_nothing_open!(
    scenario_11_peek_from_that_blocks_arms,
    scenario_14_two_datagrams_and_a_drain_in_between_are_two_events,
    scenario_25_a_closed_port_does_not_poison_receiving,
    scenario_25_a_connected_socket_is_told_of_a_closed_port,
    a_socket_that_wants_to_hear_of_closed_ports_is_told,
    a_connected_socket_may_be_spared_as_well,
    what_is_no_socket_has_no_options,
);
