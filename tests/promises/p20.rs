//! P20 `accept` at the descriptor limit fails with the system's error, the poll does not spin, and accepting resumes
//! after.
#![cfg(target_os = "linux")]

use std::io;
use std::net::{Ipv4Addr, TcpStream as StdTcpStream};
use std::os::unix::net::UnixStream as StdUnixStream;

use poised::event::Source;
use poised::net::{TcpListener, UnixListener};
use poised::{Interest, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::linux::allow_descriptors;
use crate::util::{expect_would_block, isolated, open_descriptors, Harness};

const LISTENER: Token = Token(22);

/// The story over any listener. `connect` makes a client, `accept` takes one.
fn at_the_limit<S: Source, T: std::fmt::Debug, C>(
    listener: &mut S,
    connect: impl Fn() -> C,
    accept: impl Fn(&S) -> io::Result<T>,
) {
    let mut harness = Harness::new();
    // The sentinel needs descriptors of its own while there are some.
    harness.expect_none();
    harness.register(listener, LISTENER, Interest::READABLE);
    let mut clients: Vec<C> = (0..3).map(|_| connect()).collect();
    harness.expect_readable(LISTENER);

    let before = open_descriptors();
    let restore = allow_descriptors(0);
    for _ in 0..3 {
        let error = accept(listener).expect_err("no descriptor is left");
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error:?}");
    }
    // Connections wait, and that was told: a poll now sleeps.
    harness.until_sentinel();
    harness.expect_none();
    harness.expect_none();
    restore();
    assert_eq!(open_descriptors(), before, "nothing leaked");

    let accepted: Vec<T> = (0..3).map(|_| accept(listener).expect("it resumes")).collect();
    expect_would_block(accept(listener));
    clients.push(connect());
    harness.expect_readable(LISTENER);
    accept(listener).expect("a new connection");
    assert_eq!(accepted.len() + 1, clients.len());
}

#[test]
fn p20_tcp_at_the_limit() {
    isolated("p20::p20_tcp_at_the_limit", || {
        let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        at_the_limit(&mut listener, || StdTcpStream::connect(address).unwrap(), |listener| listener.accept());
    });
}

#[test]
fn p20_unix_at_the_limit() {
    isolated("p20::p20_unix_at_the_limit", || {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let mut listener = UnixListener::bind(&path).unwrap();
        at_the_limit(&mut listener, || StdUnixStream::connect(&path).unwrap(), |listener| listener.accept());
    });
}

leaves_nothing_open!(p20_tcp_at_the_limit, p20_unix_at_the_limit,);
