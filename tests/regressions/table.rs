//! Scenario 85: what an event says about a connection that ends. Users had to find out by trial, and found each backend
//! saying something else (tokio-rs/mio#941, tokio-rs/mio#1091, tokio-rs/mio#1702).

use std::fmt::Debug;
use std::io::Write;
use std::net::Shutdown;

use poised::event::Source;
use poised::net::{TcpStream, UnixStream};
use poised::unix::pipe;
use poised::{Interest, Token};

use crate::raw::bound_stream_socket;
use crate::sockets::tcp_pair;
use crate::util::leak::leaves_nothing_open;
use crate::util::linux::reset_on_close;
use crate::util::{Harness, Seen, ON_EVENT_PORTS, ON_KQUEUE, ON_POLL};

const IT: Token = Token(85);
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// A source, what brings the situation about unless it is there from the start, and what must stay alive meanwhile.
type Situation = (Box<dyn Source>, Option<Box<dyn FnOnce()>>, Box<dyn Debug>);

struct Row {
    situation: &'static str,
    interest: Interest,
    make: fn() -> Situation,
    /// The predicates that hold when a source in this situation is registered; all others do not.
    holds: &'static str,
    /// Those that poll(2) gives when the situation comes about after the source was announced as writable, and that
    /// was not followed by a `WouldBlock`. With epoll they are those of `holds`, because the kernel repeats what
    /// else is true; poll(2) leaves out `writable`, which its user knows already.
    comes_with_poll: &'static str,
    /// Those that kqueue gives, where each direction tells of itself: what differs from `holds`.
    with_kqueue: Option<&'static str>,
}

impl Row {
    fn holds(&self) -> String {
        told(self.with_kqueue.filter(|_| ON_KQUEUE).unwrap_or(self.holds))
    }

    /// What comes when the situation comes about.
    fn comes(&self) -> String {
        if ON_POLL {
            told(self.comes_with_poll)
        } else {
            self.holds()
        }
    }
}

/// The predicates as this system tells them: Solaris has none for the end of one direction.
fn told(predicates: &str) -> String {
    let whole = predicates.contains("write_closed");
    let told = |name: &&str| *name != "read_closed" || whole || !ON_EVENT_PORTS;
    predicates.split(' ').filter(told).collect::<Vec<_>>().join(" ")
}

const TABLE: &[Row] = &[
    Row {
        situation: "TCP: the peer sent FIN",
        interest: BOTH,
        make: peer_fin,
        holds: "readable writable read_closed",
        comes_with_poll: "readable read_closed",
        with_kqueue: None,
    },
    Row {
        situation: "TCP: the peer sent RST",
        interest: BOTH,
        make: peer_rst,
        holds: "readable writable error read_closed write_closed",
        comes_with_poll: "readable error read_closed write_closed",
        with_kqueue: None,
    },
    Row {
        situation: "TCP: shutdown(Read) here",
        interest: BOTH,
        make: || shutdown_here(Shutdown::Read),
        holds: "readable writable read_closed",
        comes_with_poll: "readable read_closed",
        with_kqueue: None,
    },
    Row {
        situation: "TCP: shutdown(Write) here",
        interest: BOTH,
        make: || shutdown_here(Shutdown::Write),
        holds: "writable",
        comes_with_poll: "",
        with_kqueue: Some("writable write_closed"),
    },
    Row {
        situation: "TCP: connect refused",
        interest: BOTH,
        make: refused,
        holds: "readable writable error read_closed write_closed",
        comes_with_poll: "readable writable error read_closed write_closed",
        with_kqueue: None,
    },
    Row {
        situation: "pipe: the reader is gone",
        interest: Interest::WRITABLE,
        make: reader_gone,
        holds: "writable error write_closed",
        comes_with_poll: "error write_closed",
        with_kqueue: Some("writable write_closed"),
    },
    Row {
        situation: "pipe: the writer is gone, nothing is left",
        interest: Interest::READABLE,
        make: || writer_gone(b""),
        holds: "read_closed write_closed",
        comes_with_poll: "read_closed write_closed",
        with_kqueue: Some("readable read_closed"),
    },
    Row {
        situation: "pipe: the writer is gone, bytes are left",
        interest: Interest::READABLE,
        make: || writer_gone(b"left"),
        holds: "readable read_closed write_closed",
        comes_with_poll: "readable read_closed write_closed",
        with_kqueue: Some("readable read_closed"),
    },
    Row {
        situation: "Unix stream: the peer is closed",
        interest: BOTH,
        make: unix_peer_closed,
        holds: "readable writable read_closed write_closed",
        comes_with_poll: "readable read_closed write_closed",
        with_kqueue: None,
    },
    Row {
        situation: "Unix stream: the peer did shutdown(Write)",
        interest: BOTH,
        make: unix_peer_shutdown,
        holds: "readable writable read_closed",
        comes_with_poll: "readable read_closed",
        with_kqueue: None,
    },
];

fn peer_fin() -> Situation {
    let (stream, peer) = tcp_pair();
    let keep = peer.try_clone().unwrap();
    (Box::new(stream), Some(Box::new(move || peer.shutdown(Shutdown::Write).unwrap())), Box::new(keep))
}

fn peer_rst() -> Situation {
    let (stream, peer) = tcp_pair();
    reset_on_close(&peer);
    (Box::new(stream), Some(Box::new(|| drop(peer))), Box::new(()))
}

fn shutdown_here(how: Shutdown) -> Situation {
    let (stream, peer) = tcp_pair();
    let same = std::net::TcpStream::from(rustix::io::dup(&stream).unwrap());
    (Box::new(stream), Some(Box::new(move || same.shutdown(how).unwrap())), Box::new(peer))
}

fn refused() -> Situation {
    let (closed, address) = bound_stream_socket();
    (Box::new(TcpStream::connect(address).unwrap()), None, Box::new(closed))
}

fn reader_gone() -> Situation {
    let (sender, receiver) = pipe::new().unwrap();
    (Box::new(sender), Some(Box::new(|| drop(receiver))), Box::new(()))
}

fn writer_gone(left: &'static [u8]) -> Situation {
    let (mut sender, receiver) = pipe::new().unwrap();
    let leave = move || {
        sender.write_all(left).unwrap();
        drop(sender);
    };
    (Box::new(receiver), Some(Box::new(leave)), Box::new(()))
}

fn unix_peer_closed() -> Situation {
    let (stream, peer) = UnixStream::pair().unwrap();
    (Box::new(stream), Some(Box::new(|| drop(peer))), Box::new(()))
}

fn unix_peer_shutdown() -> Situation {
    let (stream, peer) = UnixStream::pair().unwrap();
    let same = std::os::unix::net::UnixStream::from(rustix::io::dup(&peer).unwrap());
    (Box::new(stream), Some(Box::new(move || same.shutdown(Shutdown::Write).unwrap())), Box::new(peer))
}

/// The predicates that hold, by name.
fn names(seen: &Seen) -> String {
    let all = [
        (seen.readable, "readable"),
        (seen.writable, "writable"),
        (seen.error, "error"),
        (seen.read_closed, "read_closed"),
        (seen.write_closed, "write_closed"),
        (seen.priority, "priority"),
    ];
    all.iter().filter(|(holds, _)| *holds).map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

fn includes(seen: &Seen, wanted: &str) -> bool {
    let names = names(seen);
    wanted.split(' ').all(|name| names.split(' ').any(|seen| seen == name))
}

/// Waits until all of `wanted` was reported, and says that nothing else was.
fn expect_exactly(harness: &mut Harness, row: &Row, wanted: &str) {
    let mut seen = match wanted {
        "" => Seen::default(),
        _ => harness.expect(IT, |seen| includes(seen, wanted)),
    };
    harness.until_sentinel().iter().for_each(|event| seen.add(event));
    assert_eq!(names(&seen), wanted, "{}", row.situation);
}

/// Says that no event tells of anything but what is `known`. Of that one may tell once more (P02): TCP looks again when the
/// other end confirms what was sent, a FIN for one, and on a busy machine it may do so late.
fn expect_no_news(harness: &mut Harness, row: &Row, known: &str) {
    for event in harness.until_sentinel() {
        let mut seen = Seen::default();
        seen.add(&event);
        let names = names(&seen);
        let is_known = |name| known.split(' ').any(|it| it == name);
        assert!(names.split(' ').all(is_known), "{}: {names}", row.situation);
    }
}

/// The table holds as a situation comes about, and for a source that is registered in it.
#[test]
fn scenario_85_table_of_situations() {
    for row in TABLE {
        let (mut source, make, _keep) = (row.make)();
        let mut harness = Harness::new();
        harness.register(&mut source, IT, row.interest);
        if let Some(make) = make {
            if row.interest.is_writable() {
                harness.expect_writable(IT);
            }
            expect_no_news(&mut harness, row, "writable");
            make();
        }
        if ON_KQUEUE {
            // A note for writing may be told of once more, and need not.
            let news = row.holds().replace("writable ", "");
            harness.expect(IT, |seen| includes(seen, &news));
        } else {
            expect_exactly(&mut harness, row, &row.comes());
        }
        harness.deregister(&mut source);
        let mut later = Harness::new();
        later.register(&mut source, IT, row.interest);
        expect_exactly(&mut later, row, &row.holds());
        expect_no_news(&mut later, row, &row.holds());
    }
}

leaves_nothing_open!(scenario_85_table_of_situations,);
