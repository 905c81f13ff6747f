//! Scenarios 76 to 78 as far as they are about sockets of Unix and calls past the standard library.

use std::io::{ErrorKind, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use poised::net::{TcpListener, UnixDatagram, UnixListener, UnixStream};
use poised::{Interest, IoSource, Token};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::fault::{refusing, Refusal};
use crate::sockets::any;
use crate::util::leak::leaves_nothing_open;
use crate::util::{expect_error, expect_would_block, Harness, ON_KQUEUE};

const IT: Token = Token(76);

/// A socket that is registered before it connects is writable and hung up at once; that it connected came as no news,
/// for the connect says `EINPROGRESS` and no `WouldBlock` was seen (related: tokio-rs/mio#555).
#[test]
fn scenario_76_registered_before_it_connects() {
    let mut harness = Harness::new();
    let listener = TcpListener::bind(any()).unwrap();
    let address = listener.local_addr().unwrap();
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
    let mut source = IoSource::new(std::net::TcpStream::from(socket));
    harness.register(&mut source, IT, Interest::WRITABLE);
    if ON_KQUEUE {
        harness.expect_none();
    } else {
        harness.expect(IT, |seen| seen.write_closed);
    }
    let connect = |socket: &std::net::TcpStream| Ok(rustix::net::connect(socket, &address)?);
    let error = source.do_io(Interest::WRITABLE, connect).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EINPROGRESS));
    harness.expect_writable(IT);
    assert!(source.get_ref().take_error().unwrap().is_none());
    assert_eq!(source.get_ref().peer_addr().unwrap(), address);
}

/// Emulated kernels and sandboxes lack accept4 (P18; 84: Android on x86 ends a program that calls it): `accept` takes its
/// place, and what it gives is as non-blocking, and as little inherited.
#[test]
fn p18_accepted_where_the_kernel_lacks_accept4() {
    accepts_without_accept4(libc::ENOSYS);
}

/// The same where a sandbox forbids the call.
#[test]
fn p18_accepted_where_accept4_is_forbidden() {
    accepts_without_accept4(libc::EPERM);
}

fn accepts_without_accept4(errno: i32) {
    let listener = TcpListener::bind(any()).unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    refusing(Refusal::all(libc::SYS_accept4, errno), || {
        let (mut stream, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        expect_would_block(stream.read(&mut [0; 8]));
        assert!(rustix::io::fcntl_getfd(&stream).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        expect_would_block(listener.accept());
    });
}

/// A listener on a path, whose queue takes one connection.
fn narrow_listener(path: &Path) -> UnixListener {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
    rustix::net::bind(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    UnixListener::from(socket)
}

/// With the listener's queue full, connecting gave a stream that was not connected and would never be, and said so at
/// its first use only (tokio-rs/mio#1560, tokio-rs/tokio#3879).
#[test]
fn scenario_77_full_backlog() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = narrow_listener(&path);
    let mut streams = Vec::new();
    let error = loop {
        match UnixStream::connect(&path) {
            Ok(stream) => streams.push(stream),
            Err(error) => break error,
        }
        assert!(streams.len() < 10, "the queue is never full");
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error:?}");
    expect_would_block(UnixStream::connect_addr(&SocketAddr::from_pathname(&path).unwrap()));
    for mut stream in streams {
        let (mut accepted, _) = listener.accept().unwrap();
        stream.write_all(b"!").unwrap();
        assert_eq!(accepted.read(&mut [0; 8]).unwrap(), 1);
    }
    UnixStream::connect(&path).expect("room in the queue again");
}

/// Peers without a name gave an address whose length was computed to less than nothing
/// (tokio-rs/mio#1817, and its change log for 0.7.7).
#[test]
fn scenario_78_unnamed_peers() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let stream = UnixStream::connect(&path).unwrap();
    let (accepted, peer) = listener.accept().unwrap();
    assert!(peer.is_unnamed(), "{peer:?}");
    assert!(accepted.peer_addr().unwrap().is_unnamed());
    assert!(stream.local_addr().unwrap().is_unnamed());
    assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(&*path));

    let path = directory.path().join("datagram");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    assert_eq!(sender.send_to(b"!", &path).unwrap(), 1);
    let (bytes, from) = receiver.recv_from(&mut [0; 8]).unwrap();
    assert_eq!(bytes, 1);
    assert!(from.is_unnamed(), "{from:?}");
    let (one, _two) = UnixDatagram::pair().unwrap();
    assert!(one.local_addr().unwrap().is_unnamed() && one.peer_addr().unwrap().is_unnamed());
}

/// Abstract names hold any bytes and end with the length, not with a zero (tokio-rs/mio#1817).
#[test]
fn scenario_78_abstract_names() {
    let unique = format!("poised {}", std::process::id());
    let names = [unique.clone().into_bytes(), [unique.as_bytes(), b"\0zero\0"].concat(), {
        let mut longest = unique.into_bytes();
        longest.resize(107, b'x');
        longest
    }];
    for name in names {
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_abstract_name(), Some(&*name));
        let stream = UnixStream::connect_addr(&address).unwrap();
        assert_eq!(stream.peer_addr().unwrap().as_abstract_name(), Some(&*name));
        assert!(listener.accept().unwrap().1.is_unnamed());
        drop(listener);

        let receiver = UnixDatagram::bind_addr(&address).unwrap();
        assert_eq!(receiver.local_addr().unwrap().as_abstract_name(), Some(&*name));
    }
}

/// Paths at the limit of length lost their last byte or were refused, and longer ones were cut
/// (tokio-rs/mio#1817, and its change log for 0.7.7).
#[test]
fn scenario_78_longest_path() {
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let base = directory.path().as_os_str().len() + 1;
    let longest = directory.path().join("p".repeat(107 - base));
    let listener = UnixListener::bind(&longest).unwrap();
    assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*longest));
    let stream = UnixStream::connect(&longest).unwrap();
    assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(&*longest));
    listener.accept().unwrap();

    let sender = UnixDatagram::bind(directory.path().join("q".repeat(107 - base))).unwrap();
    let receiver = UnixDatagram::bind(directory.path().join("r")).unwrap();
    sender.send_to(b"!", directory.path().join("r")).unwrap();
    let from = receiver.recv_from(&mut [0; 8]).unwrap().1;
    assert_eq!(from.as_pathname().unwrap().as_os_str().len(), 107);

    let too_long = directory.path().join("p".repeat(108 - base));
    expect_error(UnixListener::bind(&too_long), ErrorKind::InvalidInput);
    expect_error(UnixStream::connect(&too_long), ErrorKind::InvalidInput);
    expect_error(UnixDatagram::bind(&too_long), ErrorKind::InvalidInput);
    expect_error(sender.send_to(b"!", &too_long), ErrorKind::InvalidInput);
    expect_error(sender.connect(&too_long), ErrorKind::InvalidInput);
}

/// A path that is no path: empty, or with a zero at its end, which is not the path that was meant
/// (tokio-rs/mio#1817).
#[test]
fn scenario_78_zero_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = directory.path().join("socket").as_os_str().as_bytes().to_vec();
    bytes.push(0);
    let path = Path::new(std::ffi::OsStr::from_bytes(&bytes));
    expect_error(UnixListener::bind(path), ErrorKind::InvalidInput);
    expect_error(UnixStream::connect(path), ErrorKind::InvalidInput);
    expect_error(UnixDatagram::bind(path), ErrorKind::InvalidInput);
    UnixStream::connect("").expect_err("there is nobody without a name");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

leaves_nothing_open!(
    scenario_76_registered_before_it_connects,
    p18_accepted_where_the_kernel_lacks_accept4,
    p18_accepted_where_accept4_is_forbidden,
    scenario_77_full_backlog,
    scenario_78_unnamed_peers,
    scenario_78_abstract_names,
    scenario_78_longest_path,
    scenario_78_zero_at_the_end,
);
