//! Scenarios 38 to 43: what the kernel's flags mean, and that reading them wrong makes loops spin or sleep.

use std::io::{Read, Write};
use std::net::Shutdown;

use nix::sys::socket::{setsockopt, sockopt, TimestampingFlag};
use poised::net::{TcpListener, UdpSocket};
use poised::unix::pipe;
use poised::{Interest, Token};
use rustix::net::{RecvFlags, SendFlags};

use crate::raw::bound_stream_socket;
use crate::sockets::{any, tcp_pair, udp_pair};
use crate::util::leak::leaves_nothing_open;
use crate::util::linux::while_polling;
use crate::util::{drain, expect_would_block, fill, half_close_is_untold, Harness, ON_KQUEUE, PATIENCE};

const IT: Token = Token(40);
const OTHER: Token = Token(41);
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// Changing the interest lost the edge trigger, and the loop spun; or the new registration said nothing of what was
/// ready already (libevent/libevent#636, tokio-rs/mio#529).
#[test]
fn scenario_38_reregister_keeps_the_trigger() {
    let mut harness = Harness::new();
    let (mut stream, mut peer) = tcp_pair();
    harness.register(&mut stream, IT, BOTH);
    harness.expect_writable(IT);
    peer.write_all(b"!").unwrap();
    harness.expect_readable(IT);
    harness.expect_none();

    harness.reregister(&mut stream, OTHER, Interest::WRITABLE);
    let seen = harness.expect_writable(OTHER);
    assert!(!seen.readable, "{seen:?}");
    harness.expect_none();

    harness.reregister(&mut stream, IT, BOTH);
    harness.expect(IT, |seen| seen.readable && seen.writable);
    harness.expect_none();
    assert_eq!(drain(&stream), (b"!".to_vec(), false));
}

/// The peer's half-close was taken for a close of both halves: with a full send buffer the loop was told of a
/// writable, closed stream again and again, and what it still had to say was thrown away
/// (tokio-rs/mio#933, tokio-rs/mio#939, quininer/tokio-rustls#33).
#[test]
fn scenario_39_half_close_is_not_a_hang_up() {
    let mut harness = Harness::new();
    let (mut stream, mut peer) = tcp_pair();
    harness.register(&mut stream, IT, BOTH);
    harness.expect_writable(IT);
    let sent = fill(&stream);
    peer.shutdown(Shutdown::Write).unwrap();

    let seen = harness.expect(IT, |seen| seen.read_closed || seen.readable && half_close_is_untold());
    assert!(seen.readable && !seen.write_closed && !seen.error, "{seen:?}");
    assert_eq!(drain(&stream), (vec![], true));
    harness.expect_none();

    peer.read_exact(&mut vec![0; sent]).unwrap();
    let seen = harness.expect_writable(IT);
    assert!(!seen.write_closed, "{seen:?}");
    stream.write_all(b"the end").unwrap();
    drop(stream);
    let mut rest = String::new();
    peer.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "the end");
}

/// A task that only waits for its reader to go away was not told before it wrote (tokio-rs/tokio#2174).
#[test]
fn scenario_40_writer_learns_that_the_reader_is_gone() {
    for full in [false, true] {
        let mut harness = Harness::new();
        let (mut sender, receiver) = pipe::new().unwrap();
        harness.register(&mut sender, IT, Interest::WRITABLE);
        harness.expect_writable(IT);
        if full {
            fill(&sender);
        }
        harness.expect_none();
        drop(receiver);
        harness.expect(IT, |seen| seen.write_closed && seen.tells_of_error());
        harness.expect_none();
    }
}

/// A hang-up without a readable flag beside it woke nobody: readers waited for ever (libuv/libuv#1896).
#[test]
fn scenario_41_lone_hang_up_wakes_the_reader() {
    let mut harness = Harness::new();
    let (sender, mut receiver) = pipe::new().unwrap();
    harness.register(&mut receiver, IT, Interest::READABLE);
    harness.expect_none();
    drop(sender);
    harness.expect(IT, |seen| seen.is_closed(Interest::READABLE));
    assert_eq!(drain(&receiver), (vec![], true));
    harness.expect_none();
}

/// To Linux, a stream socket that is not connected has hung up; to kqueue, nothing has happened to it.
fn expect_unconnected(harness: &mut Harness) {
    if ON_KQUEUE {
        harness.expect_none();
    } else {
        harness.expect(IT, |seen| seen.read_closed && seen.write_closed);
    }
}

/// A stream socket that is bound and does not listen hangs up at once, and did so for ever: the loop that hoped for
/// connections spun (tokio-rs/tokio#4549).
#[test]
fn scenario_42_listener_that_does_not_listen() {
    let mut harness = Harness::new();
    let (socket, _) = bound_stream_socket();
    let mut listener = TcpListener::from(socket);
    harness.register(&mut listener, IT, Interest::READABLE);
    expect_unconnected(&mut harness);
    harness.expect_none();
    listener.accept().expect_err("an error that says that nobody listens");
    harness.expect_none();
}

/// Such a listener that begins to listen after all is told of its connections (tokio-rs/tokio#4549).
#[test]
fn scenario_42_listener_that_listens_later() {
    let mut harness = Harness::new();
    let (socket, address) = bound_stream_socket();
    let mut listener = TcpListener::from(socket);
    harness.register(&mut listener, IT, Interest::READABLE);
    expect_unconnected(&mut harness);
    rustix::net::listen(&listener, 8).unwrap();
    let (result, _client) =
        while_polling(&mut harness, Some(PATIENCE), |_| std::net::TcpStream::connect(address).unwrap());
    result.unwrap();
    assert!(harness.events.iter().any(|event| event.token() == IT && event.is_readable()), "{:?}", harness.events);
    listener.accept().unwrap();
}

/// The same, where it begins while another thread waits (tokio-rs/tokio#4549).
#[test]
fn scenario_42_listener_that_listens_while_one_waits() {
    let mut harness = Harness::new();
    let (socket, address) = bound_stream_socket();
    let mut listener = TcpListener::from(socket);
    harness.register(&mut listener, IT, Interest::READABLE);
    expect_unconnected(&mut harness);
    let (result, _client) = while_polling(&mut harness, Some(PATIENCE), |_| {
        rustix::net::listen(&listener, 8).unwrap();
        std::net::TcpStream::connect(address).unwrap()
    });
    result.unwrap();
    assert!(harness.events.iter().any(|event| event.token() == IT && event.is_readable()), "{:?}", harness.events);
    listener.accept().unwrap();
}

/// Urgent data did not reach those who asked for nothing else, or reached them as an error
/// (tokio-rs/tokio#4885, tokio-rs/tokio#5784).
#[test]
fn scenario_43_priority_alone() {
    let mut harness = Harness::new();
    let (mut stream, mut peer) = tcp_pair();
    harness.register(&mut stream, IT, Interest::PRIORITY);
    peer.write_all(b"not urgent").unwrap();
    harness.expect_none();
    rustix::net::send(&peer, b"!", SendFlags::OOB).unwrap();
    let seen = harness.expect(IT, |seen| seen.priority);
    assert!(!seen.error && !seen.writable, "{seen:?}");
    let mut urgent = [0];
    rustix::net::recv(&stream, &mut urgent, RecvFlags::OOB).unwrap();
    assert_eq!(&urgent, b"!");
    assert_eq!(drain(&stream), (b"not urgent".to_vec(), false));
}

/// What waits in the error queue (here: the moment at which a datagram left) was not told to those who had asked for
/// READABLE (tokio-rs/tokio#5784, tokio-rs/mio#1672).
#[test]
#[cfg_attr(poised_backend = "kqueue", ignore = "kqueue tells no errors but those of an end")]
fn scenario_43_error_queue() {
    let mut harness = Harness::new();
    let (mut socket, peer) = udp_pair();
    let stamps = TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
    setsockopt(&socket, sockopt::Timestamping, &stamps).unwrap();
    harness.register(&mut socket, IT, Interest::READABLE);
    harness.expect_none();
    for _ in 0..3 {
        socket.send(b"!").unwrap();
        let seen = harness.expect(IT, |seen| seen.error);
        assert!(!seen.writable, "{seen:?}");
        assert!(peer.recv(&mut [0; 8]).is_ok());
        let next = || socket.try_io(|| Ok(rustix::net::recv(&socket, &mut [0; 64], RecvFlags::ERRQUEUE)?));
        next().expect("a stamped copy");
        expect_would_block(next());
    }
}

/// A socket that a stamped copy waits for, in an error queue that its owner leaves alone, and its peer.
fn with_a_queued_error(harness: &mut Harness) -> (UdpSocket, UdpSocket) {
    let (mut socket, peer) = udp_pair();
    let stamps = TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
    setsockopt(&socket, sockopt::Timestamping, &stamps).unwrap();
    harness.register(&mut socket, IT, Interest::READABLE);
    socket.send(b"!").unwrap();
    harness.expect(IT, |seen| seen.error);
    (socket, peer)
}

/// Who leaves the error queue alone, and reads until `WouldBlock` as ever, does not spin on the error that stays
/// (tokio-rs/mio#1672; the spin is what poll(2)'s unmaskable errors invite).
#[test]
#[cfg_attr(poised_backend = "kqueue", ignore = "kqueue tells no errors but those of an end")]
fn scenario_43_error_queue_left_alone_does_not_spin() {
    let mut harness = Harness::new();
    let (socket, _peer) = with_a_queued_error(&mut harness);
    let mut turns_with_events = 0;
    for _ in 0..100 {
        expect_would_block(socket.recv(&mut [0; 8]));
        turns_with_events += harness.turn();
    }
    assert!(turns_with_events < 10, "{turns_with_events} of 100 turns reported the error again");
}

/// Nor does he miss what comes in (tokio-rs/mio#1672).
#[test]
#[cfg_attr(poised_backend = "kqueue", ignore = "kqueue tells no errors but those of an end")]
fn scenario_43_error_queue_left_alone_loses_nothing() {
    let mut harness = Harness::new();
    let (socket, peer) = with_a_queued_error(&mut harness);
    for round in 0..5 {
        peer.send(&[round]).unwrap();
        harness.expect_readable(IT);
        let mut byte = [0xff];
        assert_eq!(socket.recv(&mut byte).unwrap(), 1);
        assert_eq!(byte, [round]);
        expect_would_block(socket.recv(&mut byte));
    }
}

/// The same for the error that a closed port sends back (tokio-rs/mio#1672).
#[test]
fn scenario_43_refused_datagram() {
    let mut harness = Harness::new();
    let mut socket = UdpSocket::bind(any()).unwrap();
    // A port that is closed and that nobody else opens: a connected socket takes no strangers' datagrams.
    let (closed, friend) = udp_pair();
    socket.connect(closed.local_addr().unwrap()).unwrap();
    setsockopt(&socket, sockopt::Ipv4RecvErr, &true).unwrap();
    harness.register(&mut socket, IT, Interest::READABLE);
    harness.expect_none();
    socket.send(b"!").unwrap();
    let seen = harness.expect(IT, |seen| seen.tells_of_error());
    assert!(!seen.writable, "{seen:?}");
    let error = socket.take_error().unwrap().expect("the error that was announced");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    rustix::net::recv(&socket, &mut [0; 64], RecvFlags::ERRQUEUE).expect("the queued message");
    drop(friend);
}

leaves_nothing_open!(
    scenario_38_reregister_keeps_the_trigger,
    scenario_39_half_close_is_not_a_hang_up,
    scenario_40_writer_learns_that_the_reader_is_gone,
    scenario_41_lone_hang_up_wakes_the_reader,
    scenario_42_listener_that_does_not_listen,
    scenario_42_listener_that_listens_later,
    scenario_42_listener_that_listens_while_one_waits,
    scenario_43_priority_alone,
    scenario_43_error_queue,
    scenario_43_error_queue_left_alone_does_not_spin,
    scenario_43_error_queue_left_alone_loses_nothing,
    scenario_43_refused_datagram,
);
