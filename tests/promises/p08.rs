//! P08 Dropping a source ends its registration; an fd or SOCKET number used again never yields the old token.

use poised::{Interest, Token};

use crate::links::{over_links, Link};
use crate::util::leak::leaves_nothing_open;
use crate::util::{Harness, ON_POLL};

const OLD: Token = Token(12);

over_links!(p08_dropped_while_ready, p08_dropped_after_its_event, p08_dropped_in_bulk);

/// On poll(2) nobody tells poised that the descriptor behind a `SourceFd` was closed: its user must deregister it.
fn closing_is_enough(link: &Link) -> bool {
    link.knows || !ON_POLL
}

fn p08_dropped_while_ready(mut link: Link) {
    if closing_is_enough(&link) {
        let mut harness = Harness::new();
        link.send_and_arrive(b"x");
        harness.register(&mut link.reader, OLD, Interest::READABLE);
        drop(link.reader);
        harness.expect_none();
    }
}

fn p08_dropped_after_its_event(mut link: Link) {
    if closing_is_enough(&link) {
        let mut harness = Harness::new();
        harness.register(&mut link.reader, OLD, Interest::READABLE);
        link.send(b"x");
        harness.expect_readable(OLD);
        drop(link);
        harness.expect_none();
    }
}

fn p08_dropped_in_bulk(link: Link) {
    if closing_is_enough(&link) {
        let mut harness = Harness::new();
        let mut ends = vec![link.reader, link.writer];
        ends.extend((0..20).flat_map(|_| [Link::tcp().reader, Link::udp().writer]));
        for end in &mut ends {
            // READABLE alone: a closed peer makes most of them ready at once.
            harness.register(end, OLD, Interest::READABLE);
        }
        drop(ends);
        harness.expect_none();
    }
}

/// The kernel gives the lowest free number, so in a process of its own the next descriptor reuses the last closed one.
#[cfg(unix)]
#[test]
fn p08_number_used_again() {
    crate::util::isolated("p08::p08_number_used_again", || {
        for (name, make) in crate::links::every_link() {
            if closing_is_enough(&make()) {
                used_again(name, make);
            }
        }
    });
}

#[cfg(unix)]
fn used_again(name: &str, make: fn() -> Link) {
    let mut harness = Harness::new();
    harness.expect_none();
    for round in 0..10 {
        let mut link = make();
        let (reader, writer) = (link.reader.raw(), link.writer.raw());
        link.send_and_arrive(b"x");
        harness.register(&mut link.reader, OLD, Interest::READABLE);
        if round % 2 == 0 {
            harness.expect_readable(OLD);
        }
        drop(link);

        let mut link = make();
        let mut numbers = [link.reader.raw(), link.writer.raw()];
        numbers.sort_unstable();
        assert_eq!(numbers, [reader.min(writer), reader.max(writer)], "{name}: this test needs the same numbers");
        // The number is somebody else's now, who is ready and was never registered here.
        link.send_and_arrive(b"z");
        harness.expect_none();
        link.receive_all(b"z");
        let new = Token(100 + round);
        harness.register(&mut link.reader, new, Interest::READABLE);
        link.send(b"y");
        harness.expect_readable(new);
        harness.expect_none_of(OLD);
        link.receive_all(b"y");
        harness.deregister(&mut link.reader);
        harness.expect_none();
    }
}

/// kqueue has no note of a pipe without reader, so that the writer of the number before seemed to be registered still.
#[cfg(unix)]
#[test]
fn p08_number_used_again_by_a_pipe_without_reader() {
    crate::util::isolated("p08::p08_number_used_again_by_a_pipe_without_reader", || {
        let mut harness = Harness::new();
        let (mut sender, receiver) = poised::unix::pipe::new().unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&sender);
        harness.register(&mut sender, OLD, Interest::WRITABLE);
        drop((receiver, sender));
        let (mut sender, receiver) = poised::unix::pipe::new().unwrap();
        assert_eq!(std::os::fd::AsRawFd::as_raw_fd(&sender), number, "this test needs the same number");
        drop(receiver);
        harness.register(&mut sender, Token(1), Interest::WRITABLE);
        harness.expect(Token(1), |seen| seen.write_closed);
        harness.expect_none_of(OLD);
    });
}

leaves_nothing_open!(
    #[cfg(unix)]
    p08_number_used_again,
    #[cfg(unix)]
    p08_number_used_again_by_a_pipe_without_reader,
);
