//! P02 After an event the source yields no further one until an operation on it returned `WouldBlock` or new readiness
//! came (edge); spurious events may come, lost ones never. A short read does not count as drained.

use poised::{Interest, Token};

use crate::links::{over_links, Link};
use crate::util::{expect_would_block, Harness, ON_POLL};

const READER: Token = Token(1);
const WRITER: Token = Token(2);

over_links!(p02_silent_until_ready, p02_one_event_while_unread, p02_one_event_while_writable);
over_links!(p02_partial_read_is_silent, p02_short_read_is_not_drained, p02_new_bytes_new_event);
over_links!(p02_many_rounds_lose_nothing);

fn p02_silent_until_ready(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, READER, Interest::READABLE);
    harness.expect_none();
}

fn p02_one_event_while_unread(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, READER, Interest::READABLE);
    link.send(b"x");
    harness.expect_readable(READER);
    if link.edges {
        harness.expect_none();
        harness.expect_none();
    }
    link.receive_all(b"x");
}

fn p02_one_event_while_writable(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.writer, WRITER, Interest::WRITABLE);
    harness.expect_writable(WRITER);
    if link.edges {
        harness.expect_none();
        harness.expect_none();
    }
}

fn p02_partial_read_is_silent(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, READER, Interest::READABLE);
    link.send(b"one");
    link.send(b"two");
    harness.expect_readable(READER);
    link.receive(b"one");
    if link.edges {
        // The second message may have come after the event: then it made one of its own, and only one.
        harness.until_sentinel();
        harness.expect_none();
    }
    link.receive_with(&mut harness, READER, b"two");
}

fn p02_short_read_is_not_drained(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, READER, Interest::READABLE);
    link.send(b"one");
    harness.expect_readable(READER);
    let mut large = [0; 64];
    assert_eq!(link.reader.recv(&mut large).unwrap(), 3);
    // What came meanwhile is there for the reader who goes on to `WouldBlock`, as every user must.
    link.send(b"two");
    link.receive_with(&mut harness, READER, b"two");
    expect_would_block(link.reader.recv(&mut large));
    link.send(b"three");
    harness.expect_readable(READER);
    link.receive_all(b"three");
}

fn p02_new_bytes_new_event(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, READER, Interest::READABLE);
    link.send(b"one");
    harness.expect_readable(READER);
    if !ON_POLL && !cfg!(windows) {
        // New readiness counts though the old was not drained. (poll(2) and AFD cannot tell new bytes from old ones.)
        link.send(b"two");
        harness.expect_readable(READER);
    }
}

fn p02_many_rounds_lose_nothing(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, READER, Interest::READABLE);
    // On poll(2) a `SourceFd` may take its time each round, until it is looked at again.
    for round in 0..if link.edges { 200 } else { 10 } {
        link.send(&[round]);
        harness.expect_readable(READER);
        link.receive_all(&[round]);
    }
    expect_would_block(link.reader.recv(&mut [0; 1]));
}
