//! P15 A wake before or during poll makes it return with the waker's token. Many wakes may become one event; a wake
//! after that event was returned makes a new one. `wake` never blocks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use poised::{Interest, Token, Waker};

use crate::links::Link;
use crate::util::leak::leaves_nothing_open;
use crate::util::Harness;

const IT: Token = Token(17);

fn waker(harness: &Harness, token: Token) -> Waker {
    Waker::new(harness.poll.registry(), token).expect("a waker")
}

#[test]
fn p15_silent_without_a_wake() {
    let mut harness = Harness::new();
    let _waker = waker(&harness, IT);
    harness.expect_none();
}

#[test]
fn p15_woken_before_poll() {
    let mut harness = Harness::new();
    let waker = waker(&harness, IT);
    waker.wake().unwrap();
    assert_eq!(harness.turn(), 1, "at the next poll: {:?}", harness.events);
    assert_eq!(harness.events.iter().next().unwrap().token(), IT);
    harness.expect_none();
}

#[cfg(target_os = "linux")]
#[test]
fn p15_woken_during_poll() {
    let mut harness = Harness::new();
    let waker = waker(&harness, IT);
    for _ in 0..50 {
        let (result, ()) = crate::util::linux::while_polling(&mut harness, None, |_| waker.wake().unwrap());
        result.unwrap();
        let tokens: Vec<_> = harness.events.iter().map(|event| event.token()).collect();
        assert_eq!(tokens, [IT]);
    }
}

#[test]
fn p15_many_wakes_are_one_readiness() {
    let mut harness = Harness::new();
    let waker = waker(&harness, IT);
    for _ in 0..5 {
        for _ in 0..100 {
            waker.wake().unwrap();
        }
        harness.expect(IT, |seen| seen.events > 0);
        harness.expect_none();
    }
}

#[test]
fn p15_each_wake_after_an_event_makes_a_new_one() {
    let mut harness = Harness::new();
    let waker = waker(&harness, IT);
    // The very next poll must say so: nothing is left over from the wake before.
    for round in 0..1000 {
        waker.wake().unwrap();
        assert_eq!(harness.turn(), 1, "round {round}");
    }
    harness.expect_none();
}

#[test]
fn p15_each_wake_counts_when_two_come_per_poll() {
    let mut harness = Harness::new();
    let waker = waker(&harness, IT);
    for round in 0..1000 {
        (0..round % 3 + 1).for_each(|_| waker.wake().unwrap());
        assert_eq!(harness.turn(), 1, "round {round}");
        assert_eq!(harness.turn(), 0, "round {round}: all of them are one event");
    }
}

#[test]
fn p15_wake_never_blocks() {
    let mut harness = Harness::new();
    let waker = waker(&harness, IT);
    // More than a pipe holds, and nobody polls.
    for _ in 0..200_000 {
        waker.wake().unwrap();
    }
    harness.expect(IT, |seen| seen.events > 0);
    waker.wake().unwrap();
    harness.expect(IT, |seen| seen.events > 0);
}

#[cfg_attr(target_family = "wasm", ignore = "WASI has one thread")]
#[test]
fn p15_woken_from_another_thread() {
    let mut harness = Harness::new();
    let waker = Arc::new(waker(&harness, IT));
    for _ in 0..50 {
        let theirs = Arc::clone(&waker);
        let thread = thread::spawn(move || theirs.wake());
        harness.expect(IT, |seen| seen.events > 0);
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn p15_several_wakers_with_their_own_tokens() {
    let mut harness = Harness::new();
    let clone = harness.poll.registry().try_clone().unwrap();
    let wakers: Vec<_> = (0..6)
        .map(|n| {
            let registry = if n % 2 == 0 { harness.poll.registry() } else { &clone };
            Waker::new(registry, Token(n)).expect("one more waker")
        })
        .collect();
    for (number, waker) in wakers.iter().enumerate() {
        waker.wake().unwrap();
        harness.expect(Token(number), |seen| seen.events > 0);
        harness.expect_none();
    }
    wakers.iter().for_each(|waker| waker.wake().unwrap());
    let tokens: BTreeSet<_> = harness.until_sentinel().iter().map(|event| event.token().0).collect();
    assert_eq!(tokens, (0..6).collect());
}

#[test]
fn p15_a_dropped_waker_leaves_the_others() {
    let mut harness = Harness::new();
    let one = waker(&harness, IT);
    let other = waker(&harness, Token(18));
    drop(one);
    harness.expect_none();
    for _ in 0..20 {
        other.wake().unwrap();
        harness.expect(Token(18), |seen| seen.events > 0);
        harness.expect_none();
    }
    let again = waker(&harness, IT);
    again.wake().unwrap();
    harness.expect(IT, |seen| seen.events > 0);
}

#[test]
fn p15_wakers_and_sources_do_not_hide_each_other() {
    let mut harness = Harness::new();
    let waker = waker(&harness, IT);
    let mut link = Link::tcp();
    harness.register(&mut link.reader, Token(18), Interest::READABLE);
    for _ in 0..100 {
        waker.wake().unwrap();
        link.send(b"x");
        let (mut woken, mut readable) = (false, false);
        while !(woken && readable) {
            harness.poll.poll(&mut harness.events, Some(crate::util::PATIENCE)).unwrap();
            assert!(!harness.events.is_empty(), "woken: {woken}, readable: {readable}");
            woken |= harness.events.iter().any(|event| event.token() == IT);
            readable |= harness.events.iter().any(|event| event.token() == Token(18));
        }
        link.receive_all(b"x");
    }
}

#[test]
fn p15_each_poll_has_its_own() {
    let mut one = Harness::new();
    let mut other = Harness::new();
    let (first, second) = (waker(&one, IT), waker(&other, IT));
    first.wake().unwrap();
    one.expect(IT, |seen| seen.events > 0);
    other.expect_none();
    second.wake().unwrap();
    other.expect(IT, |seen| seen.events > 0);
    one.expect_none();
}

#[test]
fn p15_a_waker_may_outlive_its_poll() {
    let harness = Harness::new();
    let waker = waker(&harness, IT);
    drop(harness);
    // Nobody hears it; that is no reason to fail or to hang.
    for _ in 0..100_000 {
        let _ = waker.wake();
    }
}

leaves_nothing_open!(
    p15_silent_without_a_wake,
    p15_woken_before_poll,
    #[cfg(target_os = "linux")]
    p15_woken_during_poll,
    p15_many_wakes_are_one_readiness,
    p15_each_wake_after_an_event_makes_a_new_one,
    p15_each_wake_counts_when_two_come_per_poll,
    p15_wake_never_blocks,
    p15_woken_from_another_thread,
    p15_several_wakers_with_their_own_tokens,
    p15_a_dropped_waker_leaves_the_others,
    p15_wakers_and_sources_do_not_hide_each_other,
    p15_each_poll_has_its_own,
    p15_a_waker_may_outlive_its_poll,
);
