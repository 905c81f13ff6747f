//! What is particular to event ports, and what has gone wrong with them elsewhere: over the model, as everything on Linux.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{eventfd, EventfdFlags, PollFd, PollFlags, Timespec};

use super::event::Notice;
use super::kernel::{port_event, PORT_SOURCE_FD};
use super::Selector;
use crate::sys::scenarios::{now, pair, tokens, within, BOTH, READ, WRITE};
use crate::sys::{Readiness, SelectDescriptor, Selector as _};
use crate::Token;

/// How often the port was waited at, and something was associated with it.
fn calls(selector: &Selector) -> (usize, u32) {
    let queue = selector.shared.port.queue();
    (queue.calls, queue.stamps)
}

/// Makes the port one that has room for so many descriptors and events.
fn limit(selector: &Selector, most: usize) {
    selector.shared.port.queue().faults.most = most;
}

/// Makes the next wait that has events fail beside.
fn fail_beside(selector: &Selector, error: i32) {
    selector.shared.port.queue().faults.beside = Some(error);
}

fn read_until_it_blocks(mut stream: &UnixStream) {
    while stream.read(&mut [0; 64]).is_ok() {}
}

/// On illumos a wake was seen by the first poll alone, and none after it, when nobody read the eventfd in between
/// (oxidecomputer/helios#169, tokio-rs/mio#1826).
#[test]
fn scenario_68_each_poll_that_follows_a_wake_returns() {
    let mut selector = Selector::new().unwrap();
    let waker = selector.waker(Token(7)).unwrap();
    for wakes in 1..=50 {
        (0..wakes).for_each(|_| Selector::wake(&waker).unwrap());
        assert_eq!(tokens(&now(&mut selector)), [7], "after {wakes} wakes");
        assert!(now(&mut selector).is_empty(), "{wakes} wakes are one event");
    }
}

#[test]
fn scenario_68_each_poll_that_follows_a_wake_of_another_thread_returns() {
    let mut selector = Selector::new().unwrap();
    let waker = selector.waker(Token(7)).unwrap();
    let (turn, turns) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || turns.iter().for_each(|()| Selector::wake(&waker).unwrap()));
        for round in 0..500 {
            turn.send(()).unwrap();
            assert_eq!(tokens(&within(&mut selector, Duration::from_secs(10))), [7], "round {round}");
        }
        drop(turn);
    });
}

#[test]
fn p15_a_storm_of_wakes_is_one_event_of_the_port() {
    let mut selector = Selector::new().unwrap();
    let waker = selector.waker(Token(1)).unwrap();
    limit(&selector, 1);
    for _ in 0..100_000 {
        Selector::wake(&waker).unwrap();
    }
    assert!(!selector.shared.port.queue().alerted);
    assert_eq!(tokens(&now(&mut selector)), [1]);
    assert!(now(&mut selector).is_empty());
}

#[test]
fn p15_wakes_get_through_where_the_port_has_no_room_for_them() {
    let mut selector = Selector::new().unwrap();
    let (here, mut there) = pair();
    let registration = selector.register(here.as_raw_fd(), Token(0), READ).unwrap();
    let wakers = [1, 2, 3].map(|token| selector.waker(Token(token)).unwrap());
    limit(&selector, 1);
    for _ in 0..3 {
        there.write_all(b"x").unwrap();
        wakers.iter().for_each(|waker| Selector::wake(waker).unwrap());
        let mut seen: Vec<usize> = Vec::new();
        let mut events = Vec::with_capacity(1);
        for _ in 0..4 {
            selector.wait(&mut events, Some(Duration::ZERO)).unwrap();
            seen.extend(tokens(&events));
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3]);
        assert!(now(&mut selector).is_empty(), "the alert is over");
        read_until_it_blocks(&here);
        Selector::rearm(&registration, READ).unwrap();
    }
}

#[test]
fn p15_a_wake_without_room_ends_a_wait() {
    let mut selector = Selector::new().unwrap();
    let waker = selector.waker(Token(1)).unwrap();
    limit(&selector, 0);
    thread::scope(|scope| {
        scope.spawn(|| Selector::wake(&waker).unwrap());
        assert_eq!(tokens(&within(&mut selector, Duration::from_secs(10))), [1]);
    });
}

#[test]
fn p22_a_port_without_room_for_a_source_says_so() {
    let mut selector = Selector::new().unwrap();
    let (here, mut there) = pair();
    limit(&selector, 0);
    let error = selector.register(here.as_raw_fd(), Token(1), READ).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::OutOfMemory, "not WouldBlock, which says that another try may help");
    assert!(error.to_string().contains("process.max-port-events"), "{error}");
    let system = error.get_ref().and_then(|explained| explained.source()?.downcast_ref::<io::Error>());
    assert_eq!(system.and_then(io::Error::raw_os_error), Some(libc::EAGAIN));
    limit(&selector, 1);
    let _registration = selector.register(here.as_raw_fd(), Token(2), READ).unwrap();
    there.write_all(b"x").unwrap();
    assert_eq!(tokens(&now(&mut selector)), [2]);
}

#[test]
fn p03_a_source_is_associated_again_when_it_blocked_and_not_before() {
    let mut selector = Selector::new().unwrap();
    let (mut here, mut there) = pair();
    let registration = selector.register(here.as_raw_fd(), Token(1), READ).unwrap();
    for _ in 0..3 {
        there.write_all(b"four").unwrap();
        assert_eq!(tokens(&now(&mut selector)), [1]);
        here.read_exact(&mut [0; 2]).unwrap();
        assert!(now(&mut selector).is_empty(), "a short read drains nothing");
        read_until_it_blocks(&here);
        let associations = calls(&selector).1;
        Selector::rearm(&registration, READ).unwrap();
        assert_eq!(calls(&selector).1, associations + 1, "at once: another thread may be waiting");
        assert!(now(&mut selector).is_empty());
    }
}

#[test]
fn p03_the_direction_that_was_not_reported_is_heard() {
    let mut selector = Selector::new().unwrap();
    let (here, mut there) = pair();
    let _registration = selector.register(here.as_raw_fd(), Token(1), BOTH).unwrap();
    assert!(now(&mut selector).iter().all(|event| event.is_writable() && !event.is_readable()));
    there.write_all(b"x").unwrap();
    // As well by who watches the port's descriptor, before the next wait.
    let mut port = [PollFd::new(&selector, PollFlags::IN)];
    assert_eq!(rustix::event::poll(&mut port, Some(&Timespec { tv_sec: 10, tv_nsec: 0 })), Ok(1));
    let events = now(&mut selector);
    assert!(events.len() == 1 && events[0].is_readable() && !events[0].is_writable(), "{events:?}");
}

#[test]
fn p11_events_beside_an_error_are_not_lost() {
    let mut selector = Selector::new().unwrap();
    let (here, mut there) = pair();
    let registration = selector.register(here.as_raw_fd(), Token(1), READ).unwrap();
    for error in [libc::ETIME, libc::EINTR] {
        there.write_all(b"x").unwrap();
        fail_beside(&selector, error);
        assert_eq!(tokens(&now(&mut selector)), [1]);
        read_until_it_blocks(&here);
        Selector::rearm(&registration, READ).unwrap();
        // Over without events: the count is the one that was asked for.
        assert!(within(&mut selector, Duration::from_millis(2)).is_empty());
    }
}

#[test]
fn p08_a_number_that_is_used_again_is_another_source() {
    let mut selector = Selector::new().unwrap();
    for (round, taken) in [true, false].into_iter().enumerate() {
        let (here, mut there) = pair();
        let number = here.as_raw_fd();
        selector.register_fd(number, Token(round), READ).unwrap();
        there.write_all(b"x").unwrap();
        if taken {
            assert_eq!(tokens(&now(&mut selector)), [round]);
        } else {
            // Its event is in the queue: the wake comes behind it.
            let waker = selector.waker(Token(99)).unwrap();
            Selector::wake(&waker).unwrap();
        }
        // The file lives on; it is the number that was registered.
        let _duplicate = here.try_clone().unwrap();
        let (other, mut its_peer) = pair();
        let here = {
            let mut here = std::os::fd::OwnedFd::from(here);
            rustix::io::dup2(&other, &mut here).unwrap();
            here
        };
        selector.register_fd(number, Token(round + 10), READ).unwrap();
        assert!(now(&mut selector).is_empty(), "what the old source had is for nobody");
        there.write_all(b"x").unwrap();
        its_peer.write_all(b"x").unwrap();
        assert_eq!(tokens(&now(&mut selector)), [round + 10]);
        selector.deregister_fd(number).unwrap();
        drop(here);
    }
}

#[test]
fn p08_a_descriptor_that_was_closed_without_a_word_is_forgotten() {
    for waits in [0, 1] {
        let mut selector = Selector::new().unwrap();
        let (here, mut there) = pair();
        let number = here.as_raw_fd();
        selector.register_fd(number, Token(1), READ).unwrap();
        there.write_all(b"x").unwrap();
        assert_eq!(tokens(&now(&mut selector)), [1]);
        // A wait associates it again, for hang-ups, and goes on looking at it.
        (0..waits).for_each(|_| assert!(now(&mut selector).is_empty()));
        drop(here);
        assert!(now(&mut selector).is_empty());
        assert_eq!(selector.deregister_fd(number).unwrap_err().kind(), io::ErrorKind::NotFound, "{waits}");
    }
}

/// Files of some kinds look alike: eventfds share an inode.
#[test]
fn p08_a_number_that_is_used_again_for_the_like_is_another_source() {
    let mut selector = Selector::new().unwrap();
    let make = || eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap();
    let mut event = make();
    let number = event.as_raw_fd();
    selector.register_fd(number, Token(1), READ).unwrap();
    assert_eq!(selector.register_fd(number, Token(2), READ).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    rustix::io::dup2(make(), &mut event).unwrap();
    selector.register_fd(number, Token(3), READ).unwrap();
    rustix::io::write(&event, &1_u64.to_ne_bytes()).unwrap();
    assert_eq!(tokens(&now(&mut selector)), [3]);
}

#[test]
fn p08_a_registration_that_is_refused_leaves_the_first() {
    let mut selector = Selector::new().unwrap();
    let (here, mut there) = pair();
    selector.register_fd(here.as_raw_fd(), Token(1), READ).unwrap();
    selector.register_fd(here.as_raw_fd(), Token(2), READ).unwrap_err();
    there.write_all(b"x").unwrap();
    assert_eq!(tokens(&now(&mut selector)), [1]);
}

#[test]
fn p19_a_deregistered_source_leaves_its_place_in_the_port() {
    let selector = Selector::new().unwrap();
    limit(&selector, 1);
    let streams = [pair(), pair()];
    for (here, _there) in &streams {
        let registration = selector.register(here.as_raw_fd(), Token(1), READ).unwrap();
        selector.deregister(&registration, here.as_raw_fd()).unwrap();
        drop(selector.register(here.as_raw_fd(), Token(1), READ).unwrap());
    }
}

/// A source that is reregistered at each turn, before its event came, never got its turn when that put it behind the others.
#[test]
fn p14_a_source_that_is_reregistered_keeps_its_place() {
    let mut selector = Selector::new().unwrap();
    let streams = [pair(), pair()];
    let mut registrations = [0, 1].map(|n| selector.register(streams[n].0.as_raw_fd(), Token(n), WRITE).unwrap());
    let mut events = Vec::with_capacity(1);
    let mut seen = Vec::new();
    for _ in 0..2 {
        selector.wait(&mut events, Some(Duration::ZERO)).unwrap();
        seen.extend(tokens(&events));
        for (n, registration) in registrations.iter_mut().enumerate() {
            selector.reregister(registration, streams[n].0.as_raw_fd(), Token(n), WRITE).unwrap();
        }
    }
    assert_eq!(seen, [0, 1]);
}

#[test]
fn p07_a_record_of_an_earlier_registration_reports_nothing() {
    let selector = Selector::new().unwrap();
    let (here, _there) = pair();
    let fd = here.as_raw_fd();
    selector.register_fd(fd, Token(1), READ).unwrap();
    let of = |generation: usize| {
        Notice(port_event {
            portev_events: libc::POLLIN.into(),
            portev_source: u16::try_from(PORT_SOURCE_FD).unwrap(),
            portev_object: usize::try_from(fd).unwrap(),
            portev_user: generation as *mut libc::c_void,
            ..Notice::NONE.0
        })
    };
    // Another thread registers it anew between the end of a wait and its report.
    selector.deregister_fd(fd).unwrap();
    selector.register_fd(fd, Token(2), READ).unwrap();
    let mut events = Vec::with_capacity(4);
    selector.shared.registered().report(&selector.shared.port, &[of(1)], &mut events).unwrap();
    assert!(events.is_empty(), "{events:?}");
    selector.shared.registered().report(&selector.shared.port, &[of(2)], &mut events).unwrap();
    assert_eq!(tokens(&events), [2]);
}

/// A hang-up can't be left out of what is asked, and a source that has hung up would end each wait at once.
#[test]
fn p02_a_hang_up_is_told_once_and_does_not_spin() {
    let mut selector = Selector::new().unwrap();
    let (here, there) = pair();
    let _registration = selector.register(here.as_raw_fd(), Token(1), BOTH).unwrap();
    assert_eq!(tokens(&now(&mut selector)), [1]);
    drop(there);
    let events = within(&mut selector, Duration::from_secs(10));
    assert!(events.iter().all(|event| event.is_read_closed() && event.is_write_closed()), "{events:?}");
    assert_eq!((&here).read(&mut [0; 8]).unwrap(), 0);
    assert!(turns_of_a_quiet_wait(&mut selector) < 30);
}

#[test]
fn p02_a_borrowed_descriptor_that_stays_readable_does_not_spin() {
    let mut selector = Selector::new().unwrap();
    let (here, mut there) = pair();
    selector.register_fd(here.as_raw_fd(), Token(1), READ).unwrap();
    there.write_all(b"x").unwrap();
    assert_eq!(tokens(&now(&mut selector)), [1]);
    let before = calls(&selector).0;
    // Told once more after a while: spurious at times.
    assert_eq!(tokens(&within(&mut selector, Duration::from_secs(10))), [1]);
    assert!(calls(&selector).0 - before < 30);
}

/// How often the port is waited at while nothing is reported for 300 ms: naps grow to 64 ms, which makes a dozen.
fn turns_of_a_quiet_wait(selector: &mut Selector) -> usize {
    let before = calls(selector).0;
    let start = Instant::now();
    let wait = Duration::from_millis(300);
    assert!(within(selector, wait).is_empty() && start.elapsed() >= wait);
    calls(selector).0 - before
}

#[test]
fn what_is_silent_costs_nothing() {
    let mut selector = Selector::new().unwrap();
    let pairs: Vec<_> = (0..200).map(|_| pair()).collect();
    let register = |(n, (here, _)): (usize, &(UnixStream, UnixStream))| {
        selector.register(here.as_raw_fd(), Token(n), READ).unwrap()
    };
    let registered: Vec<_> = pairs.iter().enumerate().map(register).collect();
    for n in [0, 100, 199] {
        let (here, mut there) = (&pairs[n].0, &pairs[n].1);
        let before = calls(&selector);
        there.write_all(b"x").unwrap();
        assert_eq!(tokens(&now(&mut selector)), [n]);
        read_until_it_blocks(here);
        Selector::rearm(&registered[n], READ).unwrap();
        assert!(within(&mut selector, Duration::from_millis(2)).is_empty());
        assert_eq!(calls(&selector), (before.0 + 2, before.1 + 1), "a wait each, and one association for the message");
    }
    assert!(selector.as_fd().as_raw_fd() >= 0);
}
