//! Scenario 23: what a child process inherits. The standard library spawns with inheritance on, for the three standard
//! handles, so that a child gets whatever may be inherited.

use std::io::{ErrorKind, Read};
use std::net::{TcpListener as StdTcpListener, TcpStream as StdTcpStream};
use std::os::windows::io::{AsRawHandle, AsRawSocket, RawHandle};
use std::process::{Child, Command, Stdio};

use poised::net::{TcpListener, TcpStream, UdpSocket};
use poised::windows::NamedPipe;
use poised::{Interest, Poll, Token, Waker};
use windows_sys::Win32::Foundation::{SetHandleInformation, HANDLE_FLAG_INHERIT};

use crate::pipes::{name, open, open_blocking};
use crate::sockets::local;
use crate::util::leak::{self, leaves_nothing_open};
use crate::util::{expect_error, expect_would_block, Harness};

const SITTER: &str = "POISED_TEST_SITTER";

/// A child that sits there until it is told to go.
struct Sitter(Child);

impl Sitter {
    fn new() -> Sitter {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "children::a_child_that_sits_there"]).env(SITTER, "1");
        Sitter(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    /// It was there all the time.
    fn end(mut self) {
        assert!(self.0.try_wait().unwrap().is_none(), "the child has gone too early");
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

#[test]
fn a_child_that_sits_there() {
    if std::env::var_os(SITTER).is_some() {
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    }
}

/// The handles of this process that a child would get.
fn inheritable() -> Vec<usize> {
    leak::handles().filter(|(_, flags)| flags & HANDLE_FLAG_INHERIT != 0).map(|(number, _)| number).collect()
}

/// An accepted socket, and its peer.
fn accepted() -> (TcpStream, StdTcpStream) {
    let mut listener = TcpListener::bind(local()).unwrap();
    let mut harness = Harness::new();
    harness.register(&mut listener, Token(0), Interest::READABLE);
    let peer = StdTcpStream::connect(listener.local_addr().unwrap()).unwrap();
    harness.expect_readable(Token(0));
    (listener.accept().unwrap().0, peer)
}

/// A socket that connects, and its peer.
fn connected() -> (TcpStream, StdTcpStream) {
    let listener = StdTcpListener::bind(local()).unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let peer = listener.accept().unwrap().0;
    // What the standard library accepts is inheritable under Wine.
    inherit(peer.as_raw_socket() as RawHandle, false);
    (stream, peer)
}

#[test]
fn p18_nothing_that_is_made_or_accepted_blocks() {
    let ((mut one, _peer), (mut other, _other_peer)) = (accepted(), connected());
    expect_would_block(one.read(&mut [0; 8]));
    expect_would_block(other.read(&mut [0; 8]));
    expect_would_block(UdpSocket::bind(local()).unwrap().recv_from(&mut [0; 8]));
    expect_would_block(TcpListener::bind(local()).unwrap().accept());
    expect_would_block(NamedPipe::new(name()).unwrap().connect());
}

/// P18 as well.
#[test]
fn scenario_23_no_handle_of_poised_is_inheritable() {
    let warm = (accepted(), connected(), UdpSocket::bind(local()).unwrap());
    let before = inheritable();
    let harness = Harness::new();
    let registry = harness.poll.registry().try_clone().unwrap();
    let waker = Waker::new(&registry, Token(1)).unwrap();
    // The port and the helper handles of AFD have no accessor; they are among all handles.
    let mut many: Vec<_> = (0..40).map(|_| UdpSocket::bind(local()).unwrap()).collect();
    many.iter_mut().for_each(|socket| harness.register(socket, Token(2), Interest::READABLE));
    let mut server = NamedPipe::new(name()).unwrap();
    harness.register(&mut server, Token(3), Interest::READABLE);
    let (one, two, listener) = (accepted(), connected(), TcpListener::bind(local()).unwrap());
    assert_eq!(inheritable(), before);
    // The scan sees what is inheritable.
    inherit(listener.as_raw_socket() as RawHandle, true);
    assert_eq!(inheritable().len(), before.len() + 1);
    drop((warm, waker, one, two));
}

fn inherit(handle: RawHandle, on: bool) {
    let flags = if on { HANDLE_FLAG_INHERIT } else { 0 };
    // SAFETY: takes plain values.
    let set = unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, flags) };
    assert_ne!(set, 0);
}

#[test]
fn scenario_23_what_the_parent_closes_is_closed() {
    let listener = TcpListener::bind(local()).unwrap();
    let udp = UdpSocket::bind(local()).unwrap();
    let (tcp_address, udp_address) = (listener.local_addr().unwrap(), udp.local_addr().unwrap());
    let ((one, mut peer_of_one), (two, mut peer_of_two)) = (accepted(), connected());
    let name = name();
    let server = NamedPipe::new(&name).unwrap();
    let mut file = open_blocking(&name).unwrap();
    let poll = Poll::new().unwrap();

    let child = Sitter::new();
    drop((poll, listener, udp, one, two, server));
    TcpListener::bind(tcp_address).expect("the listener's port is free");
    UdpSocket::bind(udp_address).expect("the socket's port is free");
    assert_eq!(peer_of_one.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(peer_of_two.read(&mut [0; 8]).unwrap(), 0);
    assert!(matches!(file.read(&mut [0; 8]), Ok(0) | Err(_)), "the pipe is closed");
    drop(file);
    expect_error(open(&name), ErrorKind::NotFound);
    child.end();
}

/// That a child keeps what it inherits shows that the test above could fail.
#[test]
fn scenario_23_what_is_made_inheritable_is_inherited() {
    let listener = TcpListener::bind(local()).unwrap();
    let address = listener.local_addr().unwrap();
    let name = name();
    let server = NamedPipe::new(&name).unwrap();
    inherit(listener.as_raw_socket() as RawHandle, true);
    inherit(server.as_raw_handle(), true);
    let child = Sitter::new();
    drop((listener, server));
    expect_error(TcpListener::bind(address), ErrorKind::AddrInUse);
    drop(open(&name).expect("the child has a server's end"));
    child.end();
}

leaves_nothing_open!(
    a_child_that_sits_there,
    p18_nothing_that_is_made_or_accepted_blocks,
    scenario_23_no_handle_of_poised_is_inheritable,
    scenario_23_what_the_parent_closes_is_closed,
    scenario_23_what_is_made_inheritable_is_inherited,
);
