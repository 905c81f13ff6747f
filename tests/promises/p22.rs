//! P22 No call aborts or panics on bad input: it returns an error that names what was wrong.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use poised::net::{TcpListener, TcpStream, UdpSocket};
use poised::{Interest, Token};

use crate::links::{over_links, Link};
use crate::util::leak::leaves_nothing_open;
use crate::util::{expect_error, on_wine, warm, Harness};

const IT: Token = Token(24);

over_links!(p22_interest_that_the_system_lacks);

fn p22_interest_that_the_system_lacks(mut link: Link) {
    let mut harness = Harness::new();
    let lacking: &[Interest] = match () {
        () if cfg!(any(target_os = "linux", target_os = "android", windows)) => &[Interest::AIO, Interest::LIO],
        () if cfg!(target_os = "freebsd") => &[Interest::PRIORITY],
        () => &[Interest::PRIORITY, Interest::LIO],
    };
    for interest in lacking {
        for interest in [*interest, *interest | Interest::READABLE] {
            let registered = harness.poll.registry().register(&mut link.reader, IT, interest);
            expect_error(registered, ErrorKind::Unsupported);
            harness.register(&mut link.reader, IT, Interest::READABLE);
            let changed = harness.poll.registry().reregister(&mut link.reader, Token(25), interest);
            expect_error(changed, ErrorKind::Unsupported);
            link.send(b"x");
            harness.expect_readable(IT);
            harness.expect_none_of(Token(25));
            link.receive_all(b"x");
            harness.deregister(&mut link.reader);
        }
    }
    link.send(b"x");
    harness.expect_none();
}

/// Says that the call is an error with a text, and gives it.
#[track_caller]
fn refused<T>(result: io::Result<T>) -> io::Error {
    let error = result.err().expect("an error");
    assert!(!error.to_string().is_empty());
    error
}

#[test]
fn p22_socket_options_out_of_range() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    // (All ones would be -1 to the kernel: the default.)
    for ttl in [256, 1 << 20] {
        refused(socket.set_ttl(ttl));
        refused(socket.set_multicast_ttl_v4(ttl));
        refused(listener.set_ttl(ttl));
    }
    refused(socket.join_multicast_v4(&Ipv4Addr::LOCALHOST, &Ipv4Addr::UNSPECIFIED));
    refused(socket.leave_multicast_v4(&Ipv4Addr::new(224, 0, 0, 251), &Ipv4Addr::LOCALHOST));
    refused(socket.join_multicast_v6(&Ipv6Addr::LOCALHOST, u32::MAX));
}

#[test]
fn p22_addresses_that_do_not_fit() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    refused(socket.send_to(b"x", SocketAddr::from((Ipv6Addr::LOCALHOST, 1))));
    refused(socket.connect(SocketAddr::from((Ipv6Addr::LOCALHOST, 1))));
    refused(socket.peer_addr());
    refused(socket.send(b"to nobody"));
    refused(TcpListener::bind((Ipv4Addr::new(192, 0, 2, 1), 0).into()));
    if !on_wine("binds UDP sockets to addresses of other machines") {
        refused(UdpSocket::bind((Ipv4Addr::new(192, 0, 2, 1), 0).into()));
    }
    refused(TcpStream::connect((Ipv4Addr::BROADCAST, 1).into()));
}

#[test]
fn p22_a_datagram_that_is_too_large() {
    let mut socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    warm(&mut socket);
    refused(socket.send_to(&vec![0; 70_000], socket.local_addr().unwrap()));
    // And into no room at all: the rest is cut off, as everywhere.
    assert_eq!(socket.send_to(b"cut off", socket.local_addr().unwrap()).unwrap(), 7);
    let mut harness = Harness::new();
    harness.register(&mut socket, IT, Interest::READABLE);
    harness.expect_readable(IT);
    // (Windows reports the cut as an error.)
    assert!(matches!(socket.recv(&mut []), Ok(0) | Err(_)));
}

#[cfg(unix)]
mod unix {
    //! Paths and descriptors.

    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    use poised::net::{UnixDatagram, UnixListener, UnixStream};
    use poised::unix::SourceFd;

    use super::{io, refused, ErrorKind, Harness, Interest, IT};
    use crate::util::leak::leaves_nothing_open;

    type PathCall = (&'static str, fn(&Path) -> io::Result<()>);

    const PATH_CALLS: [PathCall; 6] = [
        ("UnixListener::bind", |path| UnixListener::bind(path).map(drop)),
        ("UnixStream::connect", |path| UnixStream::connect(path).map(drop)),
        ("UnixDatagram::bind", |path| UnixDatagram::bind(path).map(drop)),
        ("UnixDatagram::connect", |path| UnixDatagram::unbound()?.connect(path)),
        ("UnixDatagram::send_to", |path| UnixDatagram::unbound()?.send_to(b"x", path).map(drop)),
        ("UnixDatagram::send_to, empty", |path| UnixDatagram::unbound()?.send_to(b"", path).map(drop)),
    ];

    #[test]
    fn p22_paths_that_no_address_holds() {
        let long = PathBuf::from("/tmp/".to_owned() + &"long".repeat(1000));
        // The field has 108 bytes on Linux, 104 elsewhere: one more than fits, without and with the final NUL.
        let limit = PathBuf::from("/tmp/".to_owned() + &"x".repeat(108 - 5));
        let nul = PathBuf::from(OsStr::from_bytes(b"/tmp/a\0b"));
        for (name, call) in PATH_CALLS {
            for path in [&long, &limit, &nul] {
                let error = call(path).expect_err(name);
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}: {error:?}");
                assert!(!error.to_string().is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn p22_paths_that_lead_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        for (name, call) in PATH_CALLS {
            let error = call(&dir.path().join("no/such/socket")).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::NotFound, "{name}");
        }
        for (name, call) in PATH_CALLS {
            if !name.contains("bind") {
                assert!(call(dir.path()).is_err(), "{name} to a directory");
            }
        }
    }

    #[test]
    fn p22_the_empty_path_does_no_harm() {
        for (_, call) in PATH_CALLS {
            // A system may take it for an unnamed address: an answer is all that is asked for.
            let _ = call(Path::new(""));
        }
    }

    #[test]
    fn p22_descriptors_that_are_none() {
        let harness = Harness::new();
        let registry = harness.poll.registry();
        for fd in [-1, i32::MIN, i32::MAX] {
            let error = refused(registry.register(&mut SourceFd(&fd), IT, Interest::READABLE));
            assert_eq!(error.raw_os_error(), Some(9), "EBADF for {fd}: {error:?}");
            refused(registry.reregister(&mut SourceFd(&fd), IT, Interest::READABLE));
            refused(registry.deregister(&mut SourceFd(&fd)));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn p22_regular_files_cannot_be_polled() {
        use std::os::fd::AsRawFd;

        use super::expect_error;
        use crate::util::on_kqueue;

        if on_kqueue("watches files") {
            return;
        }
        let mut harness = Harness::new();
        let dir = tempfile::tempdir().unwrap();
        let file = tempfile::tempfile_in(dir.path()).unwrap();
        let directory = std::fs::File::open(dir.path()).unwrap();
        for (name, fd) in [("a file", &file), ("a directory", &directory)] {
            let fd = fd.as_raw_fd();
            for interest in [Interest::READABLE, Interest::WRITABLE, Interest::READABLE | Interest::WRITABLE] {
                let registered = harness.poll.registry().register(&mut SourceFd(&fd), IT, interest);
                let error = expect_error(registered, ErrorKind::PermissionDenied);
                assert!(error.to_string().contains("regular file"), "{name}: {error}");
                assert!(harness.poll.registry().deregister(&mut SourceFd(&fd)).is_err(), "{name} was registered");
            }
        }
        harness.expect_none();
    }

    leaves_nothing_open!(
        p22_paths_that_no_address_holds,
        p22_paths_that_lead_nowhere,
        p22_the_empty_path_does_no_harm,
        p22_descriptors_that_are_none,
        #[cfg(target_os = "linux")]
        p22_regular_files_cannot_be_polled,
    );
}

leaves_nothing_open!(p22_socket_options_out_of_range, p22_addresses_that_do_not_fit, p22_a_datagram_that_is_too_large,);
