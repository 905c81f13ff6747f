//! P19 Error paths leak nothing: no descriptor, handle or memory remains after a failed constructor, accept or register.
#![cfg(target_os = "linux")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::path::{Path, PathBuf};

use poised::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use poised::unix::{pipe, SourceFd};
use poised::{Interest, Poll, Token, Waker};

use crate::links::Link;
use crate::util::leak::leaves_nothing_open;
use crate::util::linux::allow_descriptors;
use crate::util::{isolated, open_descriptors, Harness};

const LOCALHOST: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

type Attempt<'a> = (&'static str, Box<dyn Fn() -> io::Result<()> + 'a>);

/// Names an attempt that makes something and drops it.
fn attempt<'a, T>(name: &'static str, make: impl Fn() -> io::Result<T> + 'a) -> Attempt<'a> {
    (name, Box::new(move || make().map(drop)))
}

/// Says that each attempt fails, and that as many descriptors are open afterwards as before.
#[track_caller]
fn fail_without_leak(attempts: &[Attempt]) {
    let before = open_descriptors();
    for (name, make) in attempts {
        for _ in 0..3 {
            assert!(make().is_err(), "{name} should fail");
        }
        assert_eq!(open_descriptors(), before, "{name} leaks");
    }
}

#[test]
fn p19_failed_constructors() {
    isolated("p19::p19_failed_constructors", || {
        let dir = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind(LOCALHOST.into()).unwrap().local_addr().unwrap();
        let (busy, busy_udp) =
            (std::net::TcpListener::bind(taken).unwrap(), UdpSocket::bind(LOCALHOST.into()).unwrap());
        let path = dir.path().join("taken");
        let _busy_unix = UnixListener::bind(&path).unwrap();
        let (long, nowhere) = (PathBuf::from("x".repeat(200)), dir.path().join("no/such/directory"));
        // No machine has these addresses: they are for documentation (RFC 5737), and broadcast needs a permission.
        let foreign = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 0));
        let broadcast = SocketAddr::from((Ipv4Addr::BROADCAST, 1));
        let abstract_name = UnixAddr::from_abstract_name(b"poised/nobody/listens").unwrap();
        let mut attempts = vec![
            attempt("TcpListener::bind, taken", || TcpListener::bind(busy.local_addr()?)),
            attempt("TcpListener::bind, foreign", || TcpListener::bind(foreign)),
            attempt("TcpStream::connect, broadcast", || TcpStream::connect(broadcast)),
            attempt("UdpSocket::bind, taken", || UdpSocket::bind(busy_udp.local_addr()?)),
            attempt("UdpSocket::bind, foreign", || UdpSocket::bind(foreign)),
            attempt("UnixListener::bind, taken", || UnixListener::bind(&path)),
            attempt("UnixDatagram::bind, taken", || UnixDatagram::bind(&path)),
            attempt("UnixStream::connect_addr, nobody", || UnixStream::connect_addr(&abstract_name)),
        ];
        for bad in [&long, &nowhere] {
            attempts.push(attempt("UnixListener::bind", move || UnixListener::bind(bad)));
            attempts.push(attempt("UnixStream::connect", move || UnixStream::connect(bad)));
            attempts.push(attempt("UnixDatagram::bind", move || UnixDatagram::bind(bad)));
        }
        fail_without_leak(&attempts);
    });
}

/// Every maker, at every number of descriptors that is too small for it: those it got are given back.
#[test]
fn p19_out_of_descriptors() {
    isolated("p19::p19_out_of_descriptors", || {
        let dir = tempfile::tempdir().unwrap();
        let poll = Poll::new().unwrap();
        let server = std::net::TcpListener::bind(LOCALHOST).unwrap().local_addr().unwrap();
        let attempts = [
            attempt("Poll::new", Poll::new),
            attempt("Registry::try_clone", || poll.registry().try_clone()),
            attempt("Waker::new", || Waker::new(poll.registry(), Token(0))),
            attempt("TcpListener::bind", || TcpListener::bind(LOCALHOST.into())),
            attempt("TcpStream::connect", || TcpStream::connect(server)),
            attempt("UdpSocket::bind", || UdpSocket::bind(LOCALHOST.into())),
            attempt("UnixListener::bind", || fresh(dir.path(), UnixListener::bind)),
            attempt("UnixDatagram::bind", || fresh(dir.path(), UnixDatagram::bind)),
            attempt("UnixStream::pair", UnixStream::pair),
            attempt("UnixDatagram::pair", UnixDatagram::pair),
            attempt("UnixDatagram::unbound", UnixDatagram::unbound),
            attempt("pipe::new", pipe::new),
        ];
        for (name, make) in &attempts {
            starve(name, make);
        }
    });
}

/// Calls `make` with room for 0, 1, 2… descriptors until it succeeds.
fn starve(name: &str, make: &dyn Fn() -> io::Result<()>) {
    let before = open_descriptors();
    for room in 0..8 {
        let restore = allow_descriptors(room);
        let result = make();
        restore();
        assert_eq!(open_descriptors(), before, "{name} leaks with room for {room}");
        match result {
            Ok(()) => return,
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{name}: the system's code"),
        }
    }
    panic!("{name} needs more than eight descriptors");
}

/// Binds to a path that is free again, whatever became of the attempt.
fn fresh<T>(dir: &Path, bind: impl Fn(PathBuf) -> io::Result<T>) -> io::Result<T> {
    let path = dir.join("fresh");
    let result = bind(path.clone());
    let _ = std::fs::remove_file(path);
    result
}

#[test]
fn p19_failed_registrations() {
    isolated("p19::p19_failed_registrations", || {
        let mut harness = Harness::new();
        harness.expect_none();
        let file = tempfile::tempfile().unwrap();
        let mut link = Link::tcp();
        let before = open_descriptors();
        let memory = resident();
        for _ in 0..20_000 {
            let registry = harness.poll.registry();
            registry.register(&mut SourceFd(&-1), Token(0), Interest::READABLE).unwrap_err();
            registry.register(&mut SourceFd(&file.as_raw_fd()), Token(0), Interest::WRITABLE).unwrap_err();
            registry.register(&mut link.reader, Token(0), Interest::AIO).unwrap_err();
            registry.deregister(&mut link.reader).unwrap_err();
        }
        assert_eq!(open_descriptors(), before);
        let grown = resident().saturating_sub(memory);
        assert!(grown < 4 << 20, "{grown} bytes more after failed registrations");
        harness.register(&mut link.reader, Token(1), Interest::READABLE);
        link.send(b"x");
        harness.expect_readable(Token(1));
    });
}

/// Bytes of memory that this process has resident.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("statm");
    let pages: usize = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * 4096
}

#[test]
fn p19_registering_and_dropping_returns_all() {
    isolated("p19::p19_registering_and_dropping_returns_all", || {
        let mut harness = Harness::new();
        harness.expect_none();
        let round = |harness: &mut Harness| {
            for (number, (_, make)) in crate::links::every_link().iter().enumerate() {
                let mut link = make();
                harness.register(&mut link.reader, Token(number), Interest::READABLE);
                if !link.knows {
                    harness.deregister(&mut link.reader);
                }
            }
            let waker = Waker::new(harness.poll.registry(), Token(100)).unwrap();
            waker.wake().unwrap();
            harness.expect(Token(100), |seen| seen.events > 0);
        };
        round(&mut harness);
        let (before, memory) = (open_descriptors(), resident());
        (0..500).for_each(|_| round(&mut harness));
        assert_eq!(open_descriptors(), before);
        let grown = resident().saturating_sub(memory);
        assert!(grown < 4 << 20, "{grown} bytes more after 500 rounds");
    });
}

leaves_nothing_open!(
    p19_failed_constructors,
    p19_out_of_descriptors,
    p19_failed_registrations,
    p19_registering_and_dropping_returns_all,
);
