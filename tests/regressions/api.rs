//! Scenarios 72, 73 and 80 to 83: the interface itself.

use std::io::{ErrorKind, Write};

use poised::event::{Event, Events, Iter, Source};
use poised::net::{TcpListener, TcpStream, UdpSocket};
use poised::{Interest, IoSource, Poll, Registry, Token, Waker};

use crate::sockets::{any, pair, tcp_pair};
use crate::util::leak::leaves_nothing_open;
use crate::util::{drain, expect_error, isolated, Harness, PATIENCE};

const IT: Token = Token(72);

/// The tokens of the next events.
fn next(harness: &mut Harness) -> Vec<Token> {
    harness.poll.poll(&mut harness.events, Some(PATIENCE)).unwrap();
    assert!(!harness.events.is_empty(), "silence");
    harness.events.iter().map(|event| event.token()).collect()
}

/// The handler of one event ended the source of another that the same wait had returned, and gave its token to a new
/// source: what was meant for the old one hit the new one (tokio-rs/mio#172, tokio-rs/mio#219).
///
/// What a wait has returned stays returned, as documented; but no later wait reports the old source.
#[test]
fn scenario_72_deregister_within_a_batch() {
    let mut harness = Harness::new();
    let (mut one, mut one_peer) = pair();
    let (mut two, mut two_peer) = pair();
    let (mut three, mut three_peer) = pair();
    harness.register(&mut one, Token(1), Interest::READABLE);
    harness.register(&mut two, Token(2), Interest::READABLE);
    for round in 0..2 {
        one_peer.write_all(b"1").unwrap();
        two_peer.write_all(b"2").unwrap();
        let mut tokens = Vec::new();
        while tokens.len() < 2 {
            // With sockets of Unix both are in one batch.
            assert!(tokens.is_empty() || cfg!(windows), "{tokens:?} alone");
            tokens.extend(next(&mut harness));
        }
        tokens.sort();
        assert_eq!(tokens, [Token(1), Token(2)]);

        harness.deregister(&mut two);
        harness.register(&mut three, Token(2), Interest::READABLE);
        assert_eq!(drain(&one), (b"1".to_vec(), false));
        two_peer.write_all(b"2").unwrap();
        harness.expect_none();
        three_peer.write_all(b"3").unwrap();
        harness.expect_readable(Token(2));
        assert_eq!(drain(&three), (b"3".to_vec(), false), "round {round}");

        harness.deregister(&mut three);
        assert_eq!(drain(&two), (b"22".to_vec(), false));
        harness.register(&mut two, Token(2), Interest::READABLE);
    }
}

/// Tokens that the library had taken for itself, or whose upper bits it used, came back changed or not at all
/// (tokio-rs/mio#788, tokio-rs/mio#935).
#[test]
fn scenario_73_tokens_come_back_as_they_were() {
    let on_the_heap = Box::new(0_u64);
    let address = std::ptr::addr_of!(*on_the_heap) as usize;
    let high = 1 << (usize::BITS - 1);
    let values = [
        0,
        1,
        2,
        255,
        256,
        0xffff_ffff,
        0xffff_fffe,
        address,
        address | 1,
        address | high,
        high,
        high - 1,
        usize::MAX - 1,
    ];
    let mut harness = Harness::new();
    for value in values.into_iter().chain([usize::MAX]) {
        let token = Token(value);
        let (mut stream, mut peer) = pair();
        harness.register(&mut stream, token, Interest::READABLE);
        peer.write_all(b"!").unwrap();
        harness.expect_readable(token);
        let came = harness.until_sentinel();
        assert!(came.iter().all(|event| event.token() == token), "{token:?}: {came:?}");
        harness.deregister(&mut stream);
        let waker = Waker::new(harness.poll.registry(), token).unwrap();
        waker.wake().unwrap();
        harness.expect_readable(token);
    }
    assert_eq!(usize::from(Token(address)), address);
}

/// `Events::with_capacity(0)` made every wait fail, for the kernel takes no empty list (tokio-rs/tokio#8476).
#[test]
fn scenario_80_capacity_zero() {
    let mut harness = Harness::with_capacity(0);
    assert_eq!(harness.events.capacity(), 1);
    assert!(harness.events.is_empty());
    assert_eq!(harness.turn(), 0);
    let (mut ours, mut theirs) = pair();
    harness.register(&mut ours, IT, Interest::READABLE);
    theirs.write_all(b"!").unwrap();
    harness.expect_readable(IT);
    harness.expect_none();
    harness.events.clear();
    assert_eq!(harness.events.capacity(), 1);
}

/// Events beyond what the list holds were lost, or the first sources of the list took each place in it
/// (related: servo/ipc-channel#94).
#[test]
fn scenario_81_a_thousand_sources_and_room_for_one() {
    isolated("api::scenario_81_a_thousand_sources_and_room_for_one", || {
        const SOURCES: usize = 1_000;
        #[cfg(target_os = "linux")]
        let _undo = crate::util::linux::allow_descriptors(SOURCES + 10);
        let mut harness = Harness::with_capacity(1);
        let mut sources: Vec<_> = (0..SOURCES).map(|_| UdpSocket::bind(any()).unwrap()).collect();
        for (index, source) in sources.iter_mut().enumerate() {
            harness.register(source, Token(index), Interest::WRITABLE);
        }
        let mut came = vec![0; SOURCES];
        for _ in 0..SOURCES {
            let tokens = next(&mut harness);
            assert_eq!(tokens.len(), 1);
            came[tokens[0].0] += 1;
        }
        assert!(came.iter().all(|&times| times == 1), "{came:?}");
        harness.expect_none();
    });
}

/// Wakes for which the list had no room were lost (tokio-rs/mio#1706; related: servo/ipc-channel#94).
#[test]
fn scenario_81_more_wakes_than_room() {
    let mut harness = Harness::with_capacity(1);
    let wakers = [1, 2, 3].map(|token| Waker::new(harness.poll.registry(), Token(token)).unwrap());
    for _ in 0..3 {
        wakers.iter().for_each(|waker| waker.wake().unwrap());
        let mut came = Vec::new();
        for _ in &wakers {
            assert_eq!(harness.turn(), 1, "after {came:?}");
            came.extend(harness.events.iter().map(|event| event.token().0));
        }
        came.sort_unstable();
        assert_eq!(came, [1, 2, 3]);
        assert_eq!(harness.turn(), 0);
    }
}

/// A source that is ready again and again kept all others waiting (related: servo/ipc-channel#94).
#[test]
fn scenario_81_busy_source_starves_nobody() {
    const SOURCES: usize = 100;
    let mut harness = Harness::with_capacity(1);
    let mut sources: Vec<_> = (0..SOURCES).map(|_| UdpSocket::bind(any()).unwrap()).collect();
    for (index, source) in sources.iter_mut().enumerate() {
        harness.register(source, Token(index), Interest::WRITABLE);
    }
    let mut came = [0; SOURCES];
    for _ in 0..3 * SOURCES {
        if harness.turn() == 0 {
            break;
        }
        came[harness.events.iter().next().unwrap().token().0] += 1;
        harness.reregister(&mut sources[0], Token(0), Interest::WRITABLE);
        harness.reregister(&mut sources[SOURCES - 1], Token(SOURCES - 1), Interest::WRITABLE);
    }
    assert!(came.iter().all(|&times| times > 0), "{came:?}");
}

/// A source moved to another `Poll` was refused by some platforms and reported by both of its polls on others
/// (tokio-rs/mio#490, tokio-rs/mio#1203, tokio-rs/mio#1643).
#[test]
fn scenario_82_source_moves_to_another_poll() {
    let (mut stream, mut stream_peer) = tcp_pair();
    moves(&mut stream, || stream_peer.write_all(b"!").unwrap());
    let (mut ours, mut theirs) = pair();
    moves(&mut ours, || theirs.write_all(b"!").unwrap());
    #[cfg(unix)]
    {
        let (mut sender, mut receiver) = poised::unix::pipe::new().unwrap();
        moves(&mut receiver, || sender.write_all(b"!").unwrap());
    }
    let (ours, mut theirs) = pair();
    moves(&mut IoSource::new(ours), || theirs.write_all(b"!").unwrap());
}

fn moves(source: &mut impl Source, mut feed: impl FnMut()) {
    let (mut one, mut two) = (Harness::new(), Harness::new());
    for _ in 0..2 {
        one.register(source, Token(1), Interest::READABLE);
        feed();
        one.expect_readable(Token(1));
        one.deregister(source);
        two.register(source, Token(2), Interest::READABLE);
        two.expect_readable(Token(2));
        feed();
        one.expect_none();
        two.deregister(source);
        two.expect_none();
    }
}

/// Without the step in between the mistake went unnoticed in release builds (tokio-rs/mio#1643). It is an error, and
/// costs nothing of what there was.
#[test]
fn scenario_82_source_of_two_polls() {
    let (mut one, mut two) = (Harness::new(), Harness::new());
    let (mut ours, mut theirs) = pair();
    one.register(&mut ours, Token(1), Interest::READABLE);
    let registry = two.poll.registry();
    expect_error(registry.register(&mut ours, Token(2), Interest::READABLE), ErrorKind::AlreadyExists);
    expect_error(registry.reregister(&mut ours, Token(2), Interest::READABLE), ErrorKind::NotFound);
    expect_error(registry.deregister(&mut ours), ErrorKind::NotFound);
    let registry = one.poll.registry();
    expect_error(registry.register(&mut ours, Token(3), Interest::WRITABLE), ErrorKind::AlreadyExists);
    theirs.write_all(b"!").unwrap();
    one.expect_readable(Token(1));
    two.expect_none();
    one.expect_none();

    let clone = one.poll.registry().try_clone().unwrap();
    clone.reregister(&mut ours, Token(4), Interest::READABLE).unwrap();
    one.expect_readable(Token(4));
    clone.deregister(&mut ours).unwrap();
    one.expect_none();
}

/// The poll that a source was registered with is gone: the source can go on elsewhere (tokio-rs/mio#1203).
#[test]
fn scenario_82_poll_dropped_first() {
    let (mut ours, mut theirs) = pair();
    let one = Harness::new();
    one.register(&mut ours, Token(1), Interest::READABLE);
    one.deregister(&mut ours);
    drop(one);
    let mut two = Harness::new();
    two.register(&mut ours, Token(2), Interest::READABLE);
    theirs.write_all(b"!").unwrap();
    two.expect_readable(Token(2));
    drop(two);
    assert_eq!(drain(&ours), (b"!".to_vec(), false));
}

/// On some platforms a type could not be sent to another thread, and nobody noticed before a release
/// (tokio-rs/mio#1130, tokio-rs/mio#1905).
#[test]
fn scenario_83_everything_is_send_and_sync() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<(Poll, Registry, Waker, Token, Interest)>();
    check::<(Events, Event, Iter<'_>)>();
    check::<(TcpListener, TcpStream, UdpSocket)>();
    #[cfg(unix)]
    check::<(poised::net::UnixListener, poised::net::UnixStream, poised::net::UnixDatagram)>();
    #[cfg(unix)]
    check::<(poised::unix::pipe::Sender, poised::unix::pipe::Receiver, poised::unix::SourceFd<'_>)>();
    check::<IoSource<std::net::TcpStream>>();
}

leaves_nothing_open!(
    scenario_72_deregister_within_a_batch,
    scenario_73_tokens_come_back_as_they_were,
    scenario_80_capacity_zero,
    scenario_81_a_thousand_sources_and_room_for_one,
    scenario_81_more_wakes_than_room,
    scenario_81_busy_source_starves_nobody,
    scenario_82_source_moves_to_another_poll,
    scenario_82_source_of_two_polls,
    scenario_82_poll_dropped_first,
    scenario_83_everything_is_send_and_sync,
);
