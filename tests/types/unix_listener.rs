//! `net::UnixListener`.

use std::io::{ErrorKind, Write};
use std::os::unix::net::{SocketAddr, UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};

use poised::net::UnixListener;
use poised::{Interest, Token};
use tempfile::TempDir;

use crate::util::leak::leaves_nothing_open;
use crate::util::{drain, expect_error, expect_would_block, Harness};

const IT: Token = Token(10);

/// A directory that goes away with the test, and a free path in it.
fn free_path() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    (dir, path)
}

/// Says that a client can come in at `path`.
#[track_caller]
fn takes_a_client(listener: &mut UnixListener, path: &Path) {
    let mut harness = Harness::new();
    harness.register(listener, IT, Interest::READABLE);
    expect_would_block(listener.accept());
    let mut client = StdUnixStream::connect(path).unwrap();
    harness.expect_readable(IT);
    let (mut stream, from) = listener.accept().unwrap();
    assert!(from.is_unnamed(), "{from:?}");
    expect_would_block(listener.accept());

    harness.register(&mut stream, Token(11), Interest::READABLE);
    client.write_all(b"hi").unwrap();
    harness.expect_readable(Token(11));
    assert_eq!(drain(&stream), (b"hi".to_vec(), false), "an accepted stream does not block");
    harness.deregister(listener);
}

#[test]
fn bind_and_accept() {
    let (_dir, path) = free_path();
    let mut listener = UnixListener::bind(&path).unwrap();
    assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(path.as_path()));
    takes_a_client(&mut listener, &path);
}

#[test]
fn bind_addr_with_a_path() {
    let (_dir, path) = free_path();
    let mut listener = UnixListener::bind_addr(&SocketAddr::from_pathname(&path).unwrap()).unwrap();
    assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(path.as_path()));
    takes_a_client(&mut listener, &path);
}

/// The standard library binds no stream before it connects it, so nix does.
#[cfg(target_os = "linux")]
#[test]
fn the_address_of_a_peer_that_has_one() {
    use nix::sys::socket::{bind, connect, socket, AddressFamily, SockFlag, SockType, UnixAddr};
    use std::os::fd::AsRawFd;

    let (dir, path) = free_path();
    let own = dir.path().join("client");
    let listener = UnixListener::bind(&path).unwrap();
    let client = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(client.as_raw_fd(), &UnixAddr::new(&own).unwrap()).unwrap();
    connect(client.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
    let (stream, from) = listener.accept().unwrap();
    assert_eq!(from.as_pathname(), Some(own.as_path()));
    assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(own.as_path()));
}

#[test]
fn accepts_all_that_wait() {
    let (_dir, path) = free_path();
    let mut listener = UnixListener::bind(&path).unwrap();
    let mut harness = Harness::new();
    let clients: Vec<_> = (0..20).map(|_| StdUnixStream::connect(&path).unwrap()).collect();
    harness.register(&mut listener, IT, Interest::READABLE);
    harness.expect_readable(IT);
    let accepted = std::iter::from_fn(|| listener.accept().ok()).count();
    assert_eq!(accepted, clients.len());
    expect_would_block(listener.accept());
}

#[test]
fn bind_to_a_path_in_use() {
    let (_dir, path) = free_path();
    let first = UnixListener::bind(&path).unwrap();
    expect_error(UnixListener::bind(&path), ErrorKind::AddrInUse);
    drop(first);
    // The file stays, as everywhere: it is the user's to remove.
    expect_error(UnixListener::bind(&path), ErrorKind::AddrInUse);
    std::fs::remove_file(&path).unwrap();
    UnixListener::bind(&path).unwrap();
}

#[test]
fn bind_to_the_longest_path() {
    let dir = tempfile::tempdir().unwrap();
    let room = if cfg!(any(target_os = "linux", target_os = "android")) { 108 } else { 104 } - 1;
    let name = "n".repeat(room - dir.path().as_os_str().len() - 1);
    let longest = dir.path().join(&name);
    let mut listener = UnixListener::bind(&longest).unwrap();
    assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(longest.as_path()));
    takes_a_client(&mut listener, &longest);
    expect_error(UnixListener::bind(dir.path().join(name + "n")), ErrorKind::InvalidInput);
}

#[test]
fn take_error_without_an_error() {
    let (_dir, path) = free_path();
    assert!(UnixListener::bind(path).unwrap().take_error().unwrap().is_none());
}

#[test]
fn from_std_and_back() {
    let (_dir, path) = free_path();
    let std = StdUnixListener::bind(&path).unwrap();
    std.set_nonblocking(true).unwrap();
    let mut listener = UnixListener::from_std(std);
    takes_a_client(&mut listener, &path);
    let std = StdUnixListener::from(listener);
    assert_eq!(std.local_addr().unwrap().as_pathname(), Some(path.as_path()));
}

#[test]
fn descriptor_round_trips() {
    let (_dir, path) = free_path();
    let listener = UnixListener::bind(&path).unwrap();
    let works = |listener: &UnixListener| expect_would_block(listener.accept());
    takes_a_client(&mut crate::handles::round_trips(listener, works), &path);
}

#[test]
fn debug_shows_the_address() {
    let (_dir, path) = free_path();
    let text = format!("{:?}", UnixListener::bind(&path).unwrap());
    assert!(text.contains("UnixListener") && text.contains(path.to_str().unwrap()), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn abstract_names() {
    use poised::net::UnixStream;
    use std::os::linux::net::SocketAddrExt;

    // The process' number makes the name this run's own; a NUL may stand anywhere in it.
    let name = format!("poised\0listener/{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let mut listener = UnixListener::bind_addr(&address).unwrap();
    let own = listener.local_addr().unwrap();
    assert_eq!(own.as_abstract_name(), Some(name.as_bytes()));
    assert!(own.as_pathname().is_none());
    expect_error(UnixListener::bind_addr(&address), ErrorKind::AddrInUse);

    let mut harness = Harness::new();
    harness.register(&mut listener, IT, Interest::READABLE);
    let client = UnixStream::connect_addr(&address).unwrap();
    assert_eq!(client.peer_addr().unwrap().as_abstract_name(), Some(name.as_bytes()));
    harness.expect_readable(IT);
    assert!(listener.accept().unwrap().1.is_unnamed());
    drop(listener);
    expect_error(UnixStream::connect_addr(&address), ErrorKind::ConnectionRefused);
}

/// What `bind` takes for a path it binds as a path, and an address without a name is refused or bound by the system.
#[cfg(target_os = "linux")]
#[test]
fn an_unnamed_address_gets_a_name() {
    use std::os::linux::net::SocketAddrExt;

    let unnamed = StdUnixStream::pair().unwrap().0.local_addr().unwrap();
    assert!(unnamed.is_unnamed());
    if let Ok(listener) = UnixListener::bind_addr(&unnamed) {
        let found = listener.local_addr().unwrap();
        assert!(found.as_abstract_name().is_some(), "Linux finds a name: {found:?}");
    }
}

leaves_nothing_open!(
    bind_and_accept,
    bind_addr_with_a_path,
    #[cfg(target_os = "linux")]
    the_address_of_a_peer_that_has_one,
    accepts_all_that_wait,
    bind_to_a_path_in_use,
    bind_to_the_longest_path,
    take_error_without_an_error,
    from_std_and_back,
    descriptor_round_trips,
    debug_shows_the_address,
    #[cfg(target_os = "linux")]
    abstract_names,
    #[cfg(target_os = "linux")]
    an_unnamed_address_gets_a_name,
);
