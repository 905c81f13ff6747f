//! Scenarios 44 to 47, 50 and 51: descriptors that are duplicated, closed too early, inherited, or of an odd kind.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::process::Command;

use poised::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use poised::unix::{pipe, SourceFd};
use poised::{Interest, Poll, Token, Waker};
use rustix::event::{eventfd, EventfdFlags};

use crate::fault::{borrow, descriptors, refusing, resident_pages, Refusal};
use crate::raw::{drain_raw, fill_raw};
use crate::sockets::any;
use crate::util::leak::leaves_nothing_open;
use crate::util::linux::in_fork;
use crate::util::{drain, expect_error, isolated, Harness, ON_POLL};

const OLD: Token = Token(44);
const NEW: Token = Token(45);

/// A registered stream was dropped while a duplicate of its descriptor lived, and the next file got its number: the
/// new registration failed, or reported under the old token what concerned the old file
/// (tokio-rs/mio#361, tokio-rs/tokio-core#172).
///
/// epoll keeps the old registration as long as a duplicate lives, and reports it under its own token; poll(2) knows
/// numbers only, and ends it with the drop.
#[test]
fn scenario_44_number_of_a_duplicated_descriptor_used_again() {
    isolated("descriptors::scenario_44_number_of_a_duplicated_descriptor_used_again", || {
        let mut harness = Harness::new();
        harness.expect_none();
        let (mut old, mut old_peer) = UnixStream::pair().unwrap();
        let number = old.as_raw_fd();
        let duplicate = rustix::io::dup(&old).unwrap();
        harness.register(&mut old, OLD, Interest::READABLE);
        drop(old);

        let (mut new, mut new_peer) = UnixStream::pair().unwrap();
        assert_eq!(new.as_raw_fd(), number);
        harness.register(&mut new, NEW, Interest::READABLE);
        old_peer.write_all(b"old").unwrap();
        harness.expect_none_of(NEW);
        new_peer.write_all(b"new").unwrap();
        harness.expect_readable(NEW);
        assert_eq!(drain(&new), (b"new".to_vec(), false));

        old_peer.write_all(b"old").unwrap();
        let others = harness.until_sentinel();
        assert!(others.iter().all(|event| event.token() == OLD && !ON_POLL), "{others:?}");
        drop(duplicate);
        old_peer.write_all(b"nobody is left").unwrap_err();
        harness.expect_none();
        new_peer.write_all(b"new").unwrap();
        harness.expect_readable(NEW);
    });
}

/// Registers a new descriptor, closes it, and only then deregisters its number, which then names nothing.
fn register_close_deregister(harness: &Harness) {
    let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap();
    let number = event.as_raw_fd();
    harness.register(&mut SourceFd(&number), OLD, Interest::READABLE);
    drop(event);
    // An error where the kernel keeps the books; where we do, it may work.
    let result = harness.poll.registry().deregister(&mut SourceFd(&number));
    assert!(ON_POLL || result.is_err());
}

/// Memory kept for a descriptor that was closed too early was never given back: each such mistake leaked
/// (tokio-rs/tokio#7563).
#[test]
fn scenario_45_close_before_deregister_leaks_nothing() {
    isolated("descriptors::scenario_45_close_before_deregister_leaks_nothing", || {
        let mut harness = Harness::new();
        let round = || {
            register_close_deregister(&harness);
            let mut socket = UnixDatagram::unbound().unwrap();
            harness.register(&mut socket, OLD, Interest::READABLE);
            drop(socket);
        };
        (0..10_000).for_each(|_| round());
        let before = (resident_pages(), descriptors());
        (0..90_000).for_each(|_| round());
        let (pages, open) = (resident_pages(), descriptors());
        assert!(pages < before.0 + 256, "{} pages became {pages}", before.0);
        assert_eq!(open, before.1);
        harness.expect_none();
    });
}

/// After such a mistake the number was of no more use, or its next file was reported under the old token
/// (tokio-rs/tokio#7563).
#[test]
fn scenario_45_number_closed_before_deregister_used_again() {
    isolated("descriptors::scenario_45_number_closed_before_deregister_used_again", || {
        let mut harness = Harness::new();
        harness.expect_none();
        for _ in 0..10 {
            register_close_deregister(&harness);
            let (mut ours, mut theirs) = UnixStream::pair().unwrap();
            harness.register(&mut ours, NEW, Interest::READABLE);
            harness.expect_none();
            theirs.write_all(b"!").unwrap();
            harness.expect_readable(NEW);
            harness.expect_none();
        }
    });
}

/// A descriptor that was closed and never deregistered left its token to the next file of its number, or kept that
/// from being registered (tokio-rs/mio#361).
#[test]
fn scenario_45_number_closed_and_never_deregistered_used_again() {
    isolated("descriptors::scenario_45_number_closed_and_never_deregistered_used_again", || {
        let mut harness = Harness::new();
        harness.expect_none();
        let make = || eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap();
        for _ in 0..10 {
            let old = make();
            let number = old.as_raw_fd();
            harness.register(&mut SourceFd(&old.as_raw_fd()), OLD, Interest::READABLE);
            drop(old);
            harness.expect_none();
            let new = make();
            assert_eq!(new.as_raw_fd(), number);
            harness.register(&mut SourceFd(&new.as_raw_fd()), NEW, Interest::READABLE);
            rustix::io::write(&new, &1_u64.to_ne_bytes()).unwrap();
            harness.expect_readable(NEW);
            harness.expect_none_of(OLD);
            harness.deregister(&mut SourceFd(&new.as_raw_fd()));
        }
    });
}

/// The same for sockets, and without a wait in between that could have noticed (tokio-rs/mio#361).
#[test]
fn scenario_45_socket_closed_and_never_deregistered() {
    isolated("descriptors::scenario_45_socket_closed_and_never_deregistered", || {
        let mut harness = Harness::new();
        harness.expect_none();
        for _ in 0..10 {
            let (old, _old_peer) = UnixStream::pair().unwrap();
            let number = old.as_raw_fd();
            harness.register(&mut SourceFd(&number), OLD, Interest::READABLE);
            drop(old);
            let (mut new, mut new_peer) = UnixStream::pair().unwrap();
            assert_eq!(new.as_raw_fd(), number);
            harness.register(&mut new, NEW, Interest::READABLE);
            new_peer.write_all(b"new").unwrap();
            let came = harness.until_sentinel();
            assert!(came.iter().any(|event| event.is_readable()), "{came:?}");
            assert!(came.iter().all(|event| event.token() == NEW), "{came:?}");
        }
    });
}

/// One of everything that has a descriptor.
fn one_of_everything() -> Vec<Box<dyn std::any::Any>> {
    let poll = Poll::new().unwrap();
    let registry = poll.registry().try_clone().unwrap();
    let wakers = [Waker::new(&registry, OLD).unwrap(), Waker::new(poll.registry(), NEW).unwrap()];
    let listener = TcpListener::bind(any()).unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accepted = std::iter::repeat_with(|| listener.accept()).find_map(Result::ok).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let unix_listener = UnixListener::bind(&path).unwrap();
    let unix_stream = UnixStream::connect(&path).unwrap();
    let unix_accepted = unix_listener.accept().unwrap();
    let datagram = UnixDatagram::bind(directory.path().join("datagram")).unwrap();
    vec![
        Box::new((poll, registry, wakers, UdpSocket::bind(any()).unwrap(), pipe::new().unwrap())),
        Box::new((listener, stream, accepted, unix_listener, unix_stream, unix_accepted)),
        Box::new((datagram, UnixDatagram::unbound().unwrap())),
        Box::new((UnixDatagram::pair().unwrap(), UnixStream::pair().unwrap())),
    ]
}

/// What a new child process of this one has open.
fn open_in_a_child() -> String {
    let output = Command::new("ls").arg("/proc/self/fd").output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Children got descriptors of their parent's event loop, and kept ports and connections open that it had closed
/// (tokio-rs/tokio#3809, tokio-rs/mio#1491, kata-containers/kata-containers#2035). A flag that is set a moment after
/// the descriptor was made is too late for a fork in between, so setting it later is forbidden here.
#[test]
fn scenario_46_children_inherit_nothing() {
    isolated("descriptors::scenario_46_children_inherit_nothing", || {
        let (before, in_child_before) = (descriptors(), open_in_a_child());
        let later = Refusal::all(libc::SYS_fcntl, libc::EPERM).only(1, libc::F_SETFD.try_into().unwrap());
        refusing(later, || {
            let everything = one_of_everything();
            let new: Vec<RawFd> = descriptors().into_keys().filter(|fd| !before.contains_key(fd)).collect();
            assert!(new.len() >= 16, "{new:?}");
            for &fd in &new {
                let flags = rustix::io::fcntl_getfd(borrow(fd)).unwrap();
                assert!(flags.contains(rustix::io::FdFlags::CLOEXEC), "{fd}: {:?}", descriptors()[&fd]);
            }
            drop(everything);
        });
        let everything = one_of_everything();
        assert_eq!(open_in_a_child(), in_child_before);
        drop(everything);
    });
}

/// A child that dropped what it had got of its parent's event loop, as each child that ends in good order does, took
/// registrations of the parent away, or ate its wakes (smol-rs/polling#37, chriskohlhoff/asio#1599).
#[test]
fn scenario_47_child_ends_its_copy_of_the_poll() {
    isolated("descriptors::scenario_47_child_ends_its_copy_of_the_poll", || {
        let mut harness = Harness::new();
        harness.expect_none();
        let waker = Waker::new(harness.poll.registry(), NEW).unwrap();
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        harness.register(&mut ours, OLD, Interest::READABLE);
        let mut all = Some((harness, ours, waker));
        for round in 0..4 {
            in_fork(|| {
                let (harness, ours, waker) = all.take().unwrap();
                // Sources before their poll, and after.
                match round % 2 {
                    0 => drop((ours, waker, harness)),
                    _ => drop((harness, waker, ours)),
                }
            });
            let (harness, ours, waker) = all.as_mut().expect("the child took its own copy");
            theirs.write_all(&[round]).unwrap();
            harness.expect_readable(OLD);
            assert_eq!(drain(ours), (vec![round], false));
            waker.wake().unwrap();
            harness.expect_readable(NEW);
            harness.expect_none();
        }
    });
}

/// Refused, with an error that tells why, as often as it is tried, and nothing is left behind.
fn is_refused_as_a_file(fd: RawFd) {
    let mut harness = Harness::new();
    for _ in 0..2 {
        let result = harness.poll.registry().register(&mut SourceFd(&fd), OLD, Interest::READABLE);
        let error = expect_error(result, ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("file"), "does not tell what is wrong: {error}");
    }
    is_not_registered(&harness, fd);
    harness.expect_none();
}

/// Whether there is nothing of that name or nothing can be done with it: both are true of a file.
fn is_not_registered(harness: &Harness, fd: RawFd) {
    let registry = harness.poll.registry();
    let refusals = [ErrorKind::NotFound, ErrorKind::PermissionDenied];
    let error = registry.deregister(&mut SourceFd(&fd)).unwrap_err();
    assert!(refusals.contains(&error.kind()), "{error:?}");
    let error = registry.reregister(&mut SourceFd(&fd), OLD, Interest::READABLE).unwrap_err();
    assert!(refusals.contains(&error.kind()), "{error:?}");
}

/// epoll refuses files, which are always ready; the bare number that users saw did not tell them why, or they got
/// `AlreadyExists` at the next try (monoio-rs/monoio#276).
#[test]
#[cfg_attr(poised_backend = "kqueue", ignore = "kqueue watches files")]
fn scenario_50_regular_file() {
    let mut file = tempfile::tempfile().unwrap();
    is_refused_as_a_file(file.as_raw_fd());
    file.write_all(b"content").unwrap();
    is_refused_as_a_file(file.as_raw_fd());
}

/// Programs that read their standard input by events broke when it was redirected from a file
/// (Rufflewind/tokio-file-unix#2).
#[test]
#[cfg_attr(poised_backend = "kqueue", ignore = "kqueue watches files")]
fn scenario_50_standard_input_from_a_file() {
    isolated("descriptors::scenario_50_standard_input_from_a_file", || {
        let file = tempfile::tempfile().unwrap();
        rustix::stdio::dup2_stdin(&file).unwrap();
        is_refused_as_a_file(std::io::stdin().as_raw_fd());
    });
}

/// A device that is ready at all times is refused by epoll as files are, and users could not tell why
/// (monoio-rs/monoio#276). poll(2) knows it as ready, and may report it.
#[test]
fn scenario_50_dev_null() {
    let null = File::open("/dev/null").unwrap();
    let mut harness = Harness::new();
    let fd = null.as_raw_fd();
    match harness.poll.registry().register(&mut SourceFd(&fd), OLD, Interest::READABLE) {
        Ok(()) if ON_POLL => {
            harness.expect_readable(OLD);
            harness.deregister(&mut SourceFd(&fd));
        }
        result => drop(expect_error(result, ErrorKind::PermissionDenied)),
    }
    is_not_registered(&harness, fd);
    harness.expect_none();
}

/// A terminal was announced as writable once, and then never again: who wrote more than it takes hung
/// (tokio-rs/mio#1337).
#[test]
fn scenario_51_terminal_becomes_writable_again() {
    use rustix::pty::{grantpt, openpt, ptsname, unlockpt, OpenptFlags};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    rustix::io::ioctl_fionbio(&master, true).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let flags = rustix::fs::OFlags::RDWR
        | rustix::fs::OFlags::NOCTTY
        | rustix::fs::OFlags::NONBLOCK
        | rustix::fs::OFlags::CLOEXEC;
    let terminal = rustix::fs::open(&*name, flags, rustix::fs::Mode::empty()).unwrap();
    let mut settings = rustix::termios::tcgetattr(&terminal).unwrap();
    settings.make_raw();
    rustix::termios::tcsetattr(&terminal, rustix::termios::OptionalActions::Now, &settings).unwrap();

    let mut harness = Harness::new();
    harness.register(&mut SourceFd(&terminal.as_raw_fd()), OLD, Interest::WRITABLE);
    harness.register(&mut SourceFd(&master.as_raw_fd()), NEW, Interest::READABLE);
    for _ in 0..5 {
        harness.expect_writable(OLD);
        let sent = fill_raw(&terminal);
        let mut got = 0;
        while got < sent {
            harness.expect_readable(NEW);
            got += drain_raw(&master).len();
        }
    }
}

leaves_nothing_open!(
    scenario_44_number_of_a_duplicated_descriptor_used_again,
    scenario_45_close_before_deregister_leaks_nothing,
    scenario_45_number_closed_before_deregister_used_again,
    scenario_45_number_closed_and_never_deregistered_used_again,
    scenario_45_socket_closed_and_never_deregistered,
    scenario_46_children_inherit_nothing,
    scenario_47_child_ends_its_copy_of_the_poll,
    scenario_50_regular_file,
    scenario_50_standard_input_from_a_file,
    scenario_50_dev_null,
    scenario_51_terminal_becomes_writable_again,
);
