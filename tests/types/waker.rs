//! `Waker`.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use poised::{Events, Poll, Token, Waker};

use crate::util::leak::leaves_nothing_open;
use crate::util::Harness;

const IT: Token = Token(5);

#[test]
fn wakes_its_poll() {
    let mut harness = Harness::new();
    let waker = Waker::new(harness.poll.registry(), IT).unwrap();
    harness.expect_none();
    waker.wake().unwrap();
    harness.expect(IT, |seen| seen.events > 0);
    harness.expect_none();
}

#[test]
fn made_from_a_clone_of_the_registry() {
    let mut harness = Harness::new();
    let clone = harness.poll.registry().try_clone().unwrap();
    let waker = Waker::new(&clone, IT).unwrap();
    drop(clone);
    waker.wake().unwrap();
    harness.expect(IT, |seen| seen.events > 0);
}

#[test]
fn any_token_will_do() {
    for token in [0, usize::MAX / 2, usize::MAX].map(Token) {
        let mut poll = Poll::new().unwrap();
        let mut events = Events::with_capacity(4);
        let waker = Waker::new(poll.registry(), token).unwrap();
        waker.wake().unwrap();
        poll.poll(&mut events, Some(crate::util::PATIENCE)).unwrap();
        assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [token]);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.is_empty());
    }
}

#[test]
fn two_wakers_of_one_token() {
    let mut harness = Harness::new();
    let one = Waker::new(harness.poll.registry(), IT).unwrap();
    let other = Waker::new(harness.poll.registry(), IT).unwrap();
    for waker in [&one, &other, &one] {
        waker.wake().unwrap();
        harness.expect(IT, |seen| seen.events > 0);
        harness.expect_none();
    }
}

#[cfg_attr(target_family = "wasm", ignore = "WASI has one thread")]
#[test]
fn shared_by_reference_and_by_arc() {
    let mut harness = Harness::new();
    let waker = Arc::new(Waker::new(harness.poll.registry(), IT).unwrap());
    thread::scope(|scope| drop(scope.spawn(|| waker.wake().unwrap())));
    harness.expect(IT, |seen| seen.events > 0);
    let moved = Arc::clone(&waker);
    thread::spawn(move || moved.wake().unwrap()).join().unwrap();
    harness.expect(IT, |seen| seen.events > 0);
}

#[test]
fn debug_names_the_type() {
    let harness = Harness::new();
    assert!(format!("{:?}", Waker::new(harness.poll.registry(), IT).unwrap()).contains("Waker"));
}

leaves_nothing_open!(
    wakes_its_poll,
    made_from_a_clone_of_the_registry,
    any_token_will_do,
    two_wakers_of_one_token,
    shared_by_reference_and_by_arc,
    debug_names_the_type,
);
