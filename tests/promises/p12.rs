//! P12 `Some(ZERO)` never blocks; `None` waits for ever; any other timeout never returns early without an event, and
//! never spins; all durations up to `Duration::MAX` are accepted.
//!
//! Lower bounds are exact, because they are promised. Upper bounds only tell a wait from a hang: this machine is shared.

use std::time::{Duration, Instant};

use poised::{Interest, Token};

use crate::links::{every_link, Link};
use crate::util::leak::leaves_nothing_open;
use crate::util::{Harness, PATIENCE};

/// Timeouts on both sides of every unit that a system call counts in.
const EXACT: [Duration; 15] = [
    Duration::from_nanos(1),
    Duration::from_nanos(999),
    Duration::from_micros(1),
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(499),
    Duration::from_micros(500),
    Duration::from_micros(999),
    Duration::from_nanos(999_999),
    Duration::from_millis(1),
    Duration::from_nanos(1_000_001),
    Duration::from_micros(1_500),
    Duration::from_nanos(2_999_999),
    Duration::from_micros(15_700),
    Duration::from_millis(20),
];

/// More than any of them fits in: an event ends these waits.
const HUGE: [Duration; 9] = [
    Duration::from_secs(24 * 24 * 3600),
    Duration::from_millis(i32::MAX as u64 - 1),
    Duration::from_millis(i32::MAX as u64),
    Duration::from_millis(i32::MAX as u64 + 1),
    Duration::from_millis(u32::MAX as u64 + 1),
    Duration::from_secs(i64::MAX as u64),
    Duration::from_secs(i64::MAX as u64 + 1),
    Duration::from_secs(u64::MAX),
    Duration::MAX,
];

/// Polls once without an event, and says that it took `timeout` at least.
#[track_caller]
fn wait_out(harness: &mut Harness, timeout: Duration) {
    let start = Instant::now();
    harness.poll.poll(&mut harness.events, Some(timeout)).unwrap();
    let took = start.elapsed();
    assert!(harness.events.is_empty(), "{:?}", harness.events);
    assert!(took >= timeout, "{timeout:?} took {took:?} only");
    assert!(took < timeout + PATIENCE, "{timeout:?} took {took:?}");
}

#[test]
fn p12_never_early() {
    let mut harness = Harness::new();
    for timeout in EXACT {
        for _ in 0..20 {
            wait_out(&mut harness, timeout);
        }
    }
}

#[test]
fn p12_never_early_with_idle_sources() {
    let mut harness = Harness::new();
    let mut links: Vec<_> = every_link().iter().map(|(_, make)| make()).collect();
    for (number, link) in links.iter_mut().enumerate() {
        harness.register(&mut link.reader, Token(number), Interest::READABLE);
    }
    for timeout in EXACT {
        for _ in 0..5 {
            wait_out(&mut harness, timeout);
        }
    }
}

#[test]
fn p12_zero_never_blocks() {
    let mut harness = Harness::new();
    let mut link = Link::tcp();
    harness.register(&mut link.reader, Token(0), Interest::READABLE);
    let start = Instant::now();
    for _ in 0..1000 {
        assert_eq!(harness.turn(), 0);
    }
    assert!(start.elapsed() < PATIENCE);
}

/// A deadline loop, as every timer of a runtime has one. A timeout that is rounded down makes it poll without end.
#[test]
fn p12_never_spins() {
    let mut harness = Harness::new();
    for span in [Duration::from_micros(900), Duration::from_micros(2_900), Duration::from_micros(10_100)] {
        for _ in 0..10 {
            let deadline = Instant::now() + span;
            let mut polls = 0;
            while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                harness.poll.poll(&mut harness.events, Some(left)).unwrap();
                polls += 1;
            }
            // One wait reaches the deadline, as it is never early.
            assert!(polls <= 1, "{span:?} took {polls} polls");
        }
    }
}

#[test]
fn p12_an_event_ends_a_huge_timeout() {
    let mut harness = Harness::new();
    let mut link = Link::tcp();
    harness.register(&mut link.reader, Token(0), Interest::READABLE);
    for timeout in HUGE.map(Some).into_iter().chain([None]) {
        link.send(b"x");
        harness.poll.poll(&mut harness.events, timeout).unwrap();
        assert!(harness.events.iter().any(|event| event.token() == Token(0)), "{timeout:?}: {:?}", harness.events);
        link.receive_all(b"x");
    }
}

#[cfg(target_os = "linux")]
mod linux {
    //! With the proof that the polling thread sleeps, and with its processor time.

    use std::time::Duration;

    use poised::{Interest, Token, Waker};

    use super::HUGE;
    use crate::links::{every_link, Link};
    use crate::util::leak::leaves_nothing_open;
    use crate::util::linux::{thread_time, while_polling};
    use crate::util::{half_close_is_untold, Harness};

    #[test]
    fn p12_huge_timeouts_wait() {
        let mut harness = Harness::new();
        let waker = Waker::new(harness.poll.registry(), Token(1)).unwrap();
        for timeout in HUGE.map(Some).into_iter().chain([None]) {
            let (result, ()) = while_polling(&mut harness, timeout, |poller| {
                // Time for a wait that overflowed to end: then there is no thread that sleeps, and no event.
                // tidy: sleep because nothing tells when a wait ends that should not
                std::thread::sleep(Duration::from_millis(20));
                poller.until_asleep();
                waker.wake().unwrap();
            });
            result.unwrap();
            assert_eq!(harness.events.iter().next().map(|event| event.token()), Some(Token(1)), "{timeout:?}");
        }
    }

    #[test]
    fn p12_waiting_costs_no_processor_time() {
        let mut harness = Harness::new();
        let mut links: Vec<_> = every_link().iter().map(|(_, make)| make()).collect();
        for (number, link) in links.iter_mut().enumerate() {
            harness.register(&mut link.reader, Token(number), Interest::READABLE);
        }
        let before = thread_time();
        for timeout in [Duration::from_millis(300), Duration::from_micros(300_500)] {
            harness.poll.poll(&mut harness.events, Some(timeout)).unwrap();
        }
        let used = thread_time() - before;
        assert!(used < Duration::from_millis(150), "{used:?} of 600 ms");
    }

    /// Unread bytes are level-ready: whoever emulates edges must not ask the kernel again and again.
    #[test]
    fn p12_an_undrained_source_costs_no_processor_time() {
        let mut harness = Harness::new();
        let mut links: Vec<_> = every_link().iter().map(|(_, make)| make()).filter(|link| link.edges).collect();
        for (number, link) in links.iter_mut().enumerate() {
            harness.register(&mut link.reader, Token(number), Interest::READABLE);
            link.send(b"x");
            harness.expect_readable(Token(number));
        }
        sleeps_on(&mut harness);
    }

    /// The same for the end of a stream, which is there for ever and which no mask hides from poll(2).
    #[test]
    fn p12_a_source_that_ended_costs_no_processor_time() {
        let mut harness = Harness::new();
        let mut readers = Vec::new();
        for (number, (name, make)) in every_link().into_iter().enumerate() {
            let Link { mut reader, writer, edges, .. } = make();
            if edges {
                harness.register(&mut reader, Token(number), Interest::READABLE);
                drop(writer);
                if name == "tcp" {
                    // It alone takes its time; the others have ended when `drop` returns, or never tell.
                    harness.expect(Token(number), |seen| seen.read_closed || seen.readable && half_close_is_untold());
                }
                readers.push(reader);
            }
        }
        while !harness.until_sentinel().is_empty() {}
        sleeps_on(&mut harness);
    }

    /// Says that a poll of 400 ms has nothing to report and sleeps nearly all the time.
    #[track_caller]
    fn sleeps_on(harness: &mut Harness) {
        let before = thread_time();
        harness.poll.poll(&mut harness.events, Some(Duration::from_millis(400))).unwrap();
        assert!(harness.events.is_empty(), "{:?}", harness.events);
        let used = thread_time() - before;
        assert!(used < Duration::from_millis(100), "{used:?} of 400 ms");
    }

    leaves_nothing_open!(
        p12_huge_timeouts_wait,
        p12_waiting_costs_no_processor_time,
        p12_an_undrained_source_costs_no_processor_time,
        p12_a_source_that_ended_costs_no_processor_time,
    );
}

leaves_nothing_open!(
    p12_never_early,
    p12_never_early_with_idle_sources,
    p12_zero_never_blocks,
    p12_never_spins,
    p12_an_event_ends_a_huge_timeout,
);
