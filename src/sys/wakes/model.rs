//! Wakes with threads that wake and one that polls, over a kernel made of a queue.
//!
//! Under `--cfg loom` each test explores the orders of all steps, and what the memory orderings let each thread see; a
//! poller that nobody wakes any more is a deadlock, which loom tells of. Otherwise it runs many times with threads of the
//! system.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::AtomicUsize as Failing;
use std::sync::Arc;
use std::time::Duration;

#[cfg(not(loom))]
use std::{sync::Condvar, thread};

#[cfg(loom)]
use loom::{sync::Condvar, thread};

use super::atomic::{AtomicUsize, Ordering};
use super::{Mutex, Signal, Sleeper, WakeEvent, Waker};
#[cfg(loom)]
use crate::sys::scenarios::explore;
use crate::sys::Readiness;
use crate::Token;

/// Explores `body`.
#[cfg(not(loom))]
fn explore(body: impl Fn() + Send + Sync + 'static) {
    for _ in 0..500 {
        body();
    }
}

/// An event of the model.
struct Event {
    token: Token,
    of_kernel: bool,
}

impl Readiness for Event {
    fn token(&self) -> Token {
        self.token
    }

    fn is_readable(&self) -> bool {
        true
    }

    fn is_writable(&self) -> bool {
        false
    }

    fn is_error(&self) -> bool {
        false
    }

    fn is_read_closed(&self) -> bool {
        false
    }

    fn is_write_closed(&self) -> bool {
        false
    }

    fn is_priority(&self) -> bool {
        false
    }

    fn details(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl WakeEvent for Event {
    fn of_wake(token: Token) -> Event {
        Event { token, of_kernel: false }
    }
}

/// What is ready, as edges. Its lock orders those who use it, as a kernel's do.
struct Kernel {
    ready: Mutex<VecDeque<Token>>,
    changed: Condvar,
    /// How many signals are going to fail.
    failing: Failing,
}

impl Kernel {
    fn signal(&self, token: Token) {
        let mut ready = self.ready.lock().unwrap();
        if !ready.contains(&token) {
            ready.push_back(token);
        }
        self.changed.notify_one();
    }

    /// What is closed is not ready any more, also when it was on its way to who waits.
    fn close(&self, token: Token) {
        self.ready.lock().unwrap().retain(|&other| other != token);
    }

    /// How many signals nobody was told of.
    fn signals(&self) -> usize {
        self.ready.lock().unwrap().len()
    }

    /// Waits without an end, or not at all.
    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        let mut ready = self.ready.lock().unwrap();
        while ready.is_empty() && timeout.is_none() {
            ready = self.changed.wait(ready).unwrap();
        }
        while events.len() < events.capacity() {
            let Some(token) = ready.pop_front() else { break };
            events.push(Event { token, of_kernel: true });
        }
        Ok(())
    }
}

/// A token that becomes ready in the kernel; not any more when this is dropped.
struct Bell {
    token: Token,
    kernel: Arc<Kernel>,
}

impl Signal for Bell {
    fn signal(&self) -> io::Result<()> {
        // Relaxed: nothing else goes by it.
        let fails = |left: usize| left.checked_sub(1);
        if self.kernel.failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fails).is_ok() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.kernel.signal(self.token);
        Ok(())
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.kernel.close(self.token);
    }
}

/// A selector over a kernel.
struct Bench {
    sleeper: Sleeper<Bell>,
    kernel: Arc<Kernel>,
    /// What threads write before they wake.
    written: Arc<[AtomicUsize; 2]>,
}

impl Bench {
    fn new() -> Bench {
        let kernel =
            Arc::new(Kernel { ready: Mutex::new(VecDeque::new()), changed: Condvar::new(), failing: Failing::new(0) });
        Bench { sleeper: Sleeper::new(), kernel, written: Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]) }
    }

    fn waker(&self, token: usize) -> Arc<Waker<Bell>> {
        waker(&self.sleeper, &self.kernel, token)
    }

    /// Writes and wakes, in a thread of its own.
    fn spawn(&self, writes: usize, waker: &Arc<Waker<Bell>>) -> thread::JoinHandle<()> {
        self.spawn_and(Result::unwrap, writes, waker)
    }

    /// The same, and looks at what the wake returned.
    fn spawn_and<R: Send + 'static>(
        &self,
        look: fn(io::Result<()>) -> R,
        writes: usize,
        waker: &Arc<Waker<Bell>>,
    ) -> thread::JoinHandle<R> {
        let (written, waker) = (Arc::clone(&self.written), Arc::clone(waker));
        thread::spawn(move || {
            // Relaxed: the wake must carry it.
            written[writes].store(1, Ordering::Relaxed);
            look(waker.wake())
        })
    }

    fn has_written(&self, writer: usize) -> bool {
        // Relaxed: the poll must have made it visible.
        self.written[writer].load(Ordering::Relaxed) == 1
    }

    /// One poll; how often each of the first three tokens was told.
    fn poll(&mut self, capacity: usize, timeout: Option<Duration>) -> [usize; 3] {
        let mut told = [0; 3];
        self.poll_events(capacity, timeout).iter().for_each(|event| told[event.token.0] += 1);
        told
    }

    fn poll_events(&mut self, capacity: usize, timeout: Option<Duration>) -> Vec<Event> {
        let mut events = Vec::with_capacity(capacity);
        let kernel = &self.kernel;
        self.sleeper.wait(&mut events, timeout, |events, timeout| kernel.wait(events, timeout)).unwrap();
        assert!(events.len() <= capacity);
        events
    }
}

fn waker(sleeper: &Sleeper<Bell>, kernel: &Arc<Kernel>, token: usize) -> Arc<Waker<Bell>> {
    let bell = Bell { token: Token(token), kernel: Arc::clone(kernel) };
    Arc::new(sleeper.waker(Token(token), bell))
}

const NOW: Option<Duration> = Some(Duration::ZERO);

/// The poller falls asleep while another thread wakes it, and sees what that thread wrote.
#[test]
fn p16_a_wake_finds_who_falls_asleep() {
    explore(|| {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        let waking = bench.spawn(0, &waker);
        assert_eq!(bench.poll(4, None), [1, 0, 0]);
        assert!(bench.has_written(0));
        waking.join().unwrap();
        // A signal that came late may have made one more event, and no more.
        bench.poll(4, NOW);
        assert_eq!(bench.poll(4, NOW), [0, 0, 0]);
    });
}

/// Two threads ring one bell: their wakes may be one event, which carries what both wrote, or two.
#[test]
fn p16_who_finds_the_bell_ringing_is_heard_as_well() {
    explore(|| {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        let waking = [bench.spawn(0, &waker), bench.spawn(1, &waker)];
        while !(bench.has_written(0) && bench.has_written(1)) {
            bench.poll(4, None);
        }
        waking.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A wake that returned is told by the next poll, also when another of the same bell is still under way.
#[test]
fn p15_a_wake_before_a_poll_is_told_by_it() {
    explore(|| {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        let other = bench.spawn(0, &waker);
        bench.spawn(1, &waker).join().unwrap();
        assert!(bench.poll(4, NOW)[0] > 0);
        assert!(bench.has_written(1));
        other.join().unwrap();
    });
}

/// The same while an earlier ring is told of: a wake that this one did not carry is told by the next.
#[test]
fn p15_a_wake_after_the_event_is_told_by_the_next_poll() {
    explore(|| {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        waker.wake().unwrap();
        let (other, waking) = (bench.spawn(0, &waker), bench.spawn(1, &waker));
        bench.poll(4, NOW);
        let carried = bench.has_written(1);
        waking.join().unwrap();
        assert!(bench.poll(4, NOW)[0] > 0 || carried);
        other.join().unwrap();
    });
}

/// Two bells and a poller that sleeps: each is told, though one signal may have ended the sleep for both.
#[test]
fn p15_two_bells_are_both_heard() {
    explore(|| {
        let mut bench = Bench::new();
        let wakers = [bench.waker(0), bench.waker(1)];
        let waking = [bench.spawn(0, &wakers[0]), bench.spawn(1, &wakers[1])];
        let mut told = [0; 3];
        while told[0] == 0 || told[1] == 0 {
            let more = bench.poll(4, None);
            (0..3).for_each(|token| told[token] += more[token]);
            (0..2).for_each(|token| assert!(more[token] == 0 || bench.has_written(token)));
        }
        waking.into_iter().for_each(|thread| thread.join().unwrap());
        bench.poll(4, NOW);
        assert_eq!(bench.poll(4, NOW), [0, 0, 0]);
    });
}

/// Another source is ready meanwhile, so that the poller may be on its way out when it is woken: one signals, and the other
/// relies on that.
#[test]
fn p15_wakes_while_the_poller_awakes_by_itself() {
    explore(|| {
        let mut bench = Bench::new();
        let wakers = [bench.waker(0), bench.waker(1)];
        let waking = [bench.spawn(0, &wakers[0]), bench.spawn(1, &wakers[1])];
        bench.kernel.signal(Token(2));
        let mut told = [0; 3];
        while told.contains(&0) {
            let more = bench.poll(4, None);
            (0..3).for_each(|token| told[token] += more[token]);
        }
        assert!(bench.has_written(0) && bench.has_written(1));
        waking.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A waker is made while the poller sleeps.
#[test]
fn p15_a_waker_that_is_made_during_a_poll_wakes_it() {
    explore(|| {
        let mut bench = Bench::new();
        let (clone, kernel) = (bench.sleeper.share(), Arc::clone(&bench.kernel));
        let waking = thread::spawn(move || {
            let waker = waker(&clone, &kernel, 0);
            waker.wake().unwrap();
            waker
        });
        assert_eq!(bench.poll(4, None), [1, 0, 0]);
        waking.join().unwrap();
    });
}

/// Nobody polls: who watches from outside must see the wake, whether it comes before or after he began to.
#[test]
fn p15_a_wake_is_seen_by_who_watches_the_kernel() {
    explore(|| {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        let waking = bench.spawn(0, &waker);
        bench.sleeper.be_watched();
        waking.join().unwrap();
        assert_ne!(bench.kernel.signals(), 0);
        assert_eq!(bench.poll(4, NOW), [1, 0, 0]);
        assert!(bench.has_written(0));
        assert_eq!(bench.poll(4, NOW), [0, 0, 0]);
    });
}

/// Two ring one bell while a third begins to watch, after a poll has told of an earlier ring.
#[test]
fn p15_a_ringing_bell_is_seen_by_who_watches_the_kernel() {
    explore(|| {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        waker.wake().unwrap();
        bench.poll(4, NOW);
        let waking = [bench.spawn(0, &waker), bench.spawn(1, &waker)];
        bench.sleeper.be_watched();
        waking.into_iter().for_each(|thread| thread.join().unwrap());
        assert_ne!(bench.kernel.signals(), 0);
        bench.poll(4, NOW);
        assert!(bench.has_written(0) && bench.has_written(1));
    });
}

/// The poller sleeps, or is about to, while somebody begins to watch and another wakes.
#[test]
fn p15_a_sleeper_that_is_watched_is_woken() {
    explore(|| {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        let clone = bench.sleeper.share();
        let watching = thread::spawn(move || clone.be_watched());
        let waking = bench.spawn(0, &waker);
        assert!(bench.poll(4, None)[0] > 0);
        assert!(bench.has_written(0));
        watching.join().unwrap();
        waking.join().unwrap();
    });
}

/// A ring of a waker that is gone is no event, and no reason to return early.
#[test]
fn p12_a_waker_that_is_dropped_is_not_heard() {
    explore(|| {
        let mut bench = Bench::new();
        let (waker, stays) = (bench.waker(0), bench.waker(1));
        waker.wake().unwrap();
        bench.poll(4, NOW);
        waker.wake().unwrap();
        drop(waker);
        let waking = bench.spawn(0, &stays);
        assert_eq!(bench.poll(4, None), [0, 1, 0]);
        waking.join().unwrap();
    });
}

/// Nor does its signal, which goes with it, take along what another relied on it to tell.
#[test]
fn p15_a_waker_that_is_dropped_takes_no_wake_with_it() {
    explore(|| {
        let mut bench = Bench::new();
        let (waker, stays) = (bench.waker(0), bench.waker(1));
        let dropping = thread::spawn(move || waker.wake().unwrap());
        let waking = bench.spawn(0, &stays);
        while bench.poll(4, None)[1] == 0 {}
        assert!(bench.has_written(0));
        dropping.join().unwrap();
        waking.join().unwrap();
    });
}

/// One event at a time: neither the kernel's nor the bells' keep the others out.
#[test]
#[cfg(not(loom))] // One thread.
fn p11_a_full_list_takes_turns() {
    let mut bench = Bench::new();
    let wakers = [bench.waker(0), bench.waker(1)];
    wakers.iter().for_each(|waker| waker.wake().unwrap());
    bench.poll(4, NOW);
    let mut told = [0; 3];
    for _ in 0..30 {
        // All that was told is ready again at once.
        bench.kernel.signal(Token(2));
        wakers.iter().for_each(|waker| waker.wake().unwrap());
        let more = bench.poll(1, None);
        (0..3).for_each(|token| told[token] += more[token]);
    }
    assert_eq!(told.iter().sum::<usize>(), 30);
    assert!(told.iter().all(|&told| told >= 7), "{told:?}");
}

/// The turn of the bells leaves the kernel what room they do not take.
#[test]
#[cfg(not(loom))]
fn p01_what_the_kernel_has_is_told_beside_bells_that_were_left_over() {
    let mut bench = Bench::new();
    let waker = bench.waker(0);
    (1..3).for_each(|token| bench.kernel.signal(Token(token)));
    waker.wake().unwrap();
    assert_eq!(bench.poll(2, NOW), [0, 1, 1]);
    bench.kernel.signal(Token(2));
    assert_eq!(bench.poll(2, NOW), [1, 0, 1]);
}

/// Who was asleep, and is not any more, is woken without the kernel.
#[test]
#[cfg(not(loom))]
fn p15_who_has_slept_is_awake_again() {
    let mut bench = Bench::new();
    let waker = bench.waker(0);
    for _ in 0..3 {
        bench.kernel.signal(Token(2));
        assert_eq!(bench.poll(4, None), [0, 0, 1]);
        waker.wake().unwrap();
        assert_eq!(bench.kernel.signals(), 0);
        assert_eq!(bench.poll(4, None), [1, 0, 0]);
    }
}

/// Who looks without waiting is no sleeper: a wake meanwhile leaves the kernel alone. One that ends a sleep is the kernel's
/// event, and no other.
#[test]
#[cfg(not(loom))]
fn p15_who_sleeps_is_woken_once_and_who_looks_without_the_kernel() {
    let mut bench = Bench::new();
    let waker = bench.waker(0);
    let kernel = &bench.kernel;
    for (timeout, signals) in [(NOW, 0), (None, 1)] {
        let mut events = Vec::<Event>::with_capacity(4);
        let woken = |events: &mut Vec<Event>, timeout| {
            waker.wake().unwrap();
            assert_eq!(kernel.signals(), signals);
            kernel.wait(events, timeout)
        };
        bench.sleeper.wait(&mut events, timeout, woken).unwrap();
        assert_eq!(events.len(), signals);
        bench.sleeper.wait(&mut events, NOW, |events, timeout| kernel.wait(events, timeout)).unwrap();
        assert_eq!(events.len(), 1 - signals);
    }
}

/// Of two threads that wake the sleeper one may be told that it failed; who is told that it did not was heard.
#[test]
fn p15_a_signal_that_fails_takes_no_other_wake_with_it() {
    explore(|| {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        bench.kernel.failing.store(1, Ordering::Relaxed);
        let waking = [0, 1].map(|writer| bench.spawn_and(|result| result.is_err(), writer, &waker));
        // The signal is tried once more for all that ring, so that in the end both are heard.
        while !(bench.has_written(0) && bench.has_written(1)) {
            assert_eq!(bench.poll(4, None), [1, 0, 0]);
        }
        assert!(waking.into_iter().filter_map(|waking| waking.join().ok()).filter(|&failed| failed).count() <= 1);
    });
}

/// A signal that failed is the first of no others: each wake has its own from then on.
#[test]
#[cfg(not(loom))]
fn p15_after_a_signal_that_failed_each_wake_has_its_own() {
    for failing in [1, 2] {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        let kernel = &bench.kernel;
        kernel.failing.store(failing, Ordering::Relaxed);
        let mut events = Vec::<Event>::with_capacity(4);
        let asleep = |events: &mut Vec<Event>, timeout| {
            assert_eq!(waker.wake().unwrap_err().kind(), io::ErrorKind::OutOfMemory);
            // It was tried once more.
            assert_eq!(kernel.signals(), 2 - failing);
            waker.wake().unwrap();
            assert_eq!(kernel.signals(), 1);
            kernel.wait(events, timeout)
        };
        bench.sleeper.wait(&mut events, None, asleep).unwrap();
        assert_eq!(events.len(), 1);
    }
}

/// A wait that fails leaves the thread asleep for others; when it sleeps again, it is woken.
#[test]
#[cfg(not(loom))]
fn p15_who_sleeps_after_an_error_is_woken() {
    let mut bench = Bench::new();
    let waker = bench.waker(0);
    let mut events = Vec::<Event>::with_capacity(4);
    for _ in 0..3 {
        let result = bench.sleeper.wait(&mut events, None, |_, _| Err(io::ErrorKind::Interrupted.into()));
        assert!(result.is_err());
    }
    let kernel = &bench.kernel;
    let asleep = |events: &mut Vec<Event>, timeout| {
        waker.wake().unwrap();
        assert_ne!(kernel.signals(), 0);
        kernel.wait(events, timeout)
    };
    bench.sleeper.wait(&mut events, None, asleep).unwrap();
    assert_eq!(events.len(), 1);
}

/// When it is the turn of the bells and the kernel fails, those that ring are told of; where there are none, the error is.
#[test]
#[cfg(not(loom))]
fn p15_an_error_takes_no_wake_with_it() {
    let left_over = || {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        bench.kernel.signal(Token(1));
        waker.wake().unwrap();
        assert_eq!(bench.poll(1, NOW), [0, 1, 0]);
        (bench, waker)
    };
    let fail = |bench: &mut Bench| {
        let mut events = Vec::<Event>::with_capacity(4);
        let result = bench.sleeper.wait(&mut events, NOW, |_, _| Err(io::ErrorKind::OutOfMemory.into()));
        (events.len(), result.is_ok())
    };
    let (mut bench, _waker) = left_over();
    assert_eq!(fail(&mut bench), (1, true));
    assert_eq!(fail(&mut bench), (0, false));
    let (mut bench, waker) = left_over();
    drop(waker);
    assert_eq!(fail(&mut bench), (0, false));
}

/// What the kernel told of is not told again, in the same list or later.
#[test]
#[cfg(not(loom))]
fn p15_what_the_kernel_told_of_is_one_event() {
    let mut bench = Bench::new();
    let waker = bench.waker(0);
    for capacity in [1, 4] {
        // As an interrupted wait leaves it.
        assert!(bench.sleeper.wakes.fall_asleep(0));
        (0..3).for_each(|_| waker.wake().unwrap());
        let events = bench.poll_events(capacity, None);
        assert_eq!(events.len(), 1);
        assert!(events[0].of_kernel);
        assert_eq!(bench.poll(4, NOW), [0, 0, 0]);
    }
}
