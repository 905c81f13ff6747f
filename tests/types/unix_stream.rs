//! `net::UnixStream`.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{SocketAddr, UnixListener as StdUnixListener, UnixStream as StdUnixStream};

use poised::net::UnixStream;
use poised::{Interest, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::{drain, expect_error, expect_would_block, fill, Harness};

const IT: Token = Token(12);

/// A stream that is registered with the harness for reading, and its peer.
fn connected() -> (Harness, UnixStream, UnixStream) {
    let harness = Harness::new();
    let (mut stream, other) = UnixStream::pair().unwrap();
    harness.register(&mut stream, IT, Interest::READABLE);
    (harness, stream, other)
}

#[test]
fn a_pair_is_connected_and_unnamed() {
    let (mut harness, stream, mut other) = connected();
    for address in [stream.local_addr(), stream.peer_addr(), other.local_addr(), other.peer_addr()] {
        assert!(address.unwrap().is_unnamed());
    }
    assert_eq!(other.write(b"hi").unwrap(), 2);
    harness.expect_readable(IT);
    assert_eq!(drain(&stream), (b"hi".to_vec(), false));
}

#[test]
fn connect_and_connect_addr() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = StdUnixListener::bind(&path).unwrap();
    let address = SocketAddr::from_pathname(&path).unwrap();
    for stream in [UnixStream::connect(&path).unwrap(), UnixStream::connect_addr(&address).unwrap()] {
        let mut stream = stream;
        let mut harness = Harness::new();
        harness.register(&mut stream, IT, Interest::WRITABLE);
        harness.expect_writable(IT);
        assert!(stream.take_error().unwrap().is_none());
        assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(path.as_path()));
        assert!(stream.local_addr().unwrap().is_unnamed());
        let (mut accepted, _) = listener.accept().unwrap();
        stream.write_all(b"hello").unwrap();
        let mut buffer = [0; 5];
        accepted.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"hello");
    }
}

#[test]
fn connect_to_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    expect_error(UnixStream::connect(&path), ErrorKind::NotFound);
    drop(StdUnixListener::bind(&path).unwrap());
    expect_error(UnixStream::connect(&path), ErrorKind::ConnectionRefused);
    expect_error(UnixStream::connect("/x".repeat(100)), ErrorKind::InvalidInput);
}

#[test]
fn read_and_write() {
    let (mut harness, mut stream, mut other) = connected();
    expect_would_block(stream.read(&mut [0; 8]));
    assert_eq!(other.write(b"ping").unwrap(), 4);
    other.flush().unwrap();
    harness.expect_readable(IT);
    let mut buffer = [0; 8];
    assert_eq!(stream.read(&mut buffer[..3]).unwrap(), 3);
    assert_eq!((&stream).read(&mut buffer[3..]).unwrap(), 1);
    assert_eq!(&buffer[..4], b"ping");
    expect_would_block((&stream).read(&mut buffer));
    assert_eq!((&stream).write(b"pong").unwrap(), 4);
    (&stream).flush().unwrap();
    assert_eq!(drain(&other), (b"pong".to_vec(), false));
}

#[test]
fn vectored_reads_and_writes() {
    let (mut harness, mut stream, mut other) = connected();
    let slices = [IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"twothree")];
    assert_eq!(other.write_vectored(&slices).unwrap(), 11);
    harness.expect_readable(IT);
    let (mut one, mut rest) = ([0; 3], [0; 20]);
    let mut slices = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut rest)];
    assert_eq!(stream.read_vectored(&mut slices).unwrap(), 11);
    assert_eq!((&one, &rest[..8]), (b"one", &b"twothree"[..]));
    expect_would_block((&stream).read_vectored(&mut [IoSliceMut::new(&mut one)]));
    assert_eq!((&other).write_vectored(&[IoSlice::new(b"x")]).unwrap(), 1);
    harness.expect_readable(IT);
}

#[test]
fn try_io_gives_what_the_operation_gives() {
    let (_harness, stream, _other) = connected();
    assert_eq!(stream.try_io(|| Ok(7)).unwrap(), 7);
    expect_would_block(stream.try_io(|| (&stream).read(&mut [0; 8])));
    let mine = stream.try_io(|| io::Result::<()>::Err(io::Error::new(ErrorKind::Other, "mine")));
    assert_eq!(mine.unwrap_err().to_string(), "mine");
}

#[test]
fn shutdown_of_each_half() {
    let (mut harness, mut stream, mut other) = connected();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(drain(&other), (vec![], true));
    expect_error(stream.write(b"x"), ErrorKind::BrokenPipe);
    other.write_all(b"still").unwrap();
    harness.expect_readable(IT);
    assert_eq!(drain(&stream), (b"still".to_vec(), false));
    stream.shutdown(Shutdown::Read).unwrap();
    assert_eq!(drain(&stream), (vec![], true));
    other.shutdown(Shutdown::Both).unwrap();
}

#[test]
fn take_error_without_an_error() {
    let (_harness, stream, _other) = connected();
    assert!(stream.take_error().unwrap().is_none());
}

#[test]
fn a_full_stream_goes_on_when_there_is_room() {
    let (mut harness, mut stream, other) = connected();
    harness.reregister(&mut stream, IT, Interest::WRITABLE);
    harness.expect_writable(IT);
    for _ in 0..3 {
        let total = fill(&stream);
        let (bytes, end) = drain(&other);
        assert_eq!((bytes.len(), end), (total, false));
        assert!(bytes.iter().all(|byte| *byte == b'x'));
        harness.expect_writable(IT);
    }
}

#[test]
fn from_std_and_back() {
    let (std, other) = StdUnixStream::pair().unwrap();
    std.set_nonblocking(true).unwrap();
    let mut harness = Harness::new();
    let mut stream = UnixStream::from_std(std);
    harness.register(&mut stream, IT, Interest::READABLE);
    (&other).write_all(b"x").unwrap();
    harness.expect_readable(IT);
    harness.deregister(&mut stream);
    let mut std = StdUnixStream::from(stream);
    assert_eq!(std.read(&mut [0; 8]).unwrap(), 1);
}

#[test]
fn descriptor_round_trips() {
    let (_harness, stream, mut other) = connected();
    let works = |stream: &UnixStream| assert!(stream.peer_addr().unwrap().is_unnamed());
    let stream = crate::handles::round_trips(stream, works);
    assert_eq!((&stream).write(b"x").unwrap(), 1);
    assert_eq!(other.read(&mut [0; 8]).unwrap(), 1);
}

#[test]
fn debug_names_the_type() {
    let (_harness, stream, _other) = connected();
    let text = format!("{stream:?}");
    assert!(text.contains("UnixStream"), "{text}");
}

/// A full queue of connections must show at once: never a stream that is not connected and does not say so.
#[cfg(target_os = "linux")]
#[test]
fn connect_to_a_full_queue() {
    use nix::sys::socket::{listen, Backlog};

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = StdUnixListener::bind(&path).unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let mut streams = Vec::new();
    let error = loop {
        match UnixStream::connect(&path) {
            Ok(stream) => streams.push(stream),
            Err(error) => break error,
        }
        assert!(streams.len() < 100, "a queue of one took a hundred");
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(streams.iter().all(|stream| stream.peer_addr().is_ok()));
}

leaves_nothing_open!(
    a_pair_is_connected_and_unnamed,
    connect_and_connect_addr,
    connect_to_nobody,
    read_and_write,
    vectored_reads_and_writes,
    try_io_gives_what_the_operation_gives,
    shutdown_of_each_half,
    take_error_without_an_error,
    a_full_stream_goes_on_when_there_is_room,
    from_std_and_back,
    descriptor_round_trips,
    debug_names_the_type,
    #[cfg(target_os = "linux")]
    connect_to_a_full_queue,
);
