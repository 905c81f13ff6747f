//! Two or three threads at one selector, each with one thing to do.
//!
//! Under `--cfg loom` each test explores the orders of all steps, and what the memory orderings let each thread see; who
//! waits for an event that does not come is a deadlock, which loom tells of. Otherwise shuttle runs it in random orders.
//!
//! The machine's lock orders all calls of the kernel, as that of a real port does for those at one port. So what a thread
//! wrote is seen by whoever takes a packet that it posted later; what is explored is all that comes without a packet of its
//! own: rings that find the bell rung, sockets that are queued, and those that are seen to later.

use std::sync::Arc;
use std::time::Duration;

use super::kernel::Machine;
use super::schedule::sync::atomic::{AtomicUsize, Ordering};
use super::schedule::thread::{self, JoinHandle};
#[cfg(loom)]
use crate::sys::scenarios::explore;
use crate::sys::windows::afd::Afd;
use crate::sys::windows::event::{Conditions, Event};
use crate::sys::windows::registration::Registration;
use crate::sys::windows::selector::Selector;
use crate::sys::windows::waker::Waker;
use crate::sys::{RawSource, Readiness, Selector as _};
use crate::{Interest, Token};

const READ: Interest = Interest::READABLE;
const BOTH: Interest = READ.add(Interest::WRITABLE);
const SOCKET: RawSource = 10;
const NOW: Option<Duration> = Some(Duration::ZERO);

/// Explores `body`.
#[cfg(not(loom))]
fn explore(body: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(body, 300);
}

/// A machine with a socket, and a selector there.
struct Bench {
    machine: Arc<Machine>,
    selector: Selector,
    /// What threads write before they wake.
    written: Arc<[AtomicUsize; 2]>,
}

impl Bench {
    fn new() -> Bench {
        let machine = Machine::boot();
        machine.open(SOCKET);
        let selector = Selector::new().unwrap();
        Bench { machine, selector, written: Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]) }
    }

    fn waker(&self, token: usize) -> Arc<Waker> {
        Arc::new(self.selector.waker(Token(token)).unwrap())
    }

    /// Writes and wakes, in a thread of its own.
    fn spawn_wake(&self, writes: usize, waker: &Arc<Waker>) -> JoinHandle<()> {
        let (written, waker) = (Arc::clone(&self.written), Arc::clone(waker));
        thread::spawn(move || {
            // Relaxed: the wake must carry it.
            written[writes].store(1, Ordering::Relaxed);
            Selector::wake(&waker).unwrap();
        })
    }

    fn has_written(&self, writer: usize) -> bool {
        // Relaxed: the poll must have made it visible.
        self.written[writer].load(Ordering::Relaxed) == 1
    }

    /// Does something to the machine, in a thread of its own.
    fn spawn(&self, act: impl FnOnce(&Machine) + Send + 'static) -> JoinHandle<()> {
        let machine = Arc::clone(&self.machine);
        thread::spawn(move || act(&machine))
    }

    fn register(&self, token: usize, interest: Interest) -> Registration {
        self.selector.register(SOCKET, Token(token), interest).unwrap()
    }

    /// Registers a socket that is told of a byte, and has taken it: its ends are to be watched for later.
    fn register_and_read(&mut self, socket: RawSource, token: usize) -> Registration {
        let registration = self.selector.register(socket, Token(token), READ).unwrap();
        self.machine.send(socket);
        assert_eq!(tokens(&self.wait()), [token]);
        assert_eq!((self.machine.receive(socket), self.machine.receive(socket)), (1, 0));
        registration
    }

    /// Waits without an end, so that what is lost is not found by accident.
    fn wait(&mut self) -> Vec<Event> {
        let events = self.poll(None);
        assert!(!events.is_empty());
        events
    }

    fn poll(&mut self, timeout: Option<Duration>) -> Vec<Event> {
        let mut events = Vec::with_capacity(4);
        self.selector.wait(&mut events, timeout).unwrap();
        events
    }

    /// Waits until an event has `token`, and fits.
    fn wait_for(&mut self, token: usize, fits: impl Fn(&Event) -> bool) {
        while !self.wait().iter().any(|event| event.token() == Token(token) && fits(event)) {}
    }

    /// All slots of the group are free, each once: so many sockets need no other, and have one each.
    fn assert_slots_are_free(&self) {
        let sockets = SOCKET + 1..SOCKET + 1 + RawSource::try_from(Afd::SOCKETS).unwrap();
        let register = |socket| {
            self.machine.open(socket);
            self.selector.register(socket, Token(0), READ).unwrap()
        };
        let registrations: Vec<_> = sockets.map(register).collect();
        assert_eq!(self.machine.counts().devices, 1);
        drop(registrations);
    }

    /// Nothing is left to tell, and all is given back.
    fn end(mut self) {
        assert!(self.poll(NOW).is_empty());
        drop(self.selector);
        self.machine.check_end();
    }
}

/// An operation blocks, in a thread of its own; it gives the registration back.
fn spawn_rearm(registration: Registration, direction: Interest) -> JoinHandle<Registration> {
    thread::spawn(move || {
        Selector::rearm(&registration, direction).unwrap();
        registration
    })
}

fn tokens(events: &[Event]) -> Vec<usize> {
    events.iter().map(|event| event.token().0).collect()
}

/// The thread that waits falls asleep while another wakes it, and sees what that one wrote.
#[test]
fn p16_a_wake_finds_who_falls_asleep() {
    explore(|| {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        let waking = bench.spawn_wake(0, &waker);
        assert_eq!(tokens(&bench.wait()), [0]);
        assert!(bench.has_written(0));
        waking.join().unwrap();
        drop(waker);
        bench.end();
    });
}

/// Two threads ring one bell: their wakes may be one event, which carries what both wrote, or two.
#[test]
fn p16_who_finds_the_bell_rung_is_heard_as_well() {
    explore(|| {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        let waking = [bench.spawn_wake(0, &waker), bench.spawn_wake(1, &waker)];
        while !(bench.has_written(0) && bench.has_written(1)) {
            bench.wait();
        }
        waking.into_iter().for_each(|thread| thread.join().unwrap());
        drop(waker);
        // The last one may have rung after the event of the first one carried what it wrote.
        bench.poll(NOW);
        bench.end();
    });
}

/// A wake that the event of an earlier one did not carry is told by the next poll.
#[test]
fn p15_a_wake_after_the_event_is_told_by_the_next_poll() {
    explore(|| {
        let mut bench = Bench::new();
        let waker = bench.waker(0);
        Selector::wake(&waker).unwrap();
        let waking = bench.spawn_wake(0, &waker);
        assert_eq!(tokens(&bench.wait()), [0]);
        let carried = bench.has_written(0);
        waking.join().unwrap();
        let told = bench.poll(NOW).len();
        assert!(told == 1 || carried && told == 0);
        assert!(bench.has_written(0));
        drop(waker);
        bench.end();
    });
}

/// Each of two bells is told, once.
#[test]
fn p15_two_bells_are_both_heard() {
    explore(|| {
        let mut bench = Bench::new();
        let wakers = [bench.waker(0), bench.waker(1)];
        let waking = [bench.spawn_wake(0, &wakers[0]), bench.spawn_wake(1, &wakers[1])];
        let mut told = Vec::new();
        while told.len() < 2 {
            told.extend(tokens(&bench.wait()));
            assert!(told.iter().all(|&token| bench.has_written(token)));
        }
        told.sort_unstable();
        assert_eq!(told, [0, 1]);
        waking.into_iter().for_each(|thread| thread.join().unwrap());
        drop(wakers);
        bench.end();
    });
}

/// A waker goes while another thread waits. Its packet, which may be late, takes no other wake with it, and rings no bell
/// that was made since.
#[test]
fn p15_a_waker_that_is_dropped_takes_no_wake_with_it() {
    explore(|| {
        let mut bench = Bench::new();
        let (gone, stays) = (bench.selector.waker(Token(0)).unwrap(), bench.waker(1));
        let clone = bench.selector.try_clone().unwrap();
        let dropping = thread::spawn(move || {
            Selector::wake(&gone).unwrap();
            drop(gone);
            clone.waker(Token(2)).unwrap()
        });
        let waking = bench.spawn_wake(0, &stays);
        let mut told = Vec::new();
        while !told.contains(&1) {
            told.extend(tokens(&bench.wait()));
        }
        assert!(bench.has_written(0));
        waking.join().unwrap();
        let new = dropping.join().unwrap();
        told.sort_unstable();
        assert!(told == [1] || told == [0, 1], "{told:?}");
        assert!(bench.poll(NOW).is_empty(), "of a waker that is gone");
        drop((stays, new));
        bench.end();
    });
}

/// A socket that is ready is registered while another thread falls asleep.
#[test]
fn p10_a_registration_finds_who_falls_asleep() {
    explore(|| {
        let mut bench = Bench::new();
        bench.machine.send(SOCKET);
        let clone = bench.selector.try_clone().unwrap();
        let registering = thread::spawn(move || clone.register(SOCKET, Token(1), READ).unwrap());
        assert_eq!(tokens(&bench.wait()), [1]);
        drop(registering.join().unwrap());
        bench.assert_slots_are_free();
        bench.end();
    });
}

/// The same of one that becomes ready at any time.
#[test]
fn p01_what_comes_while_a_socket_is_registered_is_told() {
    explore(|| {
        let mut bench = Bench::new();
        let clone = bench.selector.try_clone().unwrap();
        let registering = thread::spawn(move || clone.register(SOCKET, Token(1), READ).unwrap());
        let peer = bench.spawn(|machine| machine.send(SOCKET));
        assert_eq!(tokens(&bench.wait()), [1]);
        peer.join().unwrap();
        drop(registering.join().unwrap());
        bench.end();
    });
}

/// Two threads register at once, and the group of slots is made by one of them.
#[test]
fn p10_two_threads_that_register_are_both_told() {
    explore(|| {
        let mut bench = Bench::new();
        let register = |socket, token| {
            bench.machine.send(socket);
            let clone = bench.selector.try_clone().unwrap();
            thread::spawn(move || clone.register(socket, Token(token), READ).unwrap())
        };
        bench.machine.open(SOCKET + 1);
        let registering = [register(SOCKET, 1), register(SOCKET + 1, 2)];
        let mut told = Vec::new();
        while told.len() < 2 {
            told.extend(tokens(&bench.wait()));
        }
        told.sort_unstable();
        assert_eq!(told, [1, 2]);
        registering.into_iter().for_each(|thread| drop(thread.join().unwrap()));
        bench.end();
    });
}

/// A read blocks while another thread falls asleep, and the peer sends.
#[test]
fn p03_what_comes_after_a_read_blocked_is_told() {
    explore(|| {
        let mut bench = Bench::new();
        let registration = bench.register_and_read(SOCKET, 1);
        let reading = spawn_rearm(registration, READ);
        let peer = bench.spawn(|machine| machine.send(SOCKET));
        bench.wait_for(1, |event| event.is_readable());
        peer.join().unwrap();
        drop(reading.join().unwrap());
        bench.end();
    });
}

/// An interest grows while a poll for less is in the kernel, and its thread is asleep or about to be.
#[test]
fn p04_a_wider_interest_finds_who_falls_asleep() {
    explore(|| {
        let mut bench = Bench::new();
        let mut registration = bench.register(1, READ);
        assert!(bench.poll(NOW).is_empty());
        bench.machine.happen(SOCKET, Conditions::SEND);
        let clone = bench.selector.try_clone().unwrap();
        let changing = thread::spawn(move || {
            clone.reregister(&mut registration, SOCKET, Token(2), BOTH).unwrap();
            registration
        });
        let peer = bench.spawn(|machine| machine.send(SOCKET));
        bench.wait_for(2, |event| event.is_writable());
        peer.join().unwrap();
        drop(changing.join().unwrap());
        bench.poll(NOW);
        bench.end();
    });
}

/// The end comes while a read blocks.
#[test]
fn scenario_13_the_end_is_told_while_a_read_blocks() {
    explore(|| {
        let mut bench = Bench::new();
        let registration = bench.register_and_read(SOCKET, 1);
        let reading = spawn_rearm(registration, READ);
        let peer = bench.spawn(|machine| machine.happen(SOCKET, Conditions::ABORT));
        bench.wait_for(1, |event| event.is_error());
        peer.join().unwrap();
        drop(reading.join().unwrap());
        bench.end();
    });
}

/// A registration ends while its packet is on the way, or is taken.
#[test]
fn p07_no_event_comes_after_its_registration() {
    explore(|| {
        let mut bench = Bench::new();
        let (registration, waker) = (bench.register(1, READ), bench.waker(0));
        assert!(bench.poll(NOW).is_empty());
        let (clone, written) = (bench.selector.try_clone().unwrap(), Arc::clone(&bench.written));
        let ending = thread::spawn(move || {
            clone.deregister(&registration, SOCKET).unwrap();
            // Release: who sees it begins to wait after the end.
            written[0].store(1, Ordering::Release);
            Selector::wake(&waker).unwrap();
            // A waker that is dropped is heard no more.
            waker
        });
        let peer = bench.spawn(|machine| machine.send(SOCKET));
        let mut is_over = false;
        while !is_over {
            // Acquire: as above.
            let has_ended = bench.written[0].load(Ordering::Acquire) == 1;
            let told = tokens(&bench.wait());
            assert!(!has_ended || !told.contains(&1));
            is_over = told.contains(&0);
        }
        peer.join().unwrap();
        drop(ending.join().unwrap());
        bench.assert_slots_are_free();
        bench.end();
    });
}

/// Nobody reads any more of a socket that is put off, and another one, which was put off with it, is no more.
#[test]
fn scenario_13_the_end_of_what_nobody_reads_is_told() {
    explore(|| {
        let mut bench = Bench::new();
        bench.machine.open(SOCKET + 1);
        let read = bench.register_and_read(SOCKET, 1);
        let silent = bench.register_and_read(SOCKET + 1, 2);
        let reading = spawn_rearm(read, READ);
        let peer = bench.spawn(|machine| machine.happen(SOCKET + 1, Conditions::ABORT));
        bench.wait_for(2, |event| event.is_error());
        peer.join().unwrap();
        drop((reading.join().unwrap(), silent));
        bench.end();
    });
}

/// A poll failed, which was told; later a write blocks while another thread falls asleep. Nobody reads, so that the end is
/// all there is to watch for.
#[test]
fn scenario_13_the_end_is_told_after_a_failure_when_a_write_blocks() {
    explore(|| {
        let mut bench = Bench::new();
        let registration = bench.register_and_read(SOCKET, 1);
        Selector::rearm(&registration, READ).unwrap();
        bench.machine.set_faults(|faults| faults.refused = 1);
        bench.wait_for(1, |event| event.is_error());
        let writing = spawn_rearm(registration, Interest::WRITABLE);
        let peer = bench.spawn(|machine| machine.happen(SOCKET, Conditions::ABORT));
        bench.wait_for(1, |event| event.is_error());
        peer.join().unwrap();
        drop(writing.join().unwrap());
        bench.end();
    });
}

/// A socket that is put off is registered anew, in the same slot, while another thread sees to those that are.
#[test]
fn p08_a_slot_that_is_used_again_has_its_own_events_alone() {
    explore(|| {
        let mut bench = Bench::new();
        let registration = bench.register_and_read(SOCKET, 1);
        let clone = bench.selector.try_clone().unwrap();
        let renewing = thread::spawn(move || {
            drop(registration);
            clone.register(SOCKET, Token(2), READ).unwrap()
        });
        let peer = bench.spawn(|machine| machine.send(SOCKET));
        assert_eq!(tokens(&bench.wait()), [2]);
        peer.join().unwrap();
        drop(renewing.join().unwrap());
        bench.assert_slots_are_free();
        bench.end();
    });
}

/// A selector and a registration go at once, with a poll in the kernel: the later one has the memory come back.
#[test]
fn p19_who_goes_last_gives_all_back() {
    explore(|| {
        let mut bench = Bench::new();
        let registration = bench.register(1, READ);
        assert!(bench.poll(NOW).is_empty());
        let ending = thread::spawn(move || drop(registration));
        let Bench { machine, selector, .. } = bench;
        drop(selector);
        ending.join().unwrap();
        machine.check_end();
    });
}
