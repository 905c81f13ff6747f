//! `net::TcpListener`.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdTcpListener, TcpStream as StdTcpStream};

use poised::net::TcpListener;
use poised::{Interest, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::{drain, expect_error, expect_would_block, Harness};

const IT: Token = Token(7);

fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap()
}

/// Says that a client can come in.
#[track_caller]
fn takes_a_client(listener: &mut TcpListener) {
    let mut harness = Harness::new();
    harness.register(listener, IT, Interest::READABLE);
    expect_would_block(listener.accept());
    let mut client = StdTcpStream::connect(listener.local_addr().unwrap()).unwrap();
    harness.expect_readable(IT);
    let (mut stream, from) = listener.accept().unwrap();
    assert_eq!(from, client.local_addr().unwrap());
    assert_eq!(stream.peer_addr().unwrap(), from);
    expect_would_block(listener.accept());

    harness.register(&mut stream, Token(8), Interest::READABLE);
    std::io::Write::write_all(&mut client, b"hi").unwrap();
    harness.expect_readable(Token(8));
    assert_eq!(drain(&stream), (b"hi".to_vec(), false), "an accepted stream does not block");
    harness.deregister(listener);
}

#[test]
fn accepts_over_both_families() {
    takes_a_client(&mut listener());
    if let Ok(mut listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0).into()) {
        takes_a_client(&mut listener);
    }
}

#[test]
fn accepts_all_that_wait() {
    let mut listener = listener();
    let mut harness = Harness::new();
    let address = listener.local_addr().unwrap();
    let clients: Vec<_> = (0..20).map(|_| StdTcpStream::connect(address).unwrap()).collect();
    harness.register(&mut listener, IT, Interest::READABLE);
    harness.expect_readable(IT);
    let mut from = Vec::new();
    // One event for all of them: those that come are taken until `WouldBlock`.
    loop {
        match listener.accept() {
            Ok((_, address)) => from.push(address),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    let expected: Vec<_> = clients.iter().map(|client| client.local_addr().unwrap()).collect();
    assert_eq!(from, expected);
}

#[test]
fn local_addr_has_the_port_that_was_found() {
    let address = listener().local_addr().unwrap();
    assert_eq!(address.ip(), Ipv4Addr::LOCALHOST);
    assert_ne!(address.port(), 0);
}

#[test]
fn bind_to_a_port_in_use() {
    let busy = listener();
    expect_error(TcpListener::bind(busy.local_addr().unwrap()), ErrorKind::AddrInUse);
}

#[test]
fn bind_to_a_foreign_address() {
    let foreign = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 0));
    expect_error(TcpListener::bind(foreign), ErrorKind::AddrNotAvailable);
}

/// A server that is started again takes its port back at once, though old connections linger there.
#[cfg(unix)]
#[test]
fn bind_again_while_a_connection_lingers() {
    let first = listener();
    let address = first.local_addr().unwrap();
    let client = StdTcpStream::connect(address).unwrap();
    let mut harness = Harness::new();
    let mut first = first;
    harness.register(&mut first, IT, Interest::READABLE);
    harness.expect_readable(IT);
    // The server's side closes first, so that the waiting state stays with its port.
    drop(first.accept().unwrap());
    drop(first);
    TcpListener::bind(address).expect("the port again");
    drop(client);
}

#[test]
fn ttl() {
    let listener = listener();
    for ttl in [1, 61, 255] {
        listener.set_ttl(ttl).unwrap();
        assert_eq!(listener.ttl().unwrap(), ttl);
    }
}

#[test]
fn take_error_without_an_error() {
    assert!(listener().take_error().unwrap().is_none());
}

#[test]
fn from_std_and_back() {
    let std = StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    std.set_nonblocking(true).unwrap();
    let address = std.local_addr().unwrap();
    let mut listener = TcpListener::from_std(std);
    assert_eq!(listener.local_addr().unwrap(), address);
    takes_a_client(&mut listener);
    let std = StdTcpListener::from(listener);
    assert_eq!(std.local_addr().unwrap(), address);
}

#[cfg(unix)]
#[test]
fn descriptor_round_trips() {
    let listener = listener();
    let address = listener.local_addr().unwrap();
    let works = |listener: &TcpListener| assert_eq!(listener.local_addr().unwrap(), address);
    takes_a_client(&mut crate::handles::round_trips(listener, works));
}

#[test]
fn debug_shows_the_address() {
    let listener = listener();
    let text = format!("{listener:?}");
    assert!(text.contains(&listener.local_addr().unwrap().to_string()), "{text}");
    assert!(text.contains("TcpListener"), "{text}");
}

leaves_nothing_open!(
    accepts_over_both_families,
    accepts_all_that_wait,
    local_addr_has_the_port_that_was_found,
    bind_to_a_port_in_use,
    bind_to_a_foreign_address,
    #[cfg(unix)]
    bind_again_while_a_connection_lingers,
    ttl,
    take_error_without_an_error,
    from_std_and_back,
    #[cfg(unix)]
    descriptor_round_trips,
    debug_shows_the_address,
);
