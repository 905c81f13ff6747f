//! Scenarios 11, 12 and 28 to 33: mechanisms that do not know edges by themselves, where a library has to make them
//! up. They hold on every backend, and were broken where edges are emulated.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::thread;

use poised::net::{TcpListener, UdpSocket, UnixStream};
use poised::unix::{pipe, SourceFd};
use poised::{event::Source, Interest, IoSource, Token, Waker};

use crate::raw::{drain_raw, fill_raw, would_block};
use crate::sockets::{any, tcp_pair, udp_pair};
use crate::util::leak::leaves_nothing_open;
use crate::util::linux::{reset_on_close, while_polling};
use crate::util::{drain, expect_error, expect_would_block, fill, Harness, ON_POLL, PATIENCE};

const IT: Token = Token(11);

/// A read took what was there, a peek then found nothing, and nobody heard of the bytes that came after: only the
/// reads armed the source again (tokio-rs/mio#1755, tokio-rs/tokio#3789).
#[test]
fn scenario_11_peek_that_blocked_arms_a_stream() {
    let mut harness = Harness::new();
    let (mut stream, mut peer) = tcp_pair();
    harness.register(&mut stream, IT, Interest::READABLE);
    for round in 0..5 {
        peer.write_all(&[round]).unwrap();
        harness.expect_readable(IT);
        let mut byte = [0xff];
        assert_eq!(stream.read(&mut byte).unwrap(), 1);
        assert_eq!(byte, [round]);
        expect_would_block(stream.peek(&mut byte));
    }
}

/// The same for datagrams: `recv_from`, then `peek_from` or `peek` (tokio-rs/tokio#4095, tokio-rs/mio#1895).
#[test]
fn scenario_11_peek_that_blocked_arms_a_datagram_socket() {
    let mut harness = Harness::new();
    let (mut socket, peer) = udp_pair();
    harness.register(&mut socket, IT, Interest::READABLE);
    for round in 0..6 {
        peer.send(&[round]).unwrap();
        harness.expect_readable(IT);
        let mut byte = [0xff];
        assert_eq!(socket.recv_from(&mut byte).unwrap().0, 1);
        assert_eq!(byte, [round]);
        if round % 2 == 0 {
            expect_would_block(socket.peek_from(&mut byte));
        } else {
            expect_would_block(socket.peek(&mut byte));
        }
    }
}

/// A C library read the socket until it would block, our wrapper saw nothing of that, and the source stayed silent for
/// ever. Registering again must help, whether the next bytes come before it or after (tokio-rs/mio#1186,
/// otty-shell/otty#79).
#[test]
fn scenario_12_reregister_arms_after_foreign_reads() {
    let mut harness = Harness::new();
    let (mut stream, mut peer) = tcp_pair();
    harness.register(&mut stream, IT, Interest::READABLE);
    for round in 0..6 {
        peer.write_all(&[round]).unwrap();
        harness.expect_readable(IT);
        assert_eq!(drain_raw(&stream), [round]);
        if round % 2 == 0 {
            harness.reregister(&mut stream, IT, Interest::READABLE);
        } else {
            peer.write_all(&[round]).unwrap();
            harness.reregister(&mut stream, IT, Interest::READABLE);
            harness.expect_readable(IT);
            assert_eq!(drain(&stream), (vec![round], false));
        }
    }
}

/// The same, where the foreign read is wrapped in `try_io`, or in `do_io` of a source of one's own: what it returns is
/// all that we learn (tokio-rs/mio#1186).
#[test]
fn scenario_12_try_io_and_do_io_arm_after_foreign_reads() {
    let mut harness = Harness::new();
    let (mut stream, mut peer) = tcp_pair();
    let (foreign, mut foreign_peer) = crate::sockets::std_tcp_pair();
    foreign.set_nonblocking(true).unwrap();
    let mut foreign = IoSource::new(foreign);
    harness.register(&mut stream, Token(0), Interest::READABLE);
    harness.register(&mut foreign, Token(1), Interest::READABLE);
    for round in 0..5 {
        peer.write_all(&[round]).unwrap();
        harness.expect_readable(Token(0));
        assert_eq!(drain_raw(&stream), [round]);
        expect_would_block(stream.try_io(|| rustix::io::read(&stream, &mut [0; 8]).map_err(Into::into)));

        foreign_peer.write_all(&[round]).unwrap();
        harness.expect_readable(Token(1));
        assert_eq!(drain_raw(foreign.get_ref()), [round]);
        expect_would_block(foreign.do_io(Interest::READABLE, |mut stream| stream.read(&mut [0; 8])));
    }
    drop(foreign.into_inner());
}

/// Feeds one byte at a time to a registered bare descriptor, whose user reads past us until nothing is left.
fn each_byte_is_announced(fd: BorrowedFd<'_>, mut feed: impl FnMut(u8)) {
    let mut harness = Harness::new();
    harness.register(&mut SourceFd(&fd.as_raw_fd()), IT, Interest::READABLE);
    for round in 0..5 {
        feed(round);
        let mut got = Vec::new();
        while got.is_empty() {
            harness.expect_readable(IT);
            got = drain_raw(fd);
        }
        assert_eq!(got, [round]);
    }
    harness.deregister(&mut SourceFd(&fd.as_raw_fd()));
}

/// A bare descriptor gave one event and then no other: its user's reads cannot be seen, so nothing armed it again
/// (hermit-os/kernel#2533, tokio-rs/tokio#8042).
#[test]
fn scenario_28_bare_descriptor_is_announced_each_time() {
    let (stream, mut peer) = tcp_pair();
    each_byte_is_announced(stream.as_fd(), |byte| peer.write_all(&[byte]).unwrap());
    let (mut sender, receiver) = pipe::new().unwrap();
    each_byte_is_announced(receiver.as_fd(), |byte| sender.write_all(&[byte]).unwrap());
}

/// The same, where its user reads in another thread while one waits (hermit-os/kernel#2533).
#[test]
fn scenario_28_bare_descriptor_drained_while_one_waits() {
    let mut harness = Harness::new();
    let (stream, mut peer) = tcp_pair();
    harness.register(&mut SourceFd(&stream.as_raw_fd()), IT, Interest::READABLE);
    peer.write_all(b"0").unwrap();
    harness.expect_readable(IT);
    for round in 0..5 {
        let (result, ()) = while_polling(&mut harness, Some(PATIENCE), |_| {
            while drain_raw(&stream).is_empty() {}
            peer.write_all(&[round]).unwrap();
        });
        result.unwrap();
        assert!(harness.events.iter().any(|event| event.token() == IT && event.is_readable()), "{round} got lost");
    }
}

/// The same for room to write (tokio-rs/tokio#8042).
#[test]
fn scenario_28_bare_descriptor_is_announced_as_writable_each_time() {
    let mut harness = Harness::new();
    let (ours, theirs) = UnixStream::pair().unwrap();
    harness.register(&mut SourceFd(&ours.as_raw_fd()), IT, Interest::WRITABLE);
    for _ in 0..5 {
        let mut sent = 0;
        while sent == 0 {
            harness.expect_writable(IT);
            sent = fill_raw(&ours);
        }
        assert_eq!(drain_raw(&theirs).len(), sent);
    }
}

/// A reader took a read that filled less than its buffer for the end of what is there, and waited for bytes that had
/// been announced already. Our documentation says to read until `WouldBlock`: who does so misses nothing
/// (tokio-rs/tokio#5866, tokio-rs/mio#1809).
#[test]
fn scenario_29_short_read_is_not_a_drain() {
    let mut harness = Harness::new();
    let (mut stream, mut peer) = tcp_pair();
    harness.register(&mut stream, IT, Interest::READABLE);
    for _ in 0..5 {
        peer.write_all(b"abc").unwrap();
        harness.expect_readable(IT);
        assert_eq!(stream.read(&mut [0; 64]).unwrap(), 3);
        peer.write_all(b"def").unwrap();
        if !ON_POLL {
            // The kernel tells of new bytes whether or not the old ones were drained.
            harness.expect_readable(IT);
        }
        assert_eq!(drain(&stream), (b"def".to_vec(), false));
    }
}

/// A descriptor without our wrapper has no `WouldBlock` to be seen, so that a short read must do
/// (tokio-rs/tokio#5881).
#[test]
fn scenario_29_short_read_of_a_bare_descriptor() {
    let mut harness = Harness::new();
    let (stream, mut peer) = tcp_pair();
    harness.register(&mut SourceFd(&stream.as_raw_fd()), IT, Interest::READABLE);
    for _ in 0..5 {
        peer.write_all(b"abc").unwrap();
        harness.expect_readable(IT);
        assert_eq!(rustix::io::read(&stream, &mut [0; 64]).unwrap(), 3);
    }
}

/// After a hang-up the library itself had forgotten the descriptor: the user's deregister failed, and an operation
/// that would block said `NotFound` instead (tokio-rs/mio#2012).
#[test]
fn scenario_30_source_stays_registered_after_a_hang_up() {
    let (mut sender, receiver) = pipe::new().unwrap();
    drop(receiver);
    stays_registered(&mut sender, Interest::WRITABLE, |sender| sender.try_io(|| Err(would_block())));

    let (sender, mut receiver) = pipe::new().unwrap();
    drop(sender);
    stays_registered(&mut receiver, Interest::READABLE, |receiver| receiver.try_io(|| Err(would_block())));

    let (mut stream, peer) = tcp_pair();
    reset_on_close(&peer);
    drop(peer);
    let both = Interest::READABLE | Interest::WRITABLE;
    stays_registered(&mut stream, both, |stream| stream.try_io(|| Err(would_block())));
}

fn stays_registered<S: Source>(source: &mut S, interest: Interest, blocks: impl Fn(&S) -> std::io::Result<()>) {
    let mut harness = Harness::new();
    harness.register(source, IT, interest);
    harness.expect(IT, |seen| seen.error || seen.read_closed || seen.write_closed);
    expect_would_block(blocks(source));
    harness.reregister(source, IT, interest);
    harness.expect(IT, |seen| seen.error || seen.read_closed || seen.write_closed);
    expect_would_block(blocks(source));
    harness.deregister(source);
    expect_would_block(blocks(source));
    harness.register(source, IT, interest);
    harness.expect(IT, |seen| seen.error || seen.read_closed || seen.write_closed);
    harness.deregister(source);
    harness.expect_none();
}

/// What another thread registers while one waits was noticed at the next return of the wait, or never
/// (tokio-rs/mio#1687, in review).
#[test]
fn scenario_31_register_from_another_thread_while_one_waits() {
    let mut harness = Harness::new();
    let registry = harness.poll.registry().try_clone().unwrap();
    for round in 0..50 {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"!").unwrap();
        let (result, ()) = while_polling(&mut harness, Some(PATIENCE), |_| {
            registry.register(&mut ours, Token(round), Interest::READABLE).unwrap();
        });
        result.unwrap();
        let tokens: Vec<_> = harness.events.iter().map(|event| event.token()).collect();
        assert_eq!(tokens, [Token(round)]);
        registry.deregister(&mut ours).unwrap();
    }
}

/// What another thread's `WouldBlock` armed was not shown to the kernel before the wait returned for some other reason
/// (tokio-rs/mio#1687, in review).
#[test]
fn scenario_31_drained_in_another_thread_while_one_waits() {
    let mut harness = Harness::new();
    let (mut stream, mut peer) = tcp_pair();
    harness.register(&mut stream, IT, Interest::READABLE);
    peer.write_all(b"!").unwrap();
    harness.expect_readable(IT);
    for _ in 0..50 {
        let (result, ()) = while_polling(&mut harness, Some(PATIENCE), |_| {
            assert_eq!(drain(&stream), (b"!".to_vec(), false));
            peer.write_all(b"!").unwrap();
        });
        result.unwrap();
        let tokens: Vec<_> = harness.events.iter().map(|event| event.token()).collect();
        assert_eq!(tokens, [IT]);
    }
}

/// Changes from one thread and waits in another took the same locks in different order; both stood still
/// (tokio-rs/mio#1687, in review).
#[test]
fn scenario_31_changes_and_wakes_against_waits() {
    let mut harness = Harness::new();
    let waker = Waker::new(harness.poll.registry(), IT).unwrap();
    let registry = harness.poll.registry().try_clone().unwrap();
    thread::scope(|scope| {
        let changing = scope.spawn(|| {
            for round in 0..500 {
                let (mut ours, _theirs) = UnixStream::pair().unwrap();
                registry.register(&mut ours, Token(round), Interest::READABLE).unwrap();
                registry.reregister(&mut ours, Token(round), Interest::WRITABLE).unwrap();
                registry.deregister(&mut ours).unwrap();
                waker.wake().unwrap();
            }
        });
        while !changing.is_finished() {
            harness.turn();
        }
        waker.wake().unwrap();
        harness.expect_readable(IT);
    });
}

/// With one place for the token of a pending wake, the second waker's took that of the first: its event came never
/// (tokio-rs/mio#1687, in review; tokio-rs/mio#1706).
#[test]
fn scenario_31_two_wakers_keep_their_tokens() {
    let mut harness = Harness::new();
    let wakers = [Token(0), Token(1)].map(|token| Waker::new(harness.poll.registry(), token).unwrap());
    for _ in 0..50 {
        let wake_both = |_: &_| wakers.iter().for_each(|waker| waker.wake().unwrap());
        let (result, ()) = while_polling(&mut harness, Some(PATIENCE), wake_both);
        result.unwrap();
        let mut tokens: Vec<_> = harness.events.iter().map(|event| event.token()).collect();
        tokens.extend(harness.until_sentinel().iter().map(|event| event.token()));
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens, [Token(0), Token(1)]);
    }
}

/// Each backend had its own error for a source that it does not know, or none (smol-rs/polling#260).
#[test]
fn scenario_32_unknown_source_is_not_found() {
    let (mut sender, mut receiver) = pipe::new().unwrap();
    let (mut stream, _peer) = tcp_pair();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    is_unknown(&mut sender);
    is_unknown(&mut receiver);
    is_unknown(&mut stream);
    is_unknown(&mut ours);
    is_unknown(&mut SourceFd(&theirs.as_raw_fd()));
    is_unknown(&mut IoSource::new(theirs));
    is_unknown(&mut TcpListener::bind(any()).unwrap());
    is_unknown(&mut UdpSocket::bind(any()).unwrap());
}

fn is_unknown(source: &mut impl Source) {
    let mut harness = Harness::new();
    let registry = harness.poll.registry();
    expect_error(registry.deregister(source), ErrorKind::NotFound);
    expect_error(registry.reregister(source, IT, Interest::READABLE), ErrorKind::NotFound);
    registry.register(source, IT, Interest::READABLE).unwrap();
    registry.deregister(source).unwrap();
    expect_error(registry.deregister(source), ErrorKind::NotFound);
    expect_error(registry.reregister(source, IT, Interest::READABLE), ErrorKind::NotFound);
    harness.expect_none();
}

/// The two ends of the waker's pipe were swapped: each wake failed (tokio-rs/mio#1722). More wakes than a pipe has
/// room for must neither fail nor block. With `--cfg poised_waker="pipe"` this is about the pipe, else about what
/// the platform has.
#[test]
fn scenario_33_waker_uses_the_right_ends() {
    let mut harness = Harness::new();
    let waker = Waker::new(harness.poll.registry(), IT).unwrap();
    for wakes in [1, 2, 100_000, 1] {
        (0..wakes).for_each(|_| waker.wake().unwrap());
        harness.expect_readable(IT);
        harness.expect_none();
    }
}

/// A writer that filled the pipe hears of the room that its reader makes, more than once (tokio-rs/tokio#5866 for
/// writes).
#[test]
fn scenario_29_short_write_is_not_a_full_buffer() {
    let mut harness = Harness::new();
    let (mut sender, receiver) = pipe::new().unwrap();
    harness.register(&mut sender, IT, Interest::WRITABLE);
    for _ in 0..5 {
        harness.expect_writable(IT);
        let sent = fill(&sender);
        assert_eq!(drain(&receiver).0.len(), sent);
    }
}

leaves_nothing_open!(
    scenario_11_peek_that_blocked_arms_a_stream,
    scenario_11_peek_that_blocked_arms_a_datagram_socket,
    scenario_12_reregister_arms_after_foreign_reads,
    scenario_12_try_io_and_do_io_arm_after_foreign_reads,
    scenario_28_bare_descriptor_is_announced_each_time,
    scenario_28_bare_descriptor_drained_while_one_waits,
    scenario_28_bare_descriptor_is_announced_as_writable_each_time,
    scenario_29_short_read_is_not_a_drain,
    scenario_29_short_read_of_a_bare_descriptor,
    scenario_30_source_stays_registered_after_a_hang_up,
    scenario_31_register_from_another_thread_while_one_waits,
    scenario_31_drained_in_another_thread_while_one_waits,
    scenario_31_changes_and_wakes_against_waits,
    scenario_31_two_wakers_keep_their_tokens,
    scenario_32_unknown_source_is_not_found,
    scenario_33_waker_uses_the_right_ends,
    scenario_29_short_write_is_not_a_full_buffer,
);
