//! P04 Each event carries the token of its registration; after `reregister` only the new token and interest count.

use std::collections::BTreeMap;

use poised::{Interest, Token};

use crate::links::{every_link, over_links, Link};
use crate::util::leak::leaves_nothing_open;
use crate::util::{Harness, Seen};

const OLD: Token = Token(4);
const NEW: Token = Token(5);

over_links!(p04_token_bit_for_bit, p04_new_token_for_pending_event, p04_new_token_for_later_events);
over_links!(p04_new_interest_only, p04_interest_back_and_forth);

fn p04_token_bit_for_bit(mut link: Link) {
    let mut harness = Harness::new();
    let half = usize::MAX / 2;
    for token in [0, 1, 1 << 16, half, half + 1, usize::MAX - 1, usize::MAX].map(Token) {
        harness.register(&mut link.reader, token, Interest::READABLE);
        link.send(b"x");
        harness.expect_readable(token);
        assert!(harness.events.iter().all(|event| event.token() == token), "{:?}", harness.events);
        link.receive_all(b"x");
        harness.deregister(&mut link.reader);
    }
}

fn p04_new_token_for_pending_event(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, OLD, Interest::READABLE);
    link.send(b"x");
    // Reported or not, the event under the old token is now the new one's.
    harness.reregister(&mut link.reader, NEW, Interest::READABLE);
    let mut seen = Seen::default();
    while !seen.readable {
        for event in harness.until_sentinel() {
            assert_eq!(event.token(), NEW);
            seen.add(&event);
        }
    }
    link.receive_all(b"x");
    harness.expect_none();
}

fn p04_new_token_for_later_events(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, OLD, Interest::READABLE);
    link.send(b"x");
    harness.expect_readable(OLD);
    link.receive_all(b"x");
    harness.reregister(&mut link.reader, NEW, Interest::READABLE);
    for _ in 0..3 {
        link.send(b"y");
        harness.expect_readable(NEW);
        harness.expect_none_of(OLD);
        link.receive_all(b"y");
    }
}

fn p04_new_interest_only(mut link: Link) {
    if !link.two_way {
        return;
    }
    let mut harness = Harness::new();
    harness.register(&mut link.reader, OLD, Interest::READABLE);
    link.send(b"x");
    harness.expect_readable(OLD);
    harness.reregister(&mut link.reader, OLD, Interest::WRITABLE);
    let seen = harness.expect_writable(OLD);
    assert!(!seen.readable, "{seen:?}");
    link.send(b"y");
    assert!(harness.until_sentinel().iter().all(|event| !event.is_readable()));
}

fn p04_interest_back_and_forth(mut link: Link) {
    if !link.two_way {
        return;
    }
    let mut harness = Harness::new();
    let both = Interest::READABLE | Interest::WRITABLE;
    harness.register(&mut link.reader, OLD, both);
    link.send(b"x");
    harness.expect(OLD, |seen| seen.readable && seen.writable);
    // A change must not turn edges into levels.
    for interest in [Interest::WRITABLE, both, Interest::READABLE, both] {
        harness.reregister(&mut link.reader, OLD, interest);
        let seen = harness.expect(OLD, |seen| seen.events > 0);
        assert_eq!(seen.readable, interest.is_readable(), "{interest:?}: {seen:?}");
        assert_eq!(seen.writable, interest.is_writable(), "{interest:?}: {seen:?}");
        if link.edges {
            harness.expect_none();
        }
    }
}

#[test]
fn p04_all_kinds_at_once() {
    let mut harness = Harness::new();
    let mut links: BTreeMap<usize, Link> = every_link().iter().map(|(_, make)| make()).enumerate().collect();
    for (number, link) in &mut links {
        harness.register(&mut link.reader, Token(number * 2), Interest::READABLE);
        harness.register(&mut link.writer, Token(number * 2 + 1), Interest::WRITABLE);
    }
    for number in 0..links.len() {
        harness.reregister(&mut links.get_mut(&number).unwrap().writer, Token(number * 2 + 1), Interest::WRITABLE);
        let seen = harness.expect(Token(number * 2 + 1), |seen| seen.writable);
        assert!(!seen.readable, "{seen:?}");
    }
    for (number, link) in &mut links {
        link.send(&[7]);
        let seen = harness.expect_readable(Token(number * 2));
        assert!(!seen.writable, "{seen:?}");
        link.receive_all(&[7]);
    }
}

leaves_nothing_open!(p04_all_kinds_at_once,);
