//! P11, P12 and P15 where a wake is a flag that the thread that polls looks at: whom it must not cost a system call, and who
//! must see it though nobody looks at the flag.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use poised::unix::pipe;
use poised::{Interest, Token, Waker};

use crate::fault;
use crate::util::leak::leaves_nothing_open;
use crate::util::{drain, linux, Harness, OnDrop, ON_EVENT_PORTS};

const IT: Token = Token(5);
const OTHER: Token = Token(6);

/// A harness whose thread is known to be awake, since it has polled.
fn awake(capacity: usize) -> (Harness, Waker) {
    let mut harness = Harness::with_capacity(capacity);
    let waker = Waker::new(harness.poll.registry(), IT).unwrap();
    assert_eq!(harness.turn(), 0);
    (harness, waker)
}

#[test]
fn p15_who_is_awake_is_woken_without_the_kernel() {
    if ON_EVENT_PORTS {
        return; // The port has each wake that is not pending.
    }
    let (mut harness, waker) = awake(8);
    for _ in 0..3 {
        fault::alone(|| (0..1_000_000).for_each(|_| waker.wake().expect("a wake that asks nothing of the kernel")));
        assert_eq!(harness.turn(), 1);
        assert_eq!(harness.turn(), 0);
    }
}

#[test]
fn p15_a_busy_poller_is_woken_without_the_kernel() {
    if ON_EVENT_PORTS {
        return; // The port has each wake that is not pending.
    }
    let (mut harness, waker) = awake(8);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let waking = scope.spawn(|| {
            let _end = OnDrop(&is_over);
            fault::alone(|| (0..1_000_000).for_each(|_| waker.wake().expect("a wake that asks nothing of the kernel")));
        });
        let mut told = 0;
        while !is_over.load(Ordering::Acquire) {
            told += harness.turn();
        }
        waking.join().unwrap();
        assert!(told + harness.turn() > 0);
    });
    assert_eq!(harness.turn(), 0);
}

/// After a sleep the thread is awake again, whatever ended it; and a signal handler that interrupts it loses no wake.
#[test]
fn p15_who_has_slept_is_awake_again() {
    if ON_EVENT_PORTS {
        return; // The port has each wake that is not pending.
    }
    let (mut harness, waker) = awake(8);
    for round in 0..20 {
        let (result, ()) = linux::while_polling(&mut harness, None, |_| waker.wake().unwrap());
        result.unwrap();
        assert_eq!(harness.events.iter().count(), 1, "round {round}");
        fault::alone(|| waker.wake().expect("a wake that asks nothing of the kernel"));
        assert_eq!(harness.turn(), 1);
        harness.poll.poll(&mut harness.events, Some(Duration::from_micros(100))).unwrap();
        assert!(harness.events.is_empty());
        fault::alone(|| waker.wake().expect("a wake that asks nothing of the kernel"));
        assert_eq!(harness.turn(), 1);
    }
}

/// It is awake, though it waits.
#[test]
fn p15_who_spins_is_woken_without_the_kernel() {
    if ON_EVENT_PORTS {
        return; // The port has each wake that is not pending.
    }
    let (mut harness, waker) = awake(8);
    harness.poll.set_spin(Duration::MAX);
    for _ in 0..20 {
        thread::scope(|scope| {
            scope.spawn(|| fault::alone(|| waker.wake().expect("a wake that asks nothing of the kernel")));
            harness.poll.poll(&mut harness.events, None).unwrap();
        });
        assert_eq!(harness.events.iter().map(|event| event.token()).collect::<Vec<_>>(), [IT]);
    }
}

/// One event fits. Neither wakes nor a source that is ready each time keep the other out.
#[test]
fn p11_a_full_list_swallows_no_wake() {
    let (mut harness, waker) = awake(1);
    let second = Waker::new(harness.poll.registry(), Token(7)).unwrap();
    let (mut sender, mut receiver) = pipe::new().unwrap();
    harness.register(&mut receiver, OTHER, Interest::READABLE);
    for _ in 0..50 {
        sender.write_all(b"x").unwrap();
        waker.wake().unwrap();
        second.wake().unwrap();
        let mut told = Vec::new();
        while harness.turn() > 0 {
            told.extend(harness.events.iter().map(|event| event.token()));
        }
        told.sort();
        assert_eq!(told, [IT, OTHER, Token(7)]);
        drain(&mut receiver);
    }
    // And when all are ready at each poll.
    let mut told = [0; 8];
    for _ in 0..60 {
        sender.write_all(b"x").unwrap();
        waker.wake().unwrap();
        second.wake().unwrap();
        assert_eq!(harness.turn(), 1);
        harness.events.iter().for_each(|event| told[event.token().0] += 1);
        drain(&mut receiver);
    }
    assert!([IT, OTHER, Token(7)].iter().all(|token| told[token.0] >= 10), "{told:?}");
}

/// What a waker that is gone has said is no reason to return early.
#[test]
fn p12_a_dropped_waker_ends_no_wait() {
    let (mut harness, waker) = awake(8);
    waker.wake().unwrap();
    drop(waker);
    let start = Instant::now();
    let timeout = Duration::from_millis(20);
    harness.poll.poll(&mut harness.events, Some(timeout)).unwrap();
    assert!(harness.events.is_empty() && start.elapsed() >= timeout);
}

/// One waker ends the sleep for both, and is dropped before the poll has seen it.
#[test]
fn p15_a_waker_that_is_dropped_takes_no_wake_with_it() {
    let (mut harness, stays) = awake(8);
    for _ in 0..500 {
        let dropped = Waker::new(harness.poll.registry(), OTHER).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                dropped.wake().unwrap();
                drop(dropped);
            });
            scope.spawn(|| stays.wake().unwrap());
            harness.expect_readable(IT);
        });
    }
}

/// A signal ends a wait; the wakes that come before the next one are told by it, once.
#[test]
fn p13_an_interrupted_wait_loses_no_wake() {
    crate::util::isolated("wakes::p13_an_interrupted_wait_loses_no_wake", || {
        let (mut harness, waker) = awake(8);
        linux::catch(nix::sys::signal::Signal::SIGUSR1);
        for _ in 0..20 {
            let (result, ()) =
                linux::while_polling(&mut harness, None, |it| it.signal(nix::sys::signal::Signal::SIGUSR1));
            assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::Interrupted);
            (0..3).for_each(|_| waker.wake().unwrap());
            assert_eq!(harness.turn(), 1);
            assert_eq!(harness.turn(), 0);
        }
    });
}

leaves_nothing_open!(
    p15_who_is_awake_is_woken_without_the_kernel,
    p15_a_busy_poller_is_woken_without_the_kernel,
    p15_who_has_slept_is_awake_again,
    p15_who_spins_is_woken_without_the_kernel,
    p11_a_full_list_swallows_no_wake,
    p12_a_dropped_waker_ends_no_wait,
    p15_a_waker_that_is_dropped_takes_no_wake_with_it,
    p13_an_interrupted_wait_loses_no_wake,
);

/// Where a poll is a descriptor.
#[cfg(not(any(poised_backend = "poll", mio_unsupported_force_poll_poll)))]
mod watched {
    use std::os::fd::{AsFd, AsRawFd};

    use poised::unix::SourceFd;
    use rustix::event::{poll, PollFd, PollFlags, Timespec};

    use super::{awake, thread, Harness, Interest, Waker, IT, OTHER};

    fn is_readable(fd: impl AsFd) -> bool {
        let mut question = [PollFd::new(&fd, PollFlags::IN)];
        poll(&mut question, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    }

    fn nested() -> (Harness, Harness, Waker) {
        let (inner, waker) = awake(8);
        let outer = Harness::new();
        let fd = inner.poll.as_raw_fd();
        outer.register(&mut SourceFd(&fd), OTHER, Interest::READABLE);
        (outer, inner, waker)
    }

    #[test]
    fn p15_a_wake_is_seen_by_a_poll_around_the_poll() {
        let (mut outer, mut inner, waker) = nested();
        outer.expect_none();
        for _ in 0..5 {
            (0..3).for_each(|_| waker.wake().unwrap());
            outer.expect_readable(OTHER);
            assert_eq!(inner.turn(), 1);
            assert_eq!(inner.events.iter().next().unwrap().token(), IT);
            assert_eq!(inner.turn(), 0);
            outer.expect_none();
        }
        thread::scope(|scope| {
            scope.spawn(|| waker.wake().unwrap());
            outer.expect_readable(OTHER);
        });
        assert_eq!(inner.turn(), 1);
    }

    #[test]
    fn p15_a_wake_before_the_poll_is_nested_is_seen() {
        let (mut inner, waker) = awake(8);
        waker.wake().unwrap();
        let mut outer = Harness::new();
        let fd = inner.poll.as_raw_fd();
        outer.register(&mut SourceFd(&fd), OTHER, Interest::READABLE);
        outer.expect_readable(OTHER);
        assert_eq!(inner.turn(), 1);
        assert_eq!(inner.turn(), 0);
    }

    #[test]
    fn p15_a_wake_is_seen_at_the_descriptor() {
        let (mut harness, waker) = awake(8);
        let second = Waker::new(harness.poll.registry(), OTHER).unwrap();
        let clone = harness.poll.registry().try_clone().unwrap();
        waker.wake().unwrap();
        second.wake().unwrap();
        // Under way when the descriptor is taken.
        assert!(is_readable(clone.as_fd()));
        assert_eq!(harness.turn(), 2);
        assert!(!is_readable(clone.as_fd()));
        for waker in [&waker, &second, &waker] {
            waker.wake().unwrap();
            assert!(is_readable(harness.poll.registry().as_fd()));
            assert_eq!(harness.turn(), 1);
            assert!(!is_readable(clone.as_fd()));
        }
        // Made afterwards.
        let third = Waker::new(&clone, OTHER).unwrap();
        third.wake().unwrap();
        assert!(is_readable(clone.as_fd()));
        assert_eq!(harness.turn(), 1);
    }
}
