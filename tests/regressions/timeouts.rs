//! Scenarios 34 to 37: how long a wait may last.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use poised::net::UnixStream;
use poised::{Interest, Token, Waker};

use nix::sys::signal::Signal;

use crate::fault::{refusing, Refusal};
use crate::util::leak::leaves_nothing_open;
use crate::util::linux::{catch, thread_time, while_polling, Thread};
use crate::util::{drain, isolated, Harness, OnDrop, PATIENCE};

/// Less than a millisecond, and no whole number of one either.
const SHORT: Duration = Duration::from_micros(100);

/// Waits for nothing; how long that took.
fn idle(harness: &mut Harness, timeout: Duration) -> Duration {
    let start = Instant::now();
    harness.poll.poll(&mut harness.events, Some(timeout)).unwrap();
    let took = start.elapsed();
    assert!(harness.events.is_empty(), "{:?}", harness.events);
    took
}

/// Whether a short wait is ever shorter than what rounding up makes of it. Other processes can only lengthen waits.
fn waits_exactly(harness: &mut Harness) -> bool {
    (0..200).any(|_| idle(harness, SHORT) < Duration::from_millis(1))
}

/// Timeouts below a millisecond became 0, and their users' loops spun; or the error value -1, and they slept for ever
/// (tokio-rs/mio#1614, tokio-rs/mio#1642).
#[test]
fn scenario_34_short_timeouts_neither_spin_nor_hang() {
    let mut harness = Harness::new();
    let nanoseconds = [1, 10, 999, 1_000, 1_001, 50_000, 499_999, 500_000, 999_000, 999_999];
    for timeout in nanoseconds.map(Duration::from_nanos) {
        for _ in 0..5 {
            let took = idle(&mut harness, timeout);
            assert!(took >= timeout, "{timeout:?} took {took:?}");
        }
    }
    let (before, timeout) = (thread_time(), Duration::from_micros(999));
    (0..100).for_each(|_| assert!(idle(&mut harness, timeout) >= timeout));
    let computed = thread_time() - before;
    assert!(computed < 40 * timeout, "100 waits of {timeout:?} computed for {computed:?}");
}

/// A wait of 100 us took a millisecond or two, where the kernel counts in nanoseconds (tokio-rs/mio#1614).
#[test]
fn scenario_34_short_timeouts_are_exact() {
    assert!(waits_exactly(&mut Harness::new()));
}

/// Timeouts beyond what the kernel's integer holds panicked, were cut to something short, or turned negative, which
/// means for ever or at once (tokio-rs/mio#1657, tokio-rs/mio#1948, tokio-rs/mio#1349).
#[test]
fn scenario_35_huge_timeouts_sleep() {
    let mut harness = Harness::new();
    let waker = Waker::new(harness.poll.registry(), Token(0)).unwrap();
    let most = u64::from(i32::MAX.unsigned_abs());
    let around = [most - 1, most, most + 1, 2 * most + 1, 2 * most + 2, 2 * most + 3].map(Duration::from_millis);
    let far = [25 * 86_400, most + 1, i64::MAX.unsigned_abs(), u64::MAX].map(Duration::from_secs);
    let odd = [Duration::MAX, Duration::new(most, 999_999_999), Duration::new(most / 1_000, 1)];
    for timeout in around.into_iter().chain(far).chain(odd) {
        let (result, ()) = while_polling(&mut harness, Some(timeout), |_| waker.wake().unwrap());
        result.unwrap_or_else(|error| panic!("{timeout:?}: {error}"));
        let tokens: Vec<_> = harness.events.iter().map(|event| event.token()).collect();
        assert_eq!(tokens, [Token(0)], "{timeout:?} did not last until the wake");
    }
}

/// A wait falls back to whole milliseconds, rounded up, and its `Poll` stays with that: it does not ask again before
/// each wait, as its later waits in a thread where the kernel would answer show.
fn falls_back_and_stays(errno: i32) {
    let refusal = Refusal::all(libc::SYS_epoll_pwait2, errno);
    let mut harness = refusing(refusal, || {
        let mut harness = Harness::new();
        for (nanoseconds, rounded) in [(1, 1), (999, 1), (100_000, 1), (999_999, 1), (1_000_001, 2), (1_500_000, 2)] {
            let took = idle(&mut harness, Duration::from_nanos(nanoseconds));
            assert!(took >= Duration::from_millis(rounded), "{nanoseconds} ns took {took:?}");
        }
        harness
    });
    assert!(!waits_exactly(&mut harness), "the fallback was forgotten");
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    harness.register(&mut ours, Token(1), Interest::READABLE);
    theirs.write_all(b"!").unwrap();
    let start = Instant::now();
    harness.poll.poll(&mut harness.events, Some(PATIENCE + SHORT)).unwrap();
    assert!(!harness.events.is_empty() && start.elapsed() < PATIENCE, "an event does not end the wait");
    assert!(waits_exactly(&mut Harness::new()), "another Poll took the fallback over");
}

/// On kernels before 5.11, which have no `epoll_pwait2`, every wait failed (tokio-rs/mio#1541, lalinsky/zio#500).
#[test]
#[cfg_attr(any(poised_backend = "poll", mio_unsupported_force_poll_poll), ignore = "poll(2) never calls epoll_pwait2")]
#[cfg_attr(poised_backend = "kqueue", ignore = "kqueue never calls epoll_pwait2")]
#[cfg_attr(poised_backend = "event-ports", ignore = "event ports never call epoll_pwait2")]
fn scenario_36_epoll_pwait2_is_missing() {
    falls_back_and_stays(libc::ENOSYS);
}

/// Sandboxes whose filters are older than the call forbid it instead, with the same end (lalinsky/zio#500).
#[test]
#[cfg_attr(any(poised_backend = "poll", mio_unsupported_force_poll_poll), ignore = "poll(2) never calls epoll_pwait2")]
#[cfg_attr(poised_backend = "kqueue", ignore = "kqueue never calls epoll_pwait2")]
#[cfg_attr(poised_backend = "event-ports", ignore = "event ports never call epoll_pwait2")]
fn scenario_36_epoll_pwait2_is_forbidden() {
    falls_back_and_stays(libc::EPERM);
}

/// What need not be exact to less than a millisecond does without the call: all kernels and sandboxes know the older one.
/// An answer that is no reason to fall back would be an error of the wait.
#[test]
fn scenario_36_whole_milliseconds_need_no_epoll_pwait2() {
    refusing(Refusal::all(libc::SYS_epoll_pwait2, libc::EINVAL), || {
        let mut harness = Harness::new();
        for timeout in [0, 1, 2, 10].map(Duration::from_millis) {
            assert!(idle(&mut harness, timeout) >= timeout);
        }
    });
}

/// Sends `SIGUSR1` to the calling thread without end while `body` runs there.
fn under_signals<R>(body: impl FnOnce() -> R) -> R {
    catch(Signal::SIGUSR1);
    let target = Thread::current();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                target.signal(Signal::SIGUSR1);
                thread::park_timeout(Duration::from_micros(50));
            }
        });
        let _stop = OnDrop(&done);
        body()
    })
}

/// A signal during the wait was swallowed by a loop inside, so that programs ended by a flag in the handler did not
/// end; or it was reported as a return without events, as a timeout is (tokio-rs/mio#494, tokio-rs/mio#742).
#[test]
fn scenario_37_signal_is_reported() {
    isolated("timeouts::scenario_37_signal_is_reported", || {
        let mut harness = Harness::new();
        under_signals(|| {
            for timeout in [None, Some(PATIENCE), Some(PATIENCE + Duration::from_nanos(1))] {
                let error = harness.poll.poll(&mut harness.events, timeout).expect_err("an interruption");
                assert_eq!(error.kind(), ErrorKind::Interrupted, "{error:?}");
            }
        });
    });
}

/// Events that came together with a signal were lost (tokio-rs/mio#494).
#[test]
fn scenario_37_signal_loses_no_event() {
    isolated("timeouts::scenario_37_signal_loses_no_event", || {
        let mut harness = Harness::new();
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        harness.register(&mut ours, Token(1), Interest::READABLE);
        let waker = Waker::new(harness.poll.registry(), Token(2)).unwrap();
        under_signals(|| {
            for round in 0..200 {
                thread::scope(|scope| {
                    scope.spawn(|| {
                        theirs.write_all(&[round]).unwrap();
                        waker.wake().unwrap();
                    });
                    both_despite_signals(&mut harness);
                });
                assert_eq!(drain(&ours), (vec![round], false));
            }
        });
    });
}

/// Polls until the tokens 1 and 2 were reported, and takes interruptions for what they are.
fn both_despite_signals(harness: &mut Harness) {
    let deadline = Instant::now() + PATIENCE;
    let mut came = [false; 2];
    while came != [true; 2] {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "lost: {came:?}");
        match harness.poll.poll(&mut harness.events, Some(left)) {
            Ok(()) => harness.events.iter().for_each(|event| came[event.token().0 - 1] = true),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "{error:?}"),
        }
    }
}

/// A signal made a wait return early and say that the time was over (tokio-rs/mio#742).
#[test]
fn scenario_37_signal_is_no_timeout() {
    isolated("timeouts::scenario_37_signal_is_no_timeout", || {
        let mut harness = Harness::new();
        under_signals(|| {
            let deadline = Instant::now() + PATIENCE;
            let mut interrupted = 0;
            while interrupted < 50 {
                let start = Instant::now();
                assert!(start < deadline, "only {interrupted} waits were interrupted");
                let timeout = Duration::from_micros(700);
                match harness.poll.poll(&mut harness.events, Some(timeout)) {
                    Ok(()) => assert!(start.elapsed() >= timeout, "{:?}", start.elapsed()),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error:?}");
                        interrupted += 1;
                    }
                }
            }
        });
    });
}

leaves_nothing_open!(
    scenario_34_short_timeouts_neither_spin_nor_hang,
    scenario_34_short_timeouts_are_exact,
    scenario_35_huge_timeouts_sleep,
    scenario_36_epoll_pwait2_is_missing,
    scenario_36_epoll_pwait2_is_forbidden,
    scenario_36_whole_milliseconds_need_no_epoll_pwait2,
    scenario_37_signal_is_reported,
    scenario_37_signal_loses_no_event,
    scenario_37_signal_is_no_timeout,
);
