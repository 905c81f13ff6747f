//! Durations as the systems want them: never shorter than asked for, never an overflow.

use std::time::{Duration, Instant};

/// Whether this is a number of whole milliseconds, of which a C int holds as many.
#[inline]
#[allow(dead_code)] // Not every mechanism counts in milliseconds.
pub(crate) fn is_whole_millis(timeout: Duration) -> bool {
    timeout.subsec_nanos() % 1_000_000 == 0 && timeout.as_secs() < MOST_SECONDS
}

/// Seconds below this are milliseconds that a C int holds, whatever comes behind the point.
const MOST_SECONDS: u64 = i32::MAX.unsigned_abs() as u64 / 1_000;

/// Milliseconds, rounded up and saturated to what a C int holds (24.8 days): who waits so long must look at the clock.
#[inline]
#[allow(dead_code)] // Not every mechanism counts in milliseconds.
pub(crate) fn saturated_millis(timeout: Duration) -> i32 {
    let up = timeout.checked_add(Duration::from_nanos(999_999)).unwrap_or(timeout);
    i32::try_from(up.as_millis()).unwrap_or(i32::MAX)
}

/// Seconds and nanoseconds of a kernel's timespec, saturated: the kernel takes more than it can count as "for ever".
#[inline]
#[allow(dead_code)] // Not every mechanism counts in nanoseconds.
pub(crate) fn timespec(timeout: Duration) -> (i64, i64) {
    (i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX), i64::from(timeout.subsec_nanos()))
}

/// One tick of the Windows clock, 1/64 s, rounded up: waits end with one.
const TICK: Duration = Duration::from_millis(16);
/// How long before its end a long wait is over for the coarse clock, which may be a tick late.
const LEAD: Duration = Duration::from_millis(32);
/// The longest wait for which a precise timer is set at once. What is left when a longer one was cut is shorter.
const NEAR: Duration = Duration::from_millis(48);

/// How to wait where the clock is coarse, and a precise timer beside it costs calls of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(not(windows), allow(dead_code))] // Only Windows has such a clock.
pub(crate) struct Nap {
    /// What the timer is set to: see [`due_time`].
    pub(crate) timer: Option<i64>,
    /// How long to wait by the clock. With a timer this is the net below it: long enough for the timer to be first.
    /// Without one it may end before the whole wait does, whose rest is a nap of its own.
    pub(crate) clock: Duration,
}

impl Nap {
    /// A short wait is the timer's. A long one is the clock's until it is short: mostly something ends it before, and
    /// then the timer has cost nothing.
    #[cfg_attr(not(windows), allow(dead_code))] // As above.
    pub(crate) fn of(wait: Duration) -> Nap {
        if wait.is_zero() {
            return Nap { timer: None, clock: wait };
        }
        if wait <= NEAR {
            return Nap { timer: Some(due_time(wait)), clock: wait + TICK };
        }
        Nap { timer: None, clock: wait - LEAD }
    }
}

/// The time from now on as Windows timers want it: negative, in units of 100 ns; rounded up and saturated.
#[cfg_attr(not(windows), allow(dead_code))] // As above.
fn due_time(wait: Duration) -> i64 {
    -i64::try_from((wait.as_nanos() + 99) / 100).unwrap_or(i64::MAX)
}

/// The end of a wait that may take several calls. Without an end for `None`, and for what no clock reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// The deadline of a wait that begins now.
    pub(crate) fn after(timeout: Option<Duration>) -> Deadline {
        Deadline(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// What is left: `None` without an end, zero when it is over.
    pub(crate) fn left(self) -> Option<Duration> {
        self.left_at(Instant::now())
    }

    fn left_at(self, now: Instant) -> Option<Duration> {
        self.0.map(|end| end.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millis_round_up_and_saturate() {
        for (timeout, is_whole, saturated) in [
            (Duration::ZERO, true, 0),
            (Duration::from_nanos(1), false, 1),
            (Duration::from_micros(999), false, 1),
            (Duration::from_millis(1), true, 1),
            (Duration::from_nanos(1_000_001), false, 2),
            (Duration::from_micros(1_500), false, 2),
            (Duration::from_secs(25), true, 25_000),
            (Duration::from_millis(MOST_SECONDS * 1_000 - 1), true, 2_147_482_999),
            (Duration::from_secs(MOST_SECONDS), false, 2_147_483_000),
            (Duration::from_millis(2_147_483_647), false, i32::MAX),
            (Duration::from_millis(2_147_483_648), false, i32::MAX),
            (Duration::MAX, false, i32::MAX),
        ] {
            assert_eq!(is_whole_millis(timeout), is_whole, "{timeout:?}");
            assert_eq!(saturated_millis(timeout), saturated, "{timeout:?}");
        }
    }

    #[test]
    fn timespecs_keep_nanoseconds_and_saturate() {
        assert_eq!(timespec(Duration::from_nanos(1)), (0, 1));
        assert_eq!(timespec(Duration::from_micros(2_500_000)), (2, 500_000_000));
        assert_eq!(timespec(Duration::MAX), (i64::MAX, 999_999_999));
    }

    /// The machine sleeps in the middle of a wait, and the clock goes on.
    #[test]
    fn scenario_27_nothing_is_left_of_a_deadline_that_passed_in_suspend() {
        let hour = Duration::from_secs(3600);
        for timeout in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(5)] {
            let deadline = Deadline::after(Some(timeout));
            assert_eq!(deadline.left_at(Instant::now() + hour), Some(Duration::ZERO), "{timeout:?}");
        }
        let deadline = Deadline::after(Some(2 * hour));
        let left = deadline.left_at(Instant::now() + hour).unwrap();
        assert!(left > Duration::ZERO && left <= hour, "{left:?}");
    }

    #[test]
    fn due_times_round_up_and_saturate() {
        for (wait, due) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), -1),
            (Duration::from_nanos(100), -1),
            (Duration::from_nanos(101), -2),
            (Duration::from_micros(300), -3_000),
            (Duration::from_millis(15), -150_000),
            (Duration::from_secs(1), -10_000_000),
            (Duration::from_secs(i64::MAX.unsigned_abs() / 10_000_000 + 1), -i64::MAX),
            (Duration::MAX, -i64::MAX),
        ] {
            assert_eq!(due_time(wait), due, "{wait:?}");
        }
    }

    #[test]
    fn short_waits_are_the_timers_and_long_ones_the_clocks_until_they_are_short() {
        let (ns, ms) = (Duration::from_nanos, Duration::from_millis);
        for (wait, timer, clock) in [
            (ns(0), None, ns(0)),
            (ns(1), Some(-1), ns(16_000_001)),
            (ms(1), Some(-10_000), ms(17)),
            (ms(48), Some(-480_000), ms(64)),
            (ns(48_000_001), None, ns(16_000_001)),
            (ms(1_000), None, ms(968)),
            (Duration::MAX, None, Duration::MAX - ms(32)),
        ] {
            assert_eq!(Nap::of(wait), Nap { timer, clock }, "{wait:?}");
        }
    }

    /// Even when the clock is a tick late, in milliseconds that were rounded up, there is a rest for the timer.
    #[test]
    fn a_wait_that_was_cut_is_not_late() {
        assert!(LEAD > TICK + Duration::from_millis(1) && NEAR > LEAD);
    }

    #[test]
    fn a_deadline_without_an_end_has_nothing_left_to_count() {
        assert_eq!(Deadline::after(None).left(), None);
        assert_eq!(Deadline::after(Some(Duration::MAX)).left(), None);
        assert_eq!(Deadline::after(Some(Duration::ZERO)).left(), Some(Duration::ZERO));
        let left = Deadline::after(Some(Duration::from_secs(3600))).left().unwrap();
        assert!(left > Duration::from_secs(3000), "{left:?}");
    }
}
