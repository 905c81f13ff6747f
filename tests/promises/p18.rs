//! P18 Every socket, pipe and handle that poised makes or accepts is non-blocking and not inherited by child processes.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream as StdTcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::Command;

use poised::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use poised::unix::pipe;
use poised::{Interest, Token, Waker};

use crate::util::leak::leaves_nothing_open;
use crate::util::linux::{is_cloexec, is_nonblocking};
use crate::util::{isolated, open_descriptors, Harness};

const LOCALHOST: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// One of each that poised makes, by name.
fn everything(dir: &std::path::Path) -> Vec<(&'static str, OwnedFd)> {
    let localhost = SocketAddr::from(LOCALHOST);
    let listener = TcpListener::bind(localhost).unwrap();
    let address = listener.local_addr().unwrap();
    let unix = UnixListener::bind(dir.join("stream")).unwrap();
    let (left, right) = UnixStream::pair().unwrap();
    let (one, two) = UnixDatagram::pair().unwrap();
    let (sender, receiver) = pipe::new().unwrap();
    vec![
        ("TcpStream::connect", TcpStream::connect(address).unwrap().into()),
        ("TcpListener::accept", accepted(listener)),
        ("TcpListener::bind", TcpListener::bind(localhost).unwrap().into()),
        ("UdpSocket::bind", UdpSocket::bind(localhost).unwrap().into()),
        ("UnixStream::connect", UnixStream::connect(dir.join("stream")).unwrap().into()),
        ("UnixListener::accept", accepted_unix(&unix, dir)),
        ("UnixListener::bind", unix.into()),
        ("UnixStream::pair, left", left.into()),
        ("UnixStream::pair, right", right.into()),
        ("UnixDatagram::pair, one", one.into()),
        ("UnixDatagram::pair, two", two.into()),
        ("UnixDatagram::bind", UnixDatagram::bind(dir.join("datagram")).unwrap().into()),
        ("UnixDatagram::unbound", UnixDatagram::unbound().unwrap().into()),
        ("pipe::Sender", sender.into()),
        ("pipe::Receiver", receiver.into()),
    ]
}

fn accepted(mut listener: TcpListener) -> OwnedFd {
    let _client = StdTcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut harness = Harness::new();
    harness.register(&mut listener, Token(0), Interest::READABLE);
    harness.expect_readable(Token(0));
    listener.accept().unwrap().0.into()
}

fn accepted_unix(listener: &UnixListener, dir: &std::path::Path) -> OwnedFd {
    let _client = StdUnixStream::connect(dir.join("stream")).unwrap();
    listener.accept().unwrap().0.into()
}

#[test]
fn p18_non_blocking_and_close_on_exec() {
    let dir = tempfile::tempdir().unwrap();
    for (name, fd) in everything(dir.path()) {
        assert!(is_nonblocking(&fd), "{name} blocks");
        assert!(is_cloexec(&fd), "{name} is inherited");
    }
}

/// What poised holds for itself (selector, wakers, clones of the registry) has no accessor on every backend, so a child
/// says what it finds open: the same as without poised.
#[test]
fn p18_a_child_inherits_nothing() {
    isolated("p18::p18_a_child_inherits_nothing", || {
        let before = what_a_child_has();
        let dir = tempfile::tempdir().unwrap();
        let everything = everything(dir.path());
        let mut harness = Harness::new();
        let registry = harness.poll.registry().try_clone().unwrap();
        let waker = Waker::new(&registry, Token(1)).unwrap();
        let mut stream = TcpStream::from_std(crate::links::tcp_pair().0);
        harness.register(&mut stream, Token(2), Interest::READABLE);
        harness.turn();
        assert!(open_descriptors() > everything.len());
        assert_eq!(what_a_child_has(), before);
        drop((waker, everything));
    });
}

/// A waker's own descriptor has no accessor: the kernel says how each one that appeared was opened.
#[test]
fn p18_a_waker_holds_nothing_that_blocks() {
    isolated("p18::p18_a_waker_holds_nothing_that_blocks", || {
        let harness = Harness::new();
        let before = open_flags();
        let wakers: Vec<_> = (0..3).map(|n| Waker::new(harness.poll.registry(), Token(n)).unwrap()).collect();
        for (number, flags) in open_flags() {
            if !before.contains_key(&number) {
                assert_ne!(flags & libc::O_NONBLOCK, 0, "descriptor {number}: {flags:o}");
                assert_ne!(flags & libc::O_CLOEXEC, 0, "descriptor {number}: {flags:o}");
            }
        }
        drop(wakers);
    });
}

/// The flags of every open descriptor, by its number, as /proc/self/fdinfo has them: in octal.
fn open_flags() -> BTreeMap<String, i32> {
    let entries = std::fs::read_dir("/proc/self/fdinfo").expect("fdinfo");
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    // The directory itself is open while it is read, and closed now: only glibc's reading would not block.
    let read = |name: String| Some((std::fs::read_to_string(format!("/proc/self/fdinfo/{name}")).ok()?, name));
    let texts = names.into_iter().filter_map(read);
    texts.map(|(text, name)| (name, flags_in(&text))).collect()
}

fn flags_in(fdinfo: &str) -> i32 {
    let flags = fdinfo.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags");
    i32::from_str_radix(flags.trim(), 8).expect("an octal number")
}

/// The numbers of the descriptors that a new programme finds open.
fn what_a_child_has() -> Vec<String> {
    let output = Command::new("ls").arg("/proc/self/fd").output().expect("ls");
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

leaves_nothing_open!(
    p18_non_blocking_and_close_on_exec,
    p18_a_child_inherits_nothing,
    p18_a_waker_holds_nothing_that_blocks,
);
