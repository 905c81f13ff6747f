//! Scenarios 49, 54, 71 and 75: the system has no more of something, or never had it.

use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::process::{Command, Stdio};

use poised::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use poised::unix::{pipe, SourceFd};
use poised::{Interest, Poll, Token, Waker};
use rustix::process::{pidfd_open, Pid, PidfdFlags};

use crate::fault::{borrow, descriptors, refusing, Refusal};
use crate::raw::{bound_stream_socket, fill_raw};
use crate::sockets::{accept_all, any};
use crate::util::leak::leaves_nothing_open;
use crate::util::linux::allow_descriptors;
use crate::util::{expect_error, isolated, Harness, ON_POLL};

const IT: Token = Token(49);

/// Puts into the waker's descriptor as much as it takes. Which one it is the kernel tells.
fn fill_the_waker(new: &[(RawFd, String)]) {
    for (fd, what) in new {
        let fd = borrow(*fd);
        let flags = rustix::fs::fcntl_getfl(fd).unwrap();
        if what.contains("[eventfd]") {
            // Wakes that were reported may have left something in it.
            let _ = rustix::io::read(fd, &mut [0; 8]);
            rustix::io::write(fd, &(u64::MAX - 1).to_ne_bytes()).unwrap();
        } else if what.starts_with("pipe:") && flags.contains(rustix::fs::OFlags::WRONLY) {
            fill_raw(fd);
        }
    }
}

/// The eventfd behind the waker holds a number; at its maximum the wake failed with `WouldBlock`
/// (tokio-rs/mio#909, in review).
#[test]
fn scenario_49_waker_at_its_maximum() {
    isolated("limits::scenario_49_waker_at_its_maximum", || {
        let before = descriptors();
        let mut harness = Harness::new();
        let waker = Waker::new(harness.poll.registry(), IT).unwrap();
        let new = descriptors().into_iter().filter(|(fd, _)| !before.contains_key(fd));
        let new: Vec<_> = new.map(|(fd, link)| (fd, link.display().to_string())).collect();
        assert!(new.iter().any(|(_, what)| what.contains("[eventfd]") || what.starts_with("pipe:")), "{new:?}");
        for _ in 0..3 {
            fill_the_waker(&new);
            waker.wake().expect("a wake with a full counter");
            harness.expect_readable(IT);
            harness.expect_none();
            waker.wake().unwrap();
            harness.expect_readable(IT);
            harness.expect_none();
        }
    });
}

/// The error surfaces, the source is not registered, and can be later.
fn survives_a_refused_registration(errno: i32) {
    let mut harness = Harness::new();
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"!").unwrap();
    let fd = theirs.as_raw_fd();
    refusing(Refusal::all(libc::SYS_epoll_ctl, errno), || {
        let registry = harness.poll.registry();
        let error = registry.register(&mut ours, IT, Interest::READABLE).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(errno), "{error:?}");
        let error = registry.register(&mut SourceFd(&fd), IT, Interest::WRITABLE).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(errno), "{error:?}");
        let error = Waker::new(registry, IT).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(errno), "{error:?}");
    });
    expect_error(harness.poll.registry().deregister(&mut ours), ErrorKind::NotFound);
    expect_error(harness.poll.registry().deregister(&mut SourceFd(&fd)), ErrorKind::NotFound);
    harness.expect_none();
    harness.register(&mut ours, IT, Interest::READABLE);
    harness.expect_readable(IT);
    keeps_what_it_had(&mut harness, &mut ours, &mut theirs, errno);
}

/// A change that the kernel refuses leaves the registration as it was.
fn keeps_what_it_had(harness: &mut Harness, ours: &mut UnixStream, theirs: &mut UnixStream, errno: i32) {
    refusing(Refusal::all(libc::SYS_epoll_ctl, errno), || {
        let error = harness.poll.registry().reregister(ours, Token(50), Interest::WRITABLE).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(errno), "{error:?}");
    });
    theirs.write_all(b"!").unwrap();
    harness.expect_readable(IT);
    harness.deregister(ours);
    harness.expect_none();
}

/// With the kernel's room for registrations used up, the error was lost, or the source remained half registered: a
/// later try said that it was there already (oven-sh/bun#37293).
#[test]
#[cfg_attr(any(poised_backend = "poll", mio_unsupported_force_poll_poll), ignore = "poll(2) never calls epoll_ctl")]
#[cfg_attr(poised_backend = "kqueue", ignore = "kqueue never calls epoll_ctl")]
#[cfg_attr(poised_backend = "event-ports", ignore = "event ports never call epoll_ctl")]
fn scenario_54_no_watches_left() {
    survives_a_refused_registration(libc::ENOSPC);
}

/// The same, where the kernel has no memory left (oven-sh/bun#37293).
#[test]
#[cfg_attr(any(poised_backend = "poll", mio_unsupported_force_poll_poll), ignore = "poll(2) never calls epoll_ctl")]
#[cfg_attr(poised_backend = "kqueue", ignore = "kqueue never calls epoll_ctl")]
#[cfg_attr(poised_backend = "event-ports", ignore = "event ports never call epoll_ctl")]
fn scenario_54_no_memory_left() {
    survives_a_refused_registration(libc::ENOMEM);
}

/// A process whose end could not be watched for could not be ended either (oven-sh/bun#37293).
#[test]
fn scenario_54_process_without_a_watch() {
    let mut harness = Harness::new();
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let pidfd = pidfd_open(pid, PidfdFlags::NONBLOCK).unwrap();
    let fd = pidfd.as_raw_fd();
    let result = refusing(Refusal::all(libc::SYS_epoll_ctl, libc::ENOSPC), || {
        harness.poll.registry().register(&mut SourceFd(&fd), IT, Interest::READABLE)
    });
    // poll(2) registers nothing with the kernel.
    assert!(ON_POLL || result.is_err());
    if let Err(error) = result {
        assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
        harness.register(&mut SourceFd(&fd), IT, Interest::READABLE);
    }
    harness.expect_none();
    child.kill().unwrap();
    harness.expect_readable(IT);
    assert!(!child.wait().unwrap().success());
}

/// Everything that opens a descriptor, called such that it fails.
fn failing_calls() -> Vec<(&'static str, io::Result<()>)> {
    let directory = tempfile::tempdir().unwrap();
    let long = directory.path().join("n".repeat(200));
    let taken = TcpListener::bind(any()).unwrap().local_addr().unwrap();
    let busy = std::net::TcpListener::bind(taken).unwrap();
    let busy_udp = UdpSocket::bind(any()).unwrap();
    let (_bound, _) = bound_stream_socket();
    let nobody = directory.path().join("nobody");
    vec![
        ("connect to a long path", UnixStream::connect(&long).map(drop)),
        ("connect to no socket", UnixStream::connect(&nobody).map(drop)),
        ("bind a long path", UnixListener::bind(&long).map(drop)),
        ("bind in no directory", UnixListener::bind(nobody.join("socket")).map(drop)),
        ("bind a datagram socket to a long path", UnixDatagram::bind(&long).map(drop)),
        ("bind a datagram socket in no directory", UnixDatagram::bind(nobody.join("socket")).map(drop)),
        ("bind a busy port", TcpListener::bind(busy.local_addr().unwrap()).map(drop)),
        ("bind a busy datagram port", UdpSocket::bind(busy_udp.local_addr().unwrap()).map(drop)),
        ("bind a foreign address", TcpListener::bind("192.0.2.1:0".parse().unwrap()).map(drop)),
        ("connect to everyone", TcpStream::connect("255.255.255.255:9".parse().unwrap()).map(drop)),
        ("accept nobody", TcpListener::bind(any()).and_then(|listener| listener.accept()).map(drop)),
    ]
}

/// Constructors left their descriptor behind when a later step failed (tokio-rs/mio#1031, tokio-rs/mio#1635).
#[test]
fn scenario_71_failed_constructors_leak_nothing() {
    isolated("limits::scenario_71_failed_constructors_leak_nothing", || {
        let before = descriptors();
        for _ in 0..3 {
            for (what, result) in failing_calls() {
                assert!(result.is_err(), "{what} works");
            }
            assert_eq!(descriptors(), before);
        }
    });
}

/// The same, where the registry is what fails (tokio-rs/mio#1031).
#[test]
#[cfg_attr(any(poised_backend = "poll", mio_unsupported_force_poll_poll), ignore = "poll(2) never calls epoll_ctl")]
#[cfg_attr(poised_backend = "kqueue", ignore = "kqueue never calls epoll_ctl")]
#[cfg_attr(poised_backend = "event-ports", ignore = "event ports never call epoll_ctl")]
fn scenario_71_failed_waker_leaks_nothing() {
    isolated("limits::scenario_71_failed_waker_leaks_nothing", || {
        let poll = Poll::new().unwrap();
        let before = descriptors();
        refusing(Refusal::all(libc::SYS_epoll_ctl, libc::ENOMEM), || {
            let error = Waker::new(poll.registry(), IT).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ENOMEM), "{error:?}");
        });
        assert_eq!(descriptors(), before);
        Waker::new(poll.registry(), IT).unwrap();
    });
}

/// The same at the limit of descriptors, with every number of descriptors that a constructor may have got until then
/// (tokio-rs/mio#1635).
#[test]
fn scenario_71_descriptor_limit_leaks_nothing() {
    isolated("limits::scenario_71_descriptor_limit_leaks_nothing", || {
        let poll = Poll::new().unwrap();
        let before = descriptors();
        let constructors: [(&str, &dyn Fn() -> io::Result<()>); 8] = [
            ("Poll", &|| Poll::new().map(drop)),
            ("Waker", &|| Poll::new().and_then(|poll| Waker::new(poll.registry(), IT)).map(drop)),
            ("pipe", &|| pipe::new().map(drop)),
            ("UnixStream", &|| UnixStream::pair().map(drop)),
            ("UnixDatagram", &|| UnixDatagram::pair().map(drop)),
            ("TcpListener", &|| TcpListener::bind(any()).map(drop)),
            ("UdpSocket", &|| UdpSocket::bind(any()).map(drop)),
            ("TcpStream", &|| TcpStream::connect("127.0.0.1:9".parse().unwrap()).map(drop)),
        ];
        for (what, construct) in constructors {
            let mut more = 0;
            loop {
                let undo = allow_descriptors(more);
                let result = construct();
                undo();
                assert_eq!(descriptors(), before, "{what} with {more} descriptors");
                match result {
                    Ok(()) => break assert!(more > 0, "{what} needs no descriptor"),
                    // Nobody listens on that port: that the socket was made is all that counts.
                    Err(error) if error.kind() == ErrorKind::ConnectionRefused => break,
                    Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{what}: {error}"),
                }
                more += 1;
            }
        }
        drop(poll);
    });
}

/// A server at its limit of descriptors spun, as each wait reported the connection that it could not accept; or never
/// accepted again, as nothing reported it later (tokio-rs/tokio#3529, tokio-rs/tokio#4782, oven-sh/bun#32705).
#[test]
fn scenario_75_accept_at_the_descriptor_limit() {
    isolated("limits::scenario_75_accept_at_the_descriptor_limit", || {
        let mut harness = Harness::new();
        let mut listener = TcpListener::bind(any()).unwrap();
        let address = listener.local_addr().unwrap();
        harness.register(&mut listener, IT, Interest::READABLE);
        harness.expect_none();
        let late =
            rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None).unwrap();
        let clients: Vec<_> = (0..5).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let undo = allow_descriptors(2);

        harness.expect_readable(IT);
        let mut accepted = vec![listener.accept().unwrap(), listener.accept().unwrap()];
        for _ in 0..3 {
            let error = listener.accept().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error:?}");
            harness.expect_none();
        }
        // Another connection is announced, as news; it does not start a spin either.
        rustix::net::connect(&late, &address).unwrap();
        harness.until_sentinel();
        harness.expect_none();

        accepted.pop();
        harness.reregister(&mut listener, IT, Interest::READABLE);
        harness.expect_readable(IT);
        accepted.push(listener.accept().unwrap());
        assert_eq!(listener.accept().unwrap_err().raw_os_error(), Some(libc::EMFILE));

        undo();
        accepted.extend(std::iter::from_fn(|| listener.accept().ok()));
        assert_eq!(accepted.len(), clients.len());
        let _another = std::net::TcpStream::connect(address).unwrap();
        harness.expect_readable(IT);
        assert_eq!(accept_all(&listener).len(), 1);
    });
}

/// A kernel without IPv6 says so, and whoever asked has its error, and nothing else (tokio-rs/mio#1635, which leaked).
#[test]
fn scenario_71_address_family_that_the_kernel_lacks() {
    let without_ipv6 = Refusal::all(libc::SYS_socket, libc::EAFNOSUPPORT).only(0, libc::AF_INET6.unsigned_abs());
    refusing(without_ipv6, || {
        let before = descriptors();
        let address = "[::1]:0".parse().unwrap();
        for error in [
            TcpListener::bind(address).map(drop).unwrap_err(),
            TcpStream::connect(address).map(drop).unwrap_err(),
            UdpSocket::bind(address).map(drop).unwrap_err(),
        ] {
            assert_eq!(error.raw_os_error(), Some(libc::EAFNOSUPPORT), "{error:?}");
        }
        TcpListener::bind(any()).expect("IPv4 is there");
        assert_eq!(descriptors(), before);
    });
}

leaves_nothing_open!(
    scenario_49_waker_at_its_maximum,
    scenario_54_no_watches_left,
    scenario_54_no_memory_left,
    scenario_54_process_without_a_watch,
    scenario_71_failed_constructors_leak_nothing,
    scenario_71_failed_waker_leaks_nothing,
    scenario_71_descriptor_limit_leaks_nothing,
    scenario_75_accept_at_the_descriptor_limit,
    scenario_71_address_family_that_the_kernel_lacks,
);
