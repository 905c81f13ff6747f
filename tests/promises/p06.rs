//! P06 Half-close, full close, reset and connect failure show as one table says, the same on all backends as far as the
//! kernel tells.
//!
//! A row: how the connection ends, and which of readable, read-closed, write-closed and error are reported for it, with
//! the interest READABLE | WRITABLE.

use std::io::{Read, Write};
use std::net::Shutdown;

use poised::event::Source;
use poised::net::TcpStream;
use poised::{Interest, Token};

use crate::links::tcp_pair;
use crate::util::leak::leaves_nothing_open;
use crate::util::{drain, half_close_is_untold, on_wasi, on_wine, Harness, Seen};

const IT: Token = Token(8);
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// What a row of the table expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    readable: bool,
    read_closed: bool,
    write_closed: bool,
    error: bool,
}

const OPEN: Row = Row { readable: false, read_closed: false, write_closed: false, error: false };
const HALF: Row = Row { readable: true, read_closed: true, ..OPEN };
const FULL: Row = Row { write_closed: true, ..HALF };

impl From<Seen> for Row {
    fn from(seen: Seen) -> Row {
        let Seen { readable, read_closed, write_closed, error, .. } = seen;
        Row { readable, read_closed, write_closed, error }
    }
}

impl Row {
    fn covers(self, other: Row) -> bool {
        let ahead = |has: bool, wants: bool| has || !wants;
        ahead(self.readable, other.readable)
            && ahead(self.read_closed, other.read_closed)
            && ahead(self.write_closed, other.write_closed)
            && ahead(self.error, other.error)
    }
}

/// Says that `end` makes `source` report what `row` says: all of it, and nothing else.
#[track_caller]
fn check<S: Source>(source: &mut S, row: Row, end: impl FnOnce(&mut S)) {
    let half = row.read_closed && !row.write_closed;
    let unseen = row.read_closed && on_wasi("does not tell of an end: it is read") || half && half_close_is_untold();
    let row = if unseen { Row { readable: true, ..OPEN } } else { row };
    let mut harness = Harness::new();
    harness.register(source, IT, BOTH);
    // First the source is open: whatever this reports, it is no end.
    let before = all_until_sentinel(&mut harness, Seen::default());
    assert_eq!(Row::from(before), OPEN);
    end(source);
    let seen = harness.expect(IT, |seen| Row::from(*seen).covers(row));
    let seen = all_until_sentinel(&mut harness, seen);
    assert_eq!(Row::from(seen), row);
}

fn all_until_sentinel(harness: &mut Harness, mut seen: Seen) -> Seen {
    harness.until_sentinel().iter().for_each(|event| seen.add(event));
    seen
}

#[test]
fn p06_open_is_not_closed() {
    let (one, mut other) = tcp_pair();
    let mut stream = TcpStream::from_std(one);
    check(&mut stream, Row { readable: true, ..OPEN }, |_| other.write_all(b"x").unwrap());
}

#[test]
fn p06_tcp_peer_shuts_down_writing() {
    let (one, other) = tcp_pair();
    let mut stream = TcpStream::from_std(one);
    check(&mut stream, HALF, |_| other.shutdown(Shutdown::Write).unwrap());
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    assert_eq!(stream.write(b"still open").unwrap(), 10);
}

#[test]
fn p06_tcp_peer_closes() {
    let (one, other) = tcp_pair();
    let mut stream = TcpStream::from_std(one);
    check(&mut stream, HALF, |_| drop(other));
    assert_eq!(drain(&stream), (vec![], true));
}

#[test]
fn p06_tcp_bytes_before_the_end_are_kept() {
    if on_wine("tells of the end of a stream when the bytes before it were read, not before") {
        return;
    }
    let (one, mut other) = tcp_pair();
    let mut stream = TcpStream::from_std(one);
    check(&mut stream, HALF, |_| {
        other.write_all(b"last words").unwrap();
        drop(other);
    });
    assert_eq!(drain(&stream), (b"last words".to_vec(), true));
}

#[test]
fn p06_tcp_end_after_an_event_is_a_new_event() {
    let (one, mut other) = tcp_pair();
    let mut stream = TcpStream::from_std(one);
    let mut harness = Harness::new();
    harness.register(&mut stream, IT, Interest::READABLE);
    other.write_all(b"x").unwrap();
    let seen = harness.expect_readable(IT);
    assert!(!seen.read_closed, "{seen:?}");
    assert_eq!(drain(&stream), (b"x".to_vec(), false));
    drop(other);
    harness.expect(IT, |seen| seen.readable && (seen.read_closed || half_close_is_untold()));
    assert_eq!(drain(&stream), (b"".to_vec(), true));
}

#[test]
fn p06_tcp_both_shut_down() {
    let (one, other) = tcp_pair();
    let mut stream = TcpStream::from_std(one);
    // AFD tells of what the peer does, and not of what was done here.
    check(&mut stream, if cfg!(windows) { HALF } else { FULL }, |stream| {
        other.shutdown(Shutdown::Write).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    });
}

#[test]
fn p06_unconnected_listener_is_open() {
    let mut listener = poised::net::TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    check(&mut listener, OPEN, |_| {});
}

#[cfg(target_os = "linux")]
mod linux {
    //! Rows where systems differ in what their kernels tell; these are Linux'.

    use std::io::{ErrorKind, Write};
    use std::net::{Ipv4Addr, Shutdown};

    use poised::net::{TcpStream, UnixStream};
    use poised::unix::pipe;
    use poised::{Interest, Token};

    use super::{check, Row, FULL, HALF, IT, OPEN};
    use crate::links::tcp_pair;
    use crate::util::leak::leaves_nothing_open;
    use crate::util::{drain, expect_error, linux::reset_on_close, Harness, ON_KQUEUE};

    const RESET: Row = Row { error: true, ..FULL };

    #[test]
    fn p06_tcp_reset() {
        let (one, other) = tcp_pair();
        let mut stream = TcpStream::from_std(one);
        check(&mut stream, RESET, |_| {
            reset_on_close(&other);
            drop(other);
        });
        expect_error(stream.write(b"x"), ErrorKind::ConnectionReset);
    }

    #[test]
    fn p06_tcp_own_shutdown_of_reading() {
        let (one, _other) = tcp_pair();
        let mut stream = TcpStream::from_std(one);
        check(&mut stream, HALF, |stream| stream.shutdown(Shutdown::Read).unwrap());
    }

    #[test]
    fn p06_tcp_own_shutdown_of_writing_leaves_reading_open() {
        let (one, mut other) = tcp_pair();
        let mut stream = TcpStream::from_std(one);
        // kqueue tells of the direction that was shut down here, too.
        check(&mut stream, Row { readable: true, write_closed: ON_KQUEUE, ..OPEN }, |stream| {
            stream.shutdown(Shutdown::Write).unwrap();
            other.write_all(b"an answer").unwrap();
        });
        assert_eq!(drain(&stream), (b"an answer".to_vec(), false));
    }

    #[test]
    fn p06_tcp_own_shutdown_of_both() {
        let (one, _other) = tcp_pair();
        let mut stream = TcpStream::from_std(one);
        check(&mut stream, FULL, |stream| stream.shutdown(Shutdown::Both).unwrap());
    }

    #[test]
    fn p06_tcp_connect_refused() {
        let nobody = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let mut stream = TcpStream::connect(nobody).unwrap();
        let mut harness = Harness::new();
        harness.register(&mut stream, IT, Interest::WRITABLE);
        harness.expect(IT, |seen| seen.error && seen.is_closed(Interest::WRITABLE));
        let error = stream.take_error().unwrap().expect("the error that the event told of");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn p06_unix_peer_shuts_down_writing() {
        let (mut stream, other) = UnixStream::pair().unwrap();
        check(&mut stream, HALF, |_| other.shutdown(Shutdown::Write).unwrap());
    }

    #[test]
    fn p06_unix_peer_closes() {
        let (mut stream, other) = UnixStream::pair().unwrap();
        check(&mut stream, FULL, |_| drop(other));
        expect_error(stream.write(b"x"), ErrorKind::BrokenPipe);
    }

    #[test]
    fn p06_unix_peer_closes_without_reading_all() {
        let (mut stream, other) = UnixStream::pair().unwrap();
        stream.write_all(b"never read").unwrap();
        check(&mut stream, RESET, |_| drop(other));
    }

    #[test]
    fn p06_pipe_writer_closes() {
        let (sender, mut receiver) = pipe::new().unwrap();
        let mut harness = Harness::new();
        harness.register(&mut receiver, Token(9), Interest::READABLE);
        harness.expect_none();
        drop(sender);
        // Only a hang-up, no IN: it must wake the reader all the same.
        let seen = harness.expect(Token(9), |seen| seen.read_closed);
        assert!(!seen.error, "{seen:?}");
        assert_eq!(drain(&receiver), (vec![], true));
    }

    #[test]
    fn p06_pipe_writer_closes_behind_its_bytes() {
        let (mut sender, mut receiver) = pipe::new().unwrap();
        let mut harness = Harness::new();
        harness.register(&mut receiver, Token(9), Interest::READABLE);
        sender.write_all(b"x").unwrap();
        drop(sender);
        harness.expect(Token(9), |seen| seen.readable && seen.read_closed);
        assert_eq!(drain(&receiver), (b"x".to_vec(), true));
    }

    #[test]
    fn p06_pipe_reader_closes() {
        let (mut sender, receiver) = pipe::new().unwrap();
        let mut harness = Harness::new();
        harness.register(&mut sender, Token(9), Interest::WRITABLE);
        harness.expect_writable(Token(9));
        drop(receiver);
        let seen = harness.expect(Token(9), |seen| seen.tells_of_error() && seen.write_closed);
        assert!(!seen.read_closed, "{seen:?}");
        expect_error(sender.write(b"x"), ErrorKind::BrokenPipe);
    }

    leaves_nothing_open!(
        p06_tcp_reset,
        p06_tcp_own_shutdown_of_reading,
        p06_tcp_own_shutdown_of_writing_leaves_reading_open,
        p06_tcp_own_shutdown_of_both,
        p06_tcp_connect_refused,
        p06_unix_peer_shuts_down_writing,
        p06_unix_peer_closes,
        p06_unix_peer_closes_without_reading_all,
        p06_pipe_writer_closes,
        p06_pipe_writer_closes_behind_its_bytes,
        p06_pipe_reader_closes,
    );
}

leaves_nothing_open!(
    p06_open_is_not_closed,
    p06_tcp_peer_shuts_down_writing,
    p06_tcp_peer_closes,
    p06_tcp_bytes_before_the_end_are_kept,
    p06_tcp_end_after_an_event_is_a_new_event,
    p06_tcp_both_shut_down,
    p06_unconnected_listener_is_open,
);
