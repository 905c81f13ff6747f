//! Scenarios 48, 69 and 70: wakes that got lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::Instant;

use poised::{Token, Waker};

#[cfg(target_os = "linux")]
use crate::fault::{refusing, Refusal};
use crate::util::leak::leaves_nothing_open;
use crate::util::{Harness, PATIENCE};

const IT: Token = Token(69);

/// A waker that wakes by changing the registration of an eventfd, instead of writing to it, is not heard by every
/// kernel (boostorg/asio#320, chriskohlhoff/asio#452). Here the waking thread may not change registrations.
#[test]
#[cfg(target_os = "linux")]
fn scenario_48_wake_needs_no_change_of_registration() {
    let mut harness = Harness::new();
    let waker = Waker::new(harness.poll.registry(), IT).unwrap();
    for round in 0..20 {
        refusing(Refusal::all(libc::SYS_epoll_ctl, libc::EPERM), || {
            (0..=round).for_each(|_| waker.wake().expect("a wake without epoll_ctl"));
        });
        harness.expect_readable(IT);
    }
    harness.expect_none();
}

/// Sandboxes and emulated kernels lack eventfd2 (P15): a pipe takes its place, and is as non-blocking.
#[test]
#[cfg(target_os = "linux")]
fn p15_wakes_arrive_where_the_kernel_refuses_eventfds() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let mut harness = Harness::new();
        let waker =
            refusing(Refusal::all(libc::SYS_eventfd2, errno), || Waker::new(harness.poll.registry(), IT).unwrap());
        harness.expect_none();
        for _ in 0..3 {
            (0..10_000).for_each(|_| waker.wake().expect("a wake"));
            harness.expect_readable(IT);
            harness.expect_none();
        }
    }
}

/// A wake that came between the return of one wait and the next was taken for one that had been reported
/// (oxidecomputer/helios#169, tokio-rs/mio#1470).
#[test]
fn scenario_69_each_wake_after_an_event_gives_another() {
    let mut harness = Harness::new();
    let waker = Arc::new(Waker::new(harness.poll.registry(), IT).unwrap());
    let (again, told) = mpsc::channel();
    let waking = thread::spawn({
        let waker = Arc::clone(&waker);
        move || told.iter().for_each(|()| waker.wake().unwrap())
    });
    for _ in 0..2_000 {
        again.send(()).unwrap();
        harness.expect_readable(IT);
    }
    for wakes in [2, 10, 1_000] {
        (0..wakes).for_each(|_| waker.wake().unwrap());
        harness.expect_readable(IT);
    }
    drop(again);
    waking.join().unwrap();
    harness.expect_none();
}

/// In a storm of wakes from many threads the last one got lost, and with it what had been written before it
/// (tokio-rs/mio#1470).
#[test]
fn scenario_69_storm_from_eight_threads() {
    const THREADS: usize = 8;
    const WAKES: usize = 25_000;
    let mut harness = Harness::new();
    let waker = Waker::new(harness.poll.registry(), IT).unwrap();
    let written = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..WAKES {
                    // Relaxed: the wake itself must carry it to the thread that polls.
                    written.fetch_add(1, Ordering::Relaxed);
                    waker.wake().unwrap();
                }
            });
        }
        let mut last_event = Instant::now();
        while written.load(Ordering::Relaxed) < THREADS * WAKES {
            harness.poll.poll(&mut harness.events, Some(PATIENCE)).unwrap();
            assert!(!harness.events.is_empty(), "silent for {:?}", last_event.elapsed());
            last_event = Instant::now();
        }
    });
    // The wakes since the last look may have left one event.
    harness.turn();
    harness.expect_none();
}

/// A second waker was refused here, worked there, and elsewhere took the token of the first
/// (tokio-rs/mio#1283, tokio-rs/mio#1706).
#[test]
fn scenario_70_wakers_have_tokens_of_their_own() {
    let mut harness = Harness::new();
    let registry = harness.poll.registry().try_clone().unwrap();
    let first = Waker::new(harness.poll.registry(), Token(1)).unwrap();
    let second = Waker::new(&registry, Token(2)).unwrap();
    drop(registry);
    for _ in 0..3 {
        first.wake().unwrap();
        harness.expect_readable(Token(1));
        second.wake().unwrap();
        harness.expect_readable(Token(2));
        harness.expect_none();
        first.wake().unwrap();
        second.wake().unwrap();
        let mut tokens: Vec<_> = harness.until_sentinel().iter().map(|event| event.token()).collect();
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens, [Token(1), Token(2)]);
    }
    drop(first);
    second.wake().unwrap();
    harness.expect_readable(Token(2));
    let third = Waker::new(harness.poll.registry(), Token(1)).unwrap();
    third.wake().unwrap();
    harness.expect_readable(Token(1));
    harness.expect_none();
}

leaves_nothing_open!(
    #[cfg(target_os = "linux")]
    scenario_48_wake_needs_no_change_of_registration,
    #[cfg(target_os = "linux")]
    p15_wakes_arrive_where_the_kernel_refuses_eventfds,
    scenario_69_each_wake_after_an_event_gives_another,
    scenario_69_storm_from_eight_threads,
    scenario_70_wakers_have_tokens_of_their_own,
);
