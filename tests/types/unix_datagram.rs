//! `net::UnixDatagram`.

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdUnixDatagram};
use std::path::PathBuf;

use poised::net::UnixDatagram;
use poised::{Interest, Token};
use tempfile::TempDir;

use crate::util::leak::leaves_nothing_open;
use crate::util::{expect_error, expect_would_block, Harness};

const IT: Token = Token(13);

/// A socket at a path that is registered with the harness for reading. The directory goes away with the test.
fn bound() -> (Harness, UnixDatagram, PathBuf, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let harness = Harness::new();
    let mut socket = UnixDatagram::bind(&path).unwrap();
    harness.register(&mut socket, IT, Interest::READABLE);
    (harness, socket, path, dir)
}

#[test]
fn a_pair_is_connected_and_unnamed() {
    let (one, other) = UnixDatagram::pair().unwrap();
    let mut harness = Harness::new();
    let mut one = one;
    harness.register(&mut one, IT, Interest::READABLE);
    for address in [one.local_addr(), one.peer_addr(), other.local_addr(), other.peer_addr()] {
        assert!(address.unwrap().is_unnamed());
    }
    expect_would_block(one.recv(&mut [0; 8]));
    assert_eq!(other.send(b"hello").unwrap(), 5);
    harness.expect_readable(IT);
    let mut buffer = [0; 8];
    assert_eq!(one.recv(&mut buffer).unwrap(), 5);
    assert_eq!(&buffer[..5], b"hello");
    expect_would_block(one.recv(&mut buffer));
}

#[test]
fn send_to_and_recv_from() {
    let (mut harness, receiver, path, dir) = bound();
    assert_eq!(receiver.local_addr().unwrap().as_pathname(), Some(path.as_path()));
    expect_would_block(receiver.recv_from(&mut [0; 8]));
    let own = dir.path().join("sender");
    let sender = UnixDatagram::bind(&own).unwrap();
    assert_eq!(sender.send_to(b"hello", &path).unwrap(), 5);
    harness.expect_readable(IT);
    let mut buffer = [0; 8];
    let (count, from) = receiver.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..count], from.as_pathname()), (&b"hello"[..], Some(own.as_path())));
    expect_would_block(receiver.recv_from(&mut buffer));
}

#[test]
fn a_sender_without_a_name() {
    let (mut harness, receiver, path, _dir) = bound();
    let sender = UnixDatagram::unbound().unwrap();
    assert!(sender.local_addr().unwrap().is_unnamed());
    sender.send_to(b"who?", &path).unwrap();
    harness.expect_readable(IT);
    let (count, from) = receiver.recv_from(&mut [0; 8]).unwrap();
    assert_eq!(count, 4);
    assert!(from.is_unnamed(), "{from:?}");
}

#[test]
fn connect_send_and_recv() {
    let (mut harness, receiver, path, _dir) = bound();
    let sender = UnixDatagram::unbound().unwrap();
    assert!(sender.peer_addr().is_err());
    expect_error(sender.send(b"to nobody"), ErrorKind::NotConnected);
    sender.connect(&path).unwrap();
    assert_eq!(sender.peer_addr().unwrap().as_pathname(), Some(path.as_path()));
    for text in [&b"one"[..], b"", b"three"] {
        assert_eq!(sender.send(text).unwrap(), text.len());
        harness.expect_readable(IT);
        let mut buffer = [0; 8];
        let count = receiver.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], text);
        expect_would_block(receiver.recv(&mut buffer));
    }
}

#[test]
fn bind_addr_with_a_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_pathname(&path).unwrap()).unwrap();
    assert_eq!(socket.local_addr().unwrap().as_pathname(), Some(path.as_path()));
    UnixDatagram::unbound().unwrap().send_to(b"x", &path).unwrap();
    assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn bind_addr_with_an_abstract_name() {
    use std::os::linux::net::SocketAddrExt;

    let name = format!("poised/datagram/{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    assert_eq!(socket.local_addr().unwrap().as_abstract_name(), Some(name.as_bytes()));
    let sender = StdUnixDatagram::unbound().unwrap();
    sender.send_to_addr(b"x", &address).unwrap();
    assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 1);
}

#[test]
fn datagrams_keep_their_bounds() {
    let (one, other) = UnixDatagram::pair().unwrap();
    for text in [&b"first"[..], b"second", b"third"] {
        other.send(text).unwrap();
    }
    let mut small = [0; 3];
    // What does not fit is cut off, and the next receive has the next datagram.
    assert_eq!(one.recv(&mut small).unwrap(), 3);
    assert_eq!(&small, b"fir");
    assert_eq!(one.recv(&mut small).unwrap(), 3);
    assert_eq!(&small, b"sec");
    let mut large = [0; 64];
    assert_eq!(one.recv(&mut large).unwrap(), 5);
    assert_eq!(&large[..5], b"third");
}

#[test]
fn errors() {
    let (_harness, _receiver, path, dir) = bound();
    expect_error(UnixDatagram::bind(&path), ErrorKind::AddrInUse);
    expect_error(UnixDatagram::bind("/x".repeat(100)), ErrorKind::InvalidInput);
    let sender = UnixDatagram::unbound().unwrap();
    expect_error(sender.connect(dir.path().join("nobody")), ErrorKind::NotFound);
    expect_error(sender.send_to(b"x", dir.path().join("nobody")), ErrorKind::NotFound);
    expect_error(sender.connect("/x".repeat(100)), ErrorKind::InvalidInput);
    expect_error(sender.send_to(b"x", "/x".repeat(100)), ErrorKind::InvalidInput);
    assert!(sender.take_error().unwrap().is_none());
}

#[test]
fn shutdown_of_writing() {
    let (one, other) = UnixDatagram::pair().unwrap();
    one.shutdown(Shutdown::Write).unwrap();
    expect_error(one.send(b"x"), ErrorKind::BrokenPipe);
    other.send(b"still").unwrap();
    assert_eq!(one.recv(&mut [0; 8]).unwrap(), 5);
    one.shutdown(Shutdown::Both).unwrap();
}

#[test]
fn a_full_peer_goes_on_when_there_is_room() {
    let (mut socket, other) = UnixDatagram::pair().unwrap();
    let mut harness = Harness::new();
    harness.register(&mut socket, IT, Interest::WRITABLE);
    for _ in 0..3 {
        harness.expect_writable(IT);
        let mut sent = 0;
        while let Ok(count) = socket.send(&[7; 100]) {
            assert_eq!(count, 100);
            sent += 1;
        }
        expect_would_block(socket.send(&[7; 100]));
        let received = std::iter::from_fn(|| other.recv(&mut [0; 200]).ok()).count();
        assert_eq!(received, sent);
    }
    harness.expect_writable(IT);
}

#[test]
fn try_io_gives_what_the_operation_gives() {
    let (socket, _other) = UnixDatagram::pair().unwrap();
    assert_eq!(socket.try_io(|| Ok(7)).unwrap(), 7);
    expect_would_block(socket.try_io(|| socket.recv(&mut [0; 8])));
    let mine = socket.try_io(|| io::Result::<()>::Err(io::Error::new(ErrorKind::Other, "mine")));
    assert_eq!(mine.unwrap_err().to_string(), "mine");
}

#[test]
fn from_std_and_back() {
    let (std, other) = StdUnixDatagram::pair().unwrap();
    std.set_nonblocking(true).unwrap();
    let mut harness = Harness::new();
    let mut socket = UnixDatagram::from_std(std);
    harness.register(&mut socket, IT, Interest::READABLE);
    other.send(b"x").unwrap();
    harness.expect_readable(IT);
    harness.deregister(&mut socket);
    assert_eq!(StdUnixDatagram::from(socket).recv(&mut [0; 8]).unwrap(), 1);
}

#[test]
fn descriptor_round_trips() {
    let (socket, other) = UnixDatagram::pair().unwrap();
    let works = |socket: &UnixDatagram| assert!(socket.peer_addr().unwrap().is_unnamed());
    let socket = crate::handles::round_trips(socket, works);
    socket.send(b"x").unwrap();
    assert_eq!(other.recv(&mut [0; 8]).unwrap(), 1);
}

#[test]
fn debug_names_the_type() {
    let (_harness, socket, path, _dir) = bound();
    let text = format!("{socket:?}");
    assert!(text.contains("UnixDatagram") && text.contains(path.to_str().unwrap()), "{text}");
}

leaves_nothing_open!(
    a_pair_is_connected_and_unnamed,
    send_to_and_recv_from,
    a_sender_without_a_name,
    connect_send_and_recv,
    bind_addr_with_a_path,
    #[cfg(target_os = "linux")]
    bind_addr_with_an_abstract_name,
    datagrams_keep_their_bounds,
    errors,
    shutdown_of_writing,
    a_full_peer_goes_on_when_there_is_room,
    try_io_gives_what_the_operation_gives,
    from_std_and_back,
    descriptor_round_trips,
    debug_names_the_type,
);
