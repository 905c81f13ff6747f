//! `net::TcpStream`.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener as StdTcpListener, TcpStream as StdTcpStream};

use poised::net::TcpStream;
use poised::{Interest, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::{drain, expect_error, expect_would_block, fill, half_close_is_untold, on_wasi, on_wine, Harness};

const IT: Token = Token(8);

/// A stream that is registered with the harness for reading, and its peer.
fn connected() -> (Harness, TcpStream, StdTcpStream) {
    let listener = StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut harness = Harness::new();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (other, _) = listener.accept().unwrap();
    harness.register(&mut stream, IT, Interest::WRITABLE);
    harness.expect_writable(IT);
    assert!(stream.take_error().unwrap().is_none());
    harness.reregister(&mut stream, IT, Interest::READABLE);
    (harness, stream, other)
}

#[test]
fn addresses() {
    let (_harness, stream, other) = connected();
    assert_eq!(stream.local_addr().unwrap(), other.peer_addr().unwrap());
    assert_eq!(stream.peer_addr().unwrap(), other.local_addr().unwrap());
}

#[test]
fn read_and_write() {
    let (mut harness, mut stream, mut other) = connected();
    expect_would_block(stream.read(&mut [0; 8]));
    other.write_all(b"ping").unwrap();
    harness.expect_readable(IT);
    let mut buffer = [0; 8];
    assert_eq!(stream.read(&mut buffer).unwrap(), 4);
    assert_eq!(&buffer[..4], b"ping");
    assert_eq!(stream.write(b"pong").unwrap(), 4);
    stream.flush().unwrap();
    let mut answer = [0; 4];
    other.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"pong");
}

#[test]
fn read_and_write_through_a_reference() {
    let (mut harness, stream, mut other) = connected();
    let mut shared = &stream;
    assert_eq!(shared.write(b"pong").unwrap(), 4);
    shared.flush().unwrap();
    let mut answer = [0; 4];
    other.read_exact(&mut answer).unwrap();
    other.write_all(&answer).unwrap();
    harness.expect_readable(IT);
    let mut buffer = [0; 8];
    assert_eq!(shared.read(&mut buffer).unwrap(), 4);
    assert_eq!(&buffer[..4], b"pong");
    expect_would_block(shared.read(&mut buffer));
}

#[test]
fn vectored_reads_and_writes() {
    let (mut harness, mut stream, mut other) = connected();
    other.write_all(b"onetwothree").unwrap();
    harness.expect_readable(IT);
    let (mut one, mut two, mut three) = ([0; 3], [0; 3], [0; 9]);
    let mut slices = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two), IoSliceMut::new(&mut three)];
    if on_wasi("takes the first slice of many") {
        assert_eq!(stream.read_vectored(&mut slices).unwrap(), 3);
        assert_eq!(drain(&stream), (b"twothree".to_vec(), false));
    } else {
        assert_eq!(stream.read_vectored(&mut slices).unwrap(), 11);
        assert_eq!((&two, &three[..5]), (b"two", &b"three"[..]));
    }
    assert_eq!(&one, b"one");
    expect_would_block((&stream).read_vectored(&mut [IoSliceMut::new(&mut one)]));

    if on_wasi("takes the first slice of many") {
        assert_eq!(
            stream.write_vectored(&[IoSlice::new(b""), IoSlice::new(b"four"), IoSlice::new(b"five")]).unwrap(),
            4
        );
        return;
    }
    let slices = [IoSlice::new(b"four"), IoSlice::new(b""), IoSlice::new(b"five")];
    assert_eq!(stream.write_vectored(&slices).unwrap(), 8);
    assert_eq!((&stream).write_vectored(&slices).unwrap(), 8);
    let mut all = [0; 16];
    other.read_exact(&mut all).unwrap();
    assert_eq!(&all, b"fourfivefourfive");
}

#[test]
fn vectored_with_more_slices_than_the_system_takes() {
    let (mut harness, mut stream, mut other) = connected();
    let bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
    let slices: Vec<_> = bytes.chunks(1).map(IoSlice::new).collect();
    // Some of them, as `write` may: no error.
    let written = stream.write_vectored(&slices).unwrap();
    assert!(written > 0 && written <= 3000, "{written}");
    let mut all = vec![0; written];
    other.read_exact(&mut all).unwrap();
    assert_eq!(all, bytes[..written]);

    other.write_all(b"many").unwrap();
    harness.expect_readable(IT);
    let mut buffers = vec![[0; 1]; 3000];
    let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
    let count = if on_wasi("takes the first slice of many") { 1 } else { 4 };
    assert_eq!(stream.read_vectored(&mut slices).unwrap(), count);
    assert_eq!(buffers[..count].concat(), b"many"[..count]);
}

#[test]
fn empty_buffers() {
    let (mut harness, mut stream, mut other) = connected();
    assert_eq!(stream.write(&[]).unwrap(), 0);
    other.write_all(b"x").unwrap();
    harness.expect_readable(IT);
    assert!(on_wasi("blocks at no room") || stream.read(&mut []).unwrap() == 0);
    assert_eq!(stream.write_vectored(&[]).unwrap(), 0);
    assert_eq!(stream.read_vectored(&mut []).unwrap(), 0);
}

#[cfg_attr(target_family = "wasm", ignore = "WASI has no peek")]
#[test]
fn peek_leaves_the_bytes() {
    let (mut harness, mut stream, mut other) = connected();
    expect_would_block(stream.peek(&mut [0; 8]));
    other.write_all(b"look").unwrap();
    harness.expect_readable(IT);
    let mut buffer = [0; 8];
    for _ in 0..3 {
        assert_eq!(stream.peek(&mut buffer).unwrap(), 4);
        assert_eq!(&buffer[..4], b"look");
    }
    assert_eq!(stream.peek(&mut buffer[..2]).unwrap(), 2);
    assert_eq!(stream.read(&mut buffer).unwrap(), 4);
    other.shutdown(Shutdown::Write).unwrap();
    assert_eq!(drain(&stream).0, b"");
    // Where it is told of as bytes to read, this is after the event for those before it.
    if !half_close_is_untold() {
        harness.expect(IT, |seen| seen.read_closed);
    }
    assert_eq!(stream.peek(&mut buffer).unwrap(), 0);
}

#[test]
fn try_io_gives_what_the_operation_gives() {
    let (_harness, stream, _other) = connected();
    assert_eq!(stream.try_io(|| Ok(7)).unwrap(), 7);
    expect_would_block(stream.try_io(|| io::Result::<()>::Err(ErrorKind::WouldBlock.into())));
    let mine = stream.try_io(|| io::Result::<()>::Err(io::Error::new(ErrorKind::Other, "mine")));
    assert_eq!(mine.unwrap_err().to_string(), "mine");
}

#[test]
fn shutdown_of_each_half() {
    let (mut harness, mut stream, mut other) = connected();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(other.read(&mut [0; 8]).unwrap(), 0);
    let error = stream.write(b"x").unwrap_err();
    // The standard library has no kind for WSAESHUTDOWN.
    assert!(error.kind() == ErrorKind::BrokenPipe || error.raw_os_error() == Some(10058), "{error:?}");
    other.write_all(b"still").unwrap();
    harness.expect_readable(IT);
    assert_eq!(drain(&stream), (b"still".to_vec(), false));
    stream.shutdown(Shutdown::Read).unwrap();
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn shutdown_of_both_and_of_what_is_not_connected() {
    let (_harness, mut stream, mut other) = connected();
    stream.shutdown(Shutdown::Both).unwrap();
    assert_eq!(other.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
    let nobody = StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let mut harness = Harness::new();
    let mut refused = match TcpStream::connect(nobody) {
        Err(_) if on_wasi("may know of the refusal at once") => return,
        begun => begun.unwrap(),
    };
    harness.register(&mut refused, IT, Interest::WRITABLE);
    harness.expect(IT, |seen| seen.events > 0);
    expect_error(refused.shutdown(Shutdown::Both), ErrorKind::NotConnected);
    expect_error(refused.peer_addr(), ErrorKind::NotConnected);
}

#[test]
fn nodelay_and_ttl() {
    let (_harness, stream, _other) = connected();
    for on in [true, false, true] {
        stream.set_nodelay(on).unwrap();
        assert_eq!(stream.nodelay().unwrap(), on);
    }
    for ttl in [1, 64, 255] {
        stream.set_ttl(ttl).unwrap();
        assert_eq!(stream.ttl().unwrap(), ttl);
    }
}

#[test]
fn take_error_tells_once() {
    let nobody = StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let mut harness = Harness::new();
    let mut stream = match TcpStream::connect(nobody) {
        Err(_) if on_wasi("may know of the refusal at once") => return,
        begun => begun.unwrap(),
    };
    harness.register(&mut stream, IT, Interest::WRITABLE);
    harness.expect(IT, |seen| seen.events > 0);
    assert_eq!(stream.take_error().unwrap().unwrap().kind(), ErrorKind::ConnectionRefused);
    if !on_wine("keeps SO_ERROR after it was read") && !on_wasi("keeps SO_ERROR after it was read") {
        assert!(stream.take_error().unwrap().is_none());
    }
}

#[test]
fn a_full_stream_goes_on_when_there_is_room() {
    let (mut harness, mut stream, mut other) = connected();
    harness.reregister(&mut stream, IT, Interest::WRITABLE);
    harness.expect_writable(IT);
    let mut total = fill(&stream);
    // More than the buffers hold, in two turns of filling and reading: not one byte lost or made up.
    for _ in 0..2 {
        let mut all = vec![0; total];
        other.read_exact(&mut all).unwrap();
        assert!(all.iter().all(|byte| *byte == b'x'));
        harness.expect_writable(IT);
        total = fill(&stream);
    }
    if on_wasi("drops what it has not sent when a stream is closed") {
        other.read_exact(&mut vec![0; total]).unwrap();
        total = 0;
    }
    drop(stream);
    let mut rest = Vec::new();
    other.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len(), total);
}

#[test]
fn from_std_and_back() {
    let (_harness, stream, mut other) = connected();
    let (local, peer) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
    let std = StdTcpStream::from(stream);
    assert_eq!((std.local_addr().unwrap(), std.peer_addr().unwrap()), (local, peer));
    let mut harness = Harness::new();
    let mut stream = TcpStream::from_std(std);
    harness.register(&mut stream, IT, Interest::READABLE);
    other.write_all(b"x").unwrap();
    harness.expect_readable(IT);
    assert_eq!(drain(&stream), (b"x".to_vec(), false), "it is still non-blocking");
}

#[cfg(unix)]
#[test]
fn descriptor_round_trips() {
    let (_harness, stream, mut other) = connected();
    let peer = stream.peer_addr().unwrap();
    let stream = crate::handles::round_trips(stream, |stream| assert_eq!(stream.peer_addr().unwrap(), peer));
    assert_eq!((&stream).write(b"x").unwrap(), 1);
    other.read_exact(&mut [0; 1]).unwrap();
}

#[test]
fn connect_to_what_cannot_be_reached() {
    let broadcast = SocketAddr::from((Ipv4Addr::BROADCAST, 1));
    assert!(TcpStream::connect(broadcast).is_err());
}

#[test]
fn debug_shows_both_ends() {
    let (_harness, stream, _other) = connected();
    let text = format!("{stream:?}");
    assert!(text.contains("TcpStream"), "{text}");
    assert!(text.contains(&stream.local_addr().unwrap().to_string()), "{text}");
    assert!(text.contains(&stream.peer_addr().unwrap().to_string()), "{text}");
}

leaves_nothing_open!(
    addresses,
    read_and_write,
    read_and_write_through_a_reference,
    vectored_reads_and_writes,
    vectored_with_more_slices_than_the_system_takes,
    empty_buffers,
    peek_leaves_the_bytes,
    try_io_gives_what_the_operation_gives,
    shutdown_of_each_half,
    shutdown_of_both_and_of_what_is_not_connected,
    nodelay_and_ttl,
    take_error_tells_once,
    a_full_stream_goes_on_when_there_is_room,
    from_std_and_back,
    #[cfg(unix)]
    descriptor_round_trips,
    connect_to_what_cannot_be_reached,
    debug_shows_both_ends,
);
