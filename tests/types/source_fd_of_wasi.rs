//! `wasi::SourceFd`: any descriptor, borrowed.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use poised::wasi::SourceFd;
use poised::{Interest, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::{expect_error, Harness};

const IT: Token = Token(14);
const OTHER: Token = Token(15);

#[test]
fn the_three_verbs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let fd = listener.as_raw_fd();
    let mut harness = Harness::new();
    harness.register(&mut SourceFd(&fd), IT, Interest::READABLE);
    let mut here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    harness.expect_readable(IT);
    let (mut there, _) = listener.accept().unwrap();
    harness.deregister(&mut SourceFd(&fd));

    there.set_nonblocking(true).unwrap();
    let fd = there.as_raw_fd();
    harness.register(&mut SourceFd(&fd), IT, Interest::WRITABLE);
    harness.expect_writable(IT);
    harness.reregister(&mut SourceFd(&fd), OTHER, Interest::READABLE);
    here.write_all(b"x").unwrap();
    harness.expect_readable(OTHER);
    assert_eq!(there.read(&mut [0; 8]).unwrap(), 1);
    harness.deregister(&mut SourceFd(&fd));
}

#[test]
fn p09_known_or_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let fd = listener.as_raw_fd();
    let harness = Harness::new();
    let registry = harness.poll.registry();
    expect_error(registry.deregister(&mut SourceFd(&fd)), ErrorKind::NotFound);
    expect_error(registry.reregister(&mut SourceFd(&fd), IT, Interest::READABLE), ErrorKind::NotFound);
    harness.register(&mut SourceFd(&fd), IT, Interest::READABLE);
    expect_error(registry.register(&mut SourceFd(&fd), IT, Interest::READABLE), ErrorKind::AlreadyExists);
    harness.deregister(&mut SourceFd(&fd));
    assert!(registry.register(&mut SourceFd(&-1), IT, Interest::READABLE).is_err());
}

leaves_nothing_open!(the_three_verbs, p09_known_or_not);
