//! P16 `wake` works from any thread, and what the waking thread wrote before is seen by the thread that poll returned to.
// WASI has one thread.
#![cfg(not(target_family = "wasm"))]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use poised::{Token, Waker};

use crate::util::leak::leaves_nothing_open;
use crate::util::{Harness, PATIENCE};

const IT: Token = Token(19);

/// Waits for a wake.
#[track_caller]
fn woken(harness: &mut Harness) {
    harness.poll.poll(&mut harness.events, Some(PATIENCE)).unwrap();
    assert!(harness.events.iter().any(|event| event.token() == IT), "a lost wake: {:?}", harness.events);
}

/// Two threads throw a number to and fro. Nothing but the wakes orders their accesses.
#[test]
fn p16_what_was_written_before_is_seen() {
    const ROUNDS: usize = 5_000;
    let (ball, other_ball) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (mut here, mut there) = (Harness::new(), Harness::new());
    let wake_here = Waker::new(here.poll.registry(), IT).unwrap();
    let wake_there = Waker::new(there.poll.registry(), IT).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=ROUNDS {
                woken(&mut there);
                assert_eq!(ball.load(Relaxed), round);
                other_ball.store(round, Relaxed);
                wake_here.wake().unwrap();
            }
        });
        for round in 1..=ROUNDS {
            ball.store(round, Relaxed);
            wake_there.wake().unwrap();
            woken(&mut here);
            assert_eq!(other_ball.load(Relaxed), round);
        }
    });
}

/// Threads count up and wake after each step; who waits for the sum must never sleep through the last wake.
#[test]
fn p16_a_storm_from_eight_threads_loses_nothing() {
    const EACH: usize = 5_000;
    let mut harness = Harness::new();
    let waker = Waker::new(harness.poll.registry(), IT).unwrap();
    for _ in 0..3 {
        let count = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        count.fetch_add(1, Relaxed);
                        waker.wake().unwrap();
                    }
                });
            }
            while count.load(Relaxed) < 8 * EACH {
                woken(&mut harness);
            }
        });
        // The wakes behind the last one that was waited for are at most one event.
        assert!(harness.turn() <= 1, "{:?}", harness.events);
        harness.expect_none();
    }
}

#[test]
fn p16_each_thread_its_own_waker() {
    let mut harness = Harness::new();
    let registry = harness.poll.registry().try_clone().unwrap();
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let registry = registry.try_clone().unwrap();
            thread::spawn(move || {
                let waker = Waker::new(&registry, Token(number)).expect("a waker of a thread");
                waker.wake().unwrap();
                waker
            })
        })
        .collect();
    let wakers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let mut tokens: Vec<_> = harness.until_sentinel().iter().map(|event| event.token().0).collect();
    tokens.sort_unstable();
    assert_eq!(tokens, [0, 1, 2, 3, 4, 5, 6, 7]);
    drop(wakers);
}

leaves_nothing_open!(
    p16_what_was_written_before_is_seen,
    p16_a_storm_from_eight_threads_loses_nothing,
    p16_each_thread_its_own_waker,
);
