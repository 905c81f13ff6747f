//! P17 A non-blocking connect completes as `TcpStream::connect` documents: writable, `take_error`, `peer_addr`.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdTcpListener};

use poised::net::{TcpListener, TcpStream, UdpSocket};
use poised::{Interest, Token};

use crate::util::leak::leaves_nothing_open;
use crate::util::{drain, on_wasi, on_wine, warm, Harness, PATIENCE};

const CLIENT: Token = Token(20);
const SERVER: Token = Token(21);

/// The documented steps, up to the stream that can be used.
#[track_caller]
fn connect(harness: &mut Harness, address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connect that has begun");
    harness.register(&mut stream, CLIENT, Interest::WRITABLE);
    harness.expect_writable(CLIENT);
    assert!(stream.take_error().unwrap().is_none());
    assert_eq!(stream.peer_addr().expect("connected"), address);
    stream
}

#[test]
fn p17_connect_in_six_steps() {
    let mut localhosts = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    if StdTcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        localhosts.push((Ipv6Addr::LOCALHOST, 0).into());
    }
    for localhost in localhosts {
        let mut harness = Harness::new();
        let mut listener = TcpListener::bind(localhost).unwrap();
        harness.register(&mut listener, SERVER, Interest::READABLE);
        let mut stream = connect(&mut harness, listener.local_addr().unwrap());
        harness.reregister(&mut listener, SERVER, Interest::READABLE);
        harness.expect_readable(SERVER);
        let (mut accepted, from) = listener.accept().unwrap();
        warm(&mut accepted);
        assert_eq!(from, stream.local_addr().unwrap());

        harness.reregister(&mut stream, CLIENT, Interest::READABLE);
        accepted.write_all(b"welcome").unwrap();
        harness.expect_readable(CLIENT);
        assert_eq!(drain(&stream), (b"welcome".to_vec(), false));
    }
}

#[test]
fn p17_refused() {
    let nobody = StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let mut harness = Harness::new();
    for interest in [Interest::WRITABLE, Interest::READABLE, Interest::READABLE | Interest::WRITABLE] {
        let mut stream = match TcpStream::connect(nobody) {
            Err(error) if on_wasi("may know of the refusal at once") => {
                assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
                continue;
            }
            begun => begun.expect("a connect that has begun"),
        };
        harness.register(&mut stream, CLIENT, interest);
        harness.expect(CLIENT, |seen| {
            let as_asked = seen.readable && on_wasi("tells of a failure as of what was asked for");
            seen.error || seen.writable || seen.read_closed || as_asked
        });
        let error = stream.take_error().unwrap().expect("why it failed");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        if !on_wine("keeps SO_ERROR after it was read") && !on_wasi("keeps SO_ERROR after it was read") {
            assert!(stream.take_error().unwrap().is_none(), "the error is told once");
        }
        assert!(stream.peer_addr().is_err());
    }
}

#[test]
fn p17_connect_then_register_late() {
    let listener = StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    // The connection stands before anybody is told about it.
    let mut harness = Harness::new();
    harness.register(&mut stream, CLIENT, Interest::READABLE | Interest::WRITABLE);
    harness.expect_writable(CLIENT);
    stream.write_all(b"hello").unwrap();
    let mut buffer = [0; 5];
    accepted.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"hello");
}

/// A listener whose queue is full leaves a connect pending: that must neither block nor be reported as done.
#[cfg(target_os = "linux")]
#[test]
fn p17_pending_connect_is_silent() {
    use nix::sys::socket::{listen, Backlog};

    let listener = StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listen(&listener, Backlog::new(0).unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut harness = Harness::new();
    let mut streams = Vec::new();
    for number in 0..8 {
        let mut stream = TcpStream::connect(address).expect("connect does not wait");
        harness.register(&mut stream, Token(number), Interest::WRITABLE);
        streams.push(stream);
    }
    let done: Vec<_> = harness.until_sentinel().iter().map(|event| event.token().0).collect();
    for (number, stream) in streams.iter().enumerate() {
        if !done.contains(&number) {
            let error = stream.peer_addr().expect_err("it is pending");
            assert_eq!(error.kind(), ErrorKind::NotConnected);
            assert!(stream.take_error().unwrap().is_none());
        }
    }
    assert!(done.len() < streams.len(), "a queue of zero took them all");
}

#[test]
fn p17_many_at_once() {
    let mut harness = Harness::new();
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    harness.register(&mut listener, SERVER, Interest::READABLE);
    let count = if on_wasi("has a hundred descriptors: 40 at once") { 40 } else { 64 };
    let mut streams: Vec<_> = (0..count).map(|_| TcpStream::connect(address).unwrap()).collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        harness.register(stream, Token(100 + number), Interest::WRITABLE);
    }
    let mut accepted = Vec::new();
    let mut writable = std::collections::BTreeSet::new();
    while accepted.len() < streams.len() || writable.len() < streams.len() {
        harness.poll.poll(&mut harness.events, Some(PATIENCE)).unwrap();
        assert!(!harness.events.is_empty(), "{} accepted, {} writable", accepted.len(), writable.len());
        for event in &harness.events {
            match event.token() {
                SERVER => accepted.extend(std::iter::from_fn(|| listener.accept().ok())),
                token => drop(writable.insert(token)),
            }
        }
    }
    for stream in &streams {
        assert!(stream.take_error().unwrap().is_none());
        assert_eq!(stream.peer_addr().unwrap(), address);
    }
}

#[test]
fn p17_udp_connect() {
    let mut harness = Harness::new();
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let mut socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    socket.connect(peer.local_addr().unwrap()).unwrap();
    harness.register(&mut socket, CLIENT, Interest::WRITABLE);
    harness.expect_writable(CLIENT);
    assert_eq!(socket.peer_addr().unwrap(), peer.local_addr().unwrap());
    assert!(on_wasi("has no SO_ERROR for UDP") || socket.take_error().unwrap().is_none());
}

#[cfg(unix)]
#[test]
fn p17_unix_connect() {
    use poised::net::{UnixListener, UnixStream};

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let mut harness = Harness::new();
    let mut listener = UnixListener::bind(&path).unwrap();
    harness.register(&mut listener, SERVER, Interest::READABLE);
    let mut stream = UnixStream::connect(&path).unwrap();
    harness.register(&mut stream, CLIENT, Interest::WRITABLE);
    harness.expect_writable(CLIENT);
    assert!(stream.take_error().unwrap().is_none());
    assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(path.as_path()));
    harness.reregister(&mut listener, SERVER, Interest::READABLE);
    harness.expect_readable(SERVER);
    listener.accept().unwrap();
}

leaves_nothing_open!(
    p17_connect_in_six_steps,
    p17_refused,
    p17_connect_then_register_late,
    #[cfg(target_os = "linux")]
    p17_pending_connect_is_silent,
    p17_many_at_once,
    p17_udp_connect,
    #[cfg(unix)]
    p17_unix_connect,
);
