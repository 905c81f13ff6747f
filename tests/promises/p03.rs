//! P03 The next readiness after a `WouldBlock` yields an event, whichever operation blocked: read, write, peek, accept,
//! send_to, recv_from, vectored forms, `try_io`.
//!
//! Each row of a table is one operation. Before it blocks, an event is taken and its bytes are consumed by other means
//! that do not block, so that nothing but the operation under test can arm the next event.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, TcpStream as StdTcpStream};
use std::time::{Duration, Instant};

use poised::event::Source;
use poised::net::{TcpListener, TcpStream, UdpSocket};
use poised::{Interest, Token};

use crate::links::{over_links, tcp_pair, Link};
use crate::util::leak::leaves_nothing_open;
use crate::util::{expect_would_block, on_wasi, Harness, PATIENCE};

const IT: Token = Token(3);

/// An operation, and its name.
type Row<S> = (&'static str, fn(&mut S) -> io::Result<usize>);

/// For each row: `feed` makes the source readable, `take` consumes that, the row's operation blocks, and what `feed`
/// brings next must be reported.
fn check_reads<S: Source>(source: &mut S, rows: &[Row<S>], mut feed: impl FnMut(), mut take: impl FnMut(&mut S)) {
    let mut harness = Harness::new();
    harness.register(source, IT, Interest::READABLE);
    for (name, operation) in rows {
        if name.starts_with("peek") && on_wasi("has no peek") {
            continue;
        }
        for round in 0..3 {
            feed();
            harness.expect_readable(IT);
            assert!(operation(source).is_ok(), "{name}, round {round}: readable");
            drain(source, &mut take, *operation);
            expect_would_block(operation(source));
        }
    }
    feed();
    harness.expect_readable(IT);
}

/// Takes what is left after an operation that may have taken it itself.
fn drain<S>(source: &mut S, take: &mut impl FnMut(&mut S), operation: fn(&mut S) -> io::Result<usize>) {
    if operation(source).is_ok() {
        take(source);
    }
}

/// For each row: the operation fills the source until it blocks, `empty` makes room, and the room must be reported.
fn check_writes<S: Source>(source: &mut S, rows: &[Row<S>], mut empty: impl FnMut()) {
    let mut harness = Harness::new();
    harness.register(source, IT, Interest::WRITABLE);
    harness.expect_writable(IT);
    for (name, operation) in rows {
        loop {
            match operation(source) {
                Ok(n) => assert!(n > 0, "{name}"),
                Err(error) => break assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{name}"),
            }
        }
        expect_room(&mut harness, name, &mut empty);
    }
}

/// Bytes may still be under way to the other end, so it is emptied again and again.
fn expect_room(harness: &mut Harness, name: &str, empty: &mut impl FnMut()) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        empty();
        harness.poll.poll(&mut harness.events, Some(Duration::from_millis(5))).expect("poll");
        if harness.events.iter().any(|event| event.token() == IT && event.is_writable()) {
            return;
        }
        assert!(Instant::now() < deadline, "{name}: no room was reported");
    }
}

over_links!(p03_read, p03_write);

fn p03_read(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, IT, Interest::READABLE);
    // A read that blocks before anything ever came arms the first event as well.
    expect_would_block(link.reader.recv(&mut [0; 8]));
    for _ in 0..10 {
        link.send(b"ping");
        harness.expect_readable(IT);
        link.receive_all(b"ping");
    }
}

fn p03_write(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.writer, IT, Interest::WRITABLE);
    harness.expect_writable(IT);
    // A UDP socket on the loopback interface drops instead of blocking.
    let full = (0..10_000).find_map(|_| link.writer.send(&[7; 4096]).err());
    if let Some(error) = full {
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        let reader = &mut link.reader;
        expect_room(&mut harness, "send", &mut || while reader.recv(&mut [0; 4096]).is_ok() {});
    }
}

const STREAM_WRITES: [Row<TcpStream>; 4] = [
    ("write", |stream| stream.write(&[1; 4096])),
    ("write by reference", |stream| (&*stream).write(&[1; 4096])),
    ("write_vectored", |stream| stream.write_vectored(&[IoSlice::new(&[1; 4096]), IoSlice::new(&[2; 4096])])),
    ("try_io", |stream| {
        let stream = &*stream;
        stream.try_io(|| write_raw(stream, &[3; 4096]))
    }),
];

const STREAM_READS: [Row<TcpStream>; 5] = [
    ("read", |stream| stream.read(&mut [0; 1])),
    ("read by reference", |stream| (&*stream).read(&mut [0; 1])),
    ("read_vectored", |stream| stream.read_vectored(&mut [IoSliceMut::new(&mut [0; 1])])),
    ("peek", |stream| stream.peek(&mut [0; 1])),
    ("try_io", |stream| {
        let stream = &*stream;
        stream.try_io(|| read_raw(stream, &mut [0; 1]))
    }),
];

/// Reads past poised: what a C library on the same socket would do.
#[cfg(unix)]
fn read_raw(stream: &(impl std::os::fd::AsFd + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    std::fs::File::from(stream.as_fd().try_clone_to_owned()?).read(buffer)
}

#[cfg(unix)]
fn write_raw(stream: &(impl std::os::fd::AsFd + ?Sized), bytes: &[u8]) -> io::Result<usize> {
    std::fs::File::from(stream.as_fd().try_clone_to_owned()?).write(bytes)
}

#[cfg(windows)]
fn read_raw(stream: &impl std::os::windows::io::AsSocket, buffer: &mut [u8]) -> io::Result<usize> {
    StdTcpStream::from(stream.as_socket().try_clone_to_owned()?).read(buffer)
}

#[cfg(windows)]
fn write_raw(stream: &impl std::os::windows::io::AsSocket, bytes: &[u8]) -> io::Result<usize> {
    StdTcpStream::from(stream.as_socket().try_clone_to_owned()?).write(bytes)
}

/// There is no second descriptor to be had: the socket is borrowed.
#[cfg(target_family = "wasm")]
fn borrowed(source: &impl std::os::fd::AsRawFd) -> std::mem::ManuallyDrop<StdTcpStream> {
    // SAFETY: the descriptor is open as long as its owner, who calls this, and is not closed here.
    #[allow(unsafe_code)]
    std::mem::ManuallyDrop::new(unsafe { std::os::fd::FromRawFd::from_raw_fd(source.as_raw_fd()) })
}

#[cfg(target_family = "wasm")]
fn read_raw(source: &impl std::os::fd::AsRawFd, buffer: &mut [u8]) -> io::Result<usize> {
    (&*borrowed(source)).read(buffer)
}

#[cfg(target_family = "wasm")]
fn write_raw(source: &impl std::os::fd::AsRawFd, bytes: &[u8]) -> io::Result<usize> {
    (&*borrowed(source)).write(bytes)
}

#[test]
fn p03_tcp_stream_reads() {
    let (one, mut other) = tcp_pair();
    let mut stream = TcpStream::from_std(one);
    let take = |stream: &mut TcpStream| assert_eq!(stream.read(&mut [0; 1]).unwrap(), 1);
    check_reads(&mut stream, &STREAM_READS, || assert_eq!(other.write(b"x").unwrap(), 1), take);
}

#[test]
fn p03_tcp_stream_writes() {
    let (one, mut other) = tcp_pair();
    let mut stream = TcpStream::from_std(one);
    check_writes(&mut stream, &STREAM_WRITES, || while other.read(&mut [0; 65536]).is_ok() {});
}

#[test]
fn p03_tcp_accept() {
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let rows: [Row<TcpListener>; 1] = [("accept", |listener| listener.accept().map(|_| 1))];
    let mut clients = Vec::new();
    check_reads(&mut listener, &rows, || clients.push(StdTcpStream::connect(address).unwrap()), |_| {});
}

#[test]
fn p03_udp_reads() {
    let other = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    socket.connect(other.local_addr().unwrap()).unwrap();
    let rows: [Row<UdpSocket>; 5] = [
        ("recv", |socket| socket.recv(&mut [0; 8])),
        ("recv_from", |socket| socket.recv_from(&mut [0; 8]).map(|(n, _)| n)),
        ("peek", |socket| socket.peek(&mut [0; 8])),
        ("peek_from", |socket| socket.peek_from(&mut [0; 8]).map(|(n, _)| n)),
        ("try_io", |socket| {
            let socket = &*socket;
            socket.try_io(|| read_raw(socket, &mut [0; 8]))
        }),
    ];
    let take = |socket: &mut UdpSocket| assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 2);
    check_reads(&mut socket, &rows, || assert_eq!(other.send_to(b"hi", address).unwrap(), 2), take);
}

#[cfg(unix)]
mod unix {
    //! The operations of the kinds that Unix adds.

    use std::os::unix::net::UnixStream as StdUnixStream;

    use poised::net::{UnixDatagram, UnixListener, UnixStream};
    use poised::unix::pipe::{self, Receiver, Sender};
    use poised::IoSource;

    use super::{check_reads, check_writes, read_raw, write_raw, IoSlice, IoSliceMut, Read, Row, Write};
    use crate::util::drain;
    use crate::util::leak::leaves_nothing_open;
    use poised::Interest;

    #[test]
    fn p03_unix_stream_reads() {
        let (mut stream, mut other) = UnixStream::pair().unwrap();
        let rows: [Row<UnixStream>; 4] = [
            ("read", |stream| stream.read(&mut [0; 1])),
            ("read by reference", |stream| (&*stream).read(&mut [0; 1])),
            ("read_vectored", |stream| stream.read_vectored(&mut [IoSliceMut::new(&mut [0; 1])])),
            ("try_io", |stream| {
                let stream = &*stream;
                stream.try_io(|| read_raw(stream, &mut [0; 1]))
            }),
        ];
        check_reads(&mut stream, &rows, || assert_eq!(other.write(b"x").unwrap(), 1), |_| {});
    }

    #[test]
    fn p03_unix_stream_writes() {
        let (mut stream, other) = UnixStream::pair().unwrap();
        let rows: [Row<UnixStream>; 4] = [
            ("write", |stream| stream.write(&[1; 4096])),
            ("write by reference", |stream| (&*stream).write(&[1; 4096])),
            ("write_vectored", |stream| stream.write_vectored(&[IoSlice::new(&[1; 99]), IoSlice::new(&[2; 99])])),
            ("try_io", |stream| {
                let stream = &*stream;
                stream.try_io(|| write_raw(stream, &[3; 4096]))
            }),
        ];
        check_writes(&mut stream, &rows, || drop(drain(&other)));
    }

    #[test]
    fn p03_unix_accept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let mut listener = UnixListener::bind(&path).unwrap();
        let rows: [Row<UnixListener>; 1] = [("accept", |listener| listener.accept().map(|_| 1))];
        let mut clients = Vec::new();
        check_reads(&mut listener, &rows, || clients.push(StdUnixStream::connect(&path).unwrap()), |_| {});
    }

    #[test]
    fn p03_unix_datagram_reads() {
        let (mut socket, other) = UnixDatagram::pair().unwrap();
        let rows: [Row<UnixDatagram>; 3] = [
            ("recv", |socket| socket.recv(&mut [0; 8])),
            ("recv_from", |socket| socket.recv_from(&mut [0; 8]).map(|(n, _)| n)),
            ("try_io", |socket| {
                let socket = &*socket;
                socket.try_io(|| read_raw(socket, &mut [0; 8]))
            }),
        ];
        check_reads(&mut socket, &rows, || assert_eq!(other.send(b"hi").unwrap(), 2), |_| {});
    }

    #[test]
    fn p03_unix_datagram_writes() {
        let (mut socket, other) = UnixDatagram::pair().unwrap();
        let rows: [Row<UnixDatagram>; 2] = [
            ("send", |socket| socket.send(&[1; 512])),
            ("try_io", |socket| {
                let socket = &*socket;
                socket.try_io(|| write_raw(socket, &[3; 512]))
            }),
        ];
        check_writes(&mut socket, &rows, || while other.recv(&mut [0; 512]).is_ok() {});
    }

    #[test]
    fn p03_unix_datagram_send_to() {
        let dir = tempfile::tempdir().unwrap();
        // The working directory belongs to the process, so the name is absolute and the row finds it by the peer's.
        let other = UnixDatagram::bind(dir.path().join("other")).unwrap();
        let mut socket = UnixDatagram::unbound().unwrap();
        socket.connect(dir.path().join("other")).unwrap();
        let rows: [Row<UnixDatagram>; 1] = [("send_to", |socket| {
            let peer = socket.peer_addr()?;
            socket.send_to(&[1; 512], peer.as_pathname().expect("a path"))
        })];
        check_writes(&mut socket, &rows, || while other.recv(&mut [0; 512]).is_ok() {});
    }

    #[test]
    fn p03_pipe_reads() {
        let (mut sender, mut receiver) = pipe::new().unwrap();
        let rows: [Row<Receiver>; 4] = [
            ("read", |pipe| pipe.read(&mut [0; 1])),
            ("read by reference", |pipe| (&*pipe).read(&mut [0; 1])),
            ("read_vectored", |pipe| pipe.read_vectored(&mut [IoSliceMut::new(&mut [0; 1])])),
            ("try_io", |pipe| {
                let pipe = &*pipe;
                pipe.try_io(|| read_raw(pipe, &mut [0; 1]))
            }),
        ];
        check_reads(&mut receiver, &rows, || assert_eq!(sender.write(b"x").unwrap(), 1), |_| {});
    }

    #[test]
    fn p03_pipe_writes() {
        let (mut sender, receiver) = pipe::new().unwrap();
        let rows: [Row<Sender>; 4] = [
            ("write", |pipe| pipe.write(&[1; 512])),
            ("write by reference", |pipe| (&*pipe).write(&[1; 512])),
            ("write_vectored", |pipe| pipe.write_vectored(&[IoSlice::new(&[1; 256]), IoSlice::new(&[2; 256])])),
            ("try_io", |pipe| {
                let pipe = &*pipe;
                pipe.try_io(|| write_raw(pipe, &[3; 512]))
            }),
        ];
        check_writes(&mut sender, &rows, || drop(drain(&receiver)));
    }

    #[test]
    fn p03_io_source() {
        type It = IoSource<StdUnixStream>;
        let (one, other) = StdUnixStream::pair().unwrap();
        one.set_nonblocking(true).unwrap();
        other.set_nonblocking(true).unwrap();
        let mut source = IoSource::new(one);
        let reads: [Row<It>; 1] =
            [("do_io", |source| source.do_io(Interest::READABLE, |mut stream| stream.read(&mut [0; 1])))];
        check_reads(&mut source, &reads, || assert_eq!((&other).write(b"x").unwrap(), 1), |_| {});
        let mut source = IoSource::new(source.into_inner());
        let writes: [Row<It>; 1] =
            [("do_io", |source| source.do_io(Interest::WRITABLE, |mut stream| stream.write(&[1; 4096])))];
        check_writes(&mut source, &writes, || drop(drain(&other)));
    }

    leaves_nothing_open!(
        p03_unix_stream_reads,
        p03_unix_stream_writes,
        p03_unix_accept,
        p03_unix_datagram_reads,
        p03_unix_datagram_writes,
        p03_unix_datagram_send_to,
        p03_pipe_reads,
        p03_pipe_writes,
        p03_io_source,
    );
}

leaves_nothing_open!(p03_tcp_stream_reads, p03_tcp_stream_writes, p03_tcp_accept, p03_udp_reads,);
