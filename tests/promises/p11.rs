//! P11 `poll` clears `events`, returns at most its capacity, and loses none beyond it: they come at the next poll.

use std::collections::BTreeSet;
use std::time::Duration;

use poised::{Interest, Token, Waker};

use crate::links::{over_links, Link};
use crate::util::leak::leaves_nothing_open;
use crate::util::{on_wasi, Harness, PATIENCE};

over_links!(p11_cleared_by_the_next_poll, p11_none_lost_beyond_capacity);

fn p11_cleared_by_the_next_poll(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, Token(1), Interest::READABLE);
    link.send(b"x");
    harness.expect_readable(Token(1));
    assert!(!harness.events.is_empty());
    link.receive_all(b"x");
    // A SourceFd on poll(2) may speak once more without need.
    while harness.turn() > 0 {}
    assert!(harness.events.is_empty(), "{:?}", harness.events);
}

/// Polls until every token below `count` was reported, and says that no poll gave more than `capacity` events.
#[track_caller]
fn all_come(harness: &mut Harness, count: usize, capacity: usize) {
    let mut seen = BTreeSet::new();
    // With edges each comes once: as many polls as it takes to hand out `count` events, and some to spare.
    for _ in 0..count * 3 {
        harness.poll.poll(&mut harness.events, Some(PATIENCE)).expect("poll");
        assert!(harness.events.iter().count() <= capacity, "{:?}", harness.events);
        assert!(!harness.events.is_empty(), "only {} of {count} came", seen.len());
        seen.extend(harness.events.iter().map(|event| event.token().0));
        if seen.len() == count {
            return;
        }
    }
    panic!("only {} of {count} came", seen.len());
}

fn p11_none_lost_beyond_capacity(mut link: Link) {
    for capacity in [1, 2, 7] {
        let mut harness = Harness::with_capacity(capacity);
        let mut others: Vec<_> = (0..15).map(|_| Link::tcp()).collect();
        for (number, other) in others.iter_mut().enumerate() {
            harness.register(&mut other.writer, Token(number), Interest::WRITABLE);
        }
        harness.register(&mut link.writer, Token(15), Interest::WRITABLE);
        all_come(&mut harness, 16, capacity);
        if link.edges {
            assert_eq!(harness.turn(), 0, "{:?}", harness.events);
        }
        harness.deregister(&mut link.writer);
    }
}

#[test]
fn p11_a_thousand_through_one_slot() {
    let mut harness = Harness::with_capacity(1);
    let count = if on_wasi("has a hundred descriptors: 100 through one slot") { 50 } else { 500 };
    let mut links: Vec<_> = (0..count).map(|_| Link::udp()).collect();
    for (number, link) in links.iter_mut().enumerate() {
        harness.register(&mut link.reader, Token(number * 2), Interest::WRITABLE);
        harness.register(&mut link.writer, Token(number * 2 + 1), Interest::WRITABLE);
    }
    all_come(&mut harness, 2 * count, 1);
    assert_eq!(harness.turn(), 0, "{:?}", harness.events);
}

#[test]
fn p11_capacity_zero_holds_one() {
    let mut harness = Harness::with_capacity(0);
    assert_eq!(harness.events.capacity(), 1);
    let mut link = Link::tcp();
    harness.register(&mut link.reader, Token(0), Interest::WRITABLE);
    harness.register(&mut link.writer, Token(1), Interest::WRITABLE);
    all_come(&mut harness, 2, 1);
}

#[test]
fn p11_wakers_count_as_well() {
    let mut harness = Harness::with_capacity(1);
    let mut link = Link::tcp();
    harness.register(&mut link.writer, Token(0), Interest::WRITABLE);
    let wakers: Vec<_> = (1..3).map(|n| Waker::new(harness.poll.registry(), Token(n)).unwrap()).collect();
    wakers.iter().for_each(|waker| waker.wake().unwrap());
    all_come(&mut harness, 3, 1);
}

#[test]
fn p11_cleared_by_a_poll_that_times_out() {
    let mut harness = Harness::new();
    let mut link = Link::tcp();
    harness.register(&mut link.writer, Token(0), Interest::WRITABLE);
    harness.expect_writable(Token(0));
    harness.poll.poll(&mut harness.events, Some(Duration::from_millis(1))).unwrap();
    assert!(harness.events.is_empty(), "{:?}", harness.events);
}

leaves_nothing_open!(
    p11_a_thousand_through_one_slot,
    p11_capacity_zero_holds_one,
    p11_wakers_count_as_well,
    p11_cleared_by_a_poll_that_times_out,
);
