//! `IoSource`: makes a source of any socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener as StdTcpListener, TcpStream as StdTcpStream, UdpSocket as StdUdpSocket};

use poised::{Interest, IoSource, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::{expect_error, expect_would_block, Harness};

const IT: Token = Token(6);

fn datagrams() -> (IoSource<StdUdpSocket>, StdUdpSocket) {
    let one = StdUdpSocket::bind("127.0.0.1:0").unwrap();
    one.set_nonblocking(true).unwrap();
    let other = StdUdpSocket::bind("127.0.0.1:0").unwrap();
    other.connect(one.local_addr().unwrap()).unwrap();
    (IoSource::new(one), other)
}

#[test]
fn do_io_gives_what_the_operation_gives() {
    let (source, _other) = datagrams();
    assert_eq!(source.do_io(Interest::READABLE, |_| Ok("a value")).unwrap(), "a value");
    let failed: io::Result<()> = source.do_io(Interest::WRITABLE, |_| Err(io::Error::new(ErrorKind::Other, "mine")));
    assert_eq!(failed.unwrap_err().to_string(), "mine");
    expect_would_block(source.do_io(Interest::READABLE, |socket| socket.recv(&mut [0; 8])));
    let both = Interest::READABLE | Interest::WRITABLE;
    expect_would_block(source.do_io(both, |socket| socket.recv(&mut [0; 8])));
}

#[test]
fn do_io_works_unregistered_registered_and_after() {
    let (mut source, other) = datagrams();
    let receive = |source: &IoSource<StdUdpSocket>| source.do_io(Interest::READABLE, |socket| socket.recv(&mut [0; 8]));
    expect_would_block(receive(&source));
    let mut harness = Harness::new();
    harness.register(&mut source, IT, Interest::READABLE);
    for _ in 0..5 {
        expect_would_block(receive(&source));
        other.send(b"hi").unwrap();
        harness.expect_readable(IT);
        assert_eq!(receive(&source).unwrap(), 2);
    }
    harness.deregister(&mut source);
    expect_would_block(receive(&source));
    other.send(b"hi").unwrap();
    harness.expect_none();
}

#[test]
fn a_block_of_one_direction_arms_that_one() {
    let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
    let mut other = StdTcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    let mut source = IoSource::new(stream);
    let mut harness = Harness::new();
    harness.register(&mut source, IT, Interest::READABLE | Interest::WRITABLE);
    harness.expect_writable(IT);
    expect_would_block(source.do_io(Interest::READABLE, |mut stream| stream.read(&mut [0; 8])));
    // The socket is writable all the time: reading must not repeat that.
    harness.expect_none();
    other.write_all(b"x").unwrap();
    harness.expect_readable(IT);
    assert_eq!(source.do_io(Interest::READABLE, |mut stream| stream.read(&mut [0; 8])).unwrap(), 1);
    assert_eq!(source.do_io(Interest::WRITABLE, |mut stream| stream.write(b"back")).unwrap(), 4);
}

#[test]
fn get_ref_and_into_inner() {
    let (source, other) = datagrams();
    let address = source.get_ref().local_addr().unwrap();
    assert_eq!(other.peer_addr().unwrap(), address);
    assert_eq!(source.into_inner().local_addr().unwrap(), address);
}

#[test]
fn unwrapped_and_wrapped_again() {
    let (mut source, other) = datagrams();
    let mut harness = Harness::new();
    harness.register(&mut source, IT, Interest::READABLE);
    harness.deregister(&mut source);
    let mut again = IoSource::new(source.into_inner());
    harness.register(&mut again, Token(7), Interest::READABLE);
    other.send(b"hi").unwrap();
    harness.expect_readable(Token(7));
}

#[test]
fn registered_once() {
    let (mut source, _other) = datagrams();
    let (one, two) = (Harness::new(), Harness::new());
    one.register(&mut source, IT, Interest::READABLE);
    for harness in [&one, &two] {
        let again = harness.poll.registry().register(&mut source, IT, Interest::READABLE);
        expect_error(again, ErrorKind::AlreadyExists);
    }
    expect_error(two.poll.registry().deregister(&mut source), ErrorKind::NotFound);
    one.deregister(&mut source);
    expect_error(one.poll.registry().deregister(&mut source), ErrorKind::NotFound);
}

#[cfg(unix)]
#[test]
fn anything_with_a_descriptor() {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    let (one, other) = UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    let mut source = IoSource::new(OwnedFd::from(one));
    let mut harness = Harness::new();
    harness.register(&mut source, IT, Interest::READABLE);
    (&other).write_all(b"x").unwrap();
    harness.expect_readable(IT);
    let mut device = IoSource::new(other);
    harness.register(&mut device, Token(7), Interest::WRITABLE);
    harness.expect_writable(Token(7));
}

#[test]
fn debug_shows_what_is_wrapped() {
    let (source, _other) = datagrams();
    let text = format!("{source:?}");
    assert!(text.contains("UdpSocket") && text.contains("127.0.0.1"), "{text}");
}

leaves_nothing_open!(
    do_io_gives_what_the_operation_gives,
    do_io_works_unregistered_registered_and_after,
    a_block_of_one_direction_arms_that_one,
    get_ref_and_into_inner,
    unwrapped_and_wrapped_again,
    registered_once,
    #[cfg(unix)]
    anything_with_a_descriptor,
    debug_shows_what_is_wrapped,
);
