//! P21 After fork or in another process the parent's registrations stay intact.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::process::Command;

use poised::{Interest, Token, Waker};

use crate::links::{every_link, Link};
use crate::util::leak::leaves_nothing_open;
use crate::util::{isolated, linux::in_fork, Harness};

const WAKER: Token = Token(23);

struct Parent {
    harness: Harness,
    waker: Waker,
    links: Vec<Link>,
}

impl Parent {
    fn new() -> Parent {
        let mut harness = Harness::new();
        harness.expect_none();
        let waker = Waker::new(harness.poll.registry(), WAKER).unwrap();
        let mut links: Vec<_> = every_link().iter().map(|(_, make)| make()).collect();
        for (number, link) in links.iter_mut().enumerate() {
            harness.register(&mut link.reader, Token(number), Interest::READABLE);
        }
        Parent { harness, waker, links }
    }

    /// Says that every source and the waker are heard, more than once.
    #[track_caller]
    fn is_intact(&mut self) {
        for _ in 0..3 {
            for (number, link) in self.links.iter_mut().enumerate() {
                link.send(b"x");
                self.harness.expect_readable(Token(number));
                link.receive_all(b"x");
            }
            self.waker.wake().unwrap();
            self.harness.expect(WAKER, |seen| seen.events > 0);
        }
        self.harness.expect_none();
    }
}

#[test]
fn p21_the_child_drops_all() {
    isolated("p21::p21_the_child_drops_all", || {
        let mut slot = Some(Parent::new());
        in_fork(|| drop(slot.take()));
        let mut parent = slot.expect("the parent keeps its own");
        parent.is_intact();
        // Readiness that came while both had it is the parent's as well.
        for link in &mut parent.links {
            link.send(b"y");
        }
        let mut slot = Some(parent);
        in_fork(|| drop(slot.take()));
        let mut parent = slot.unwrap();
        let mut tokens = BTreeSet::new();
        while tokens.len() < parent.links.len() {
            tokens.extend(parent.harness.until_sentinel().iter().map(|event| event.token()));
        }
        parent.links.iter_mut().for_each(|link| link.receive_all(b"y"));
        parent.is_intact();
    });
}

#[test]
fn p21_the_child_just_ends() {
    isolated("p21::p21_the_child_just_ends", || {
        let mut parent = Parent::new();
        in_fork(|| {});
        parent.is_intact();
    });
}

#[test]
fn p21_the_child_has_a_poll_of_its_own() {
    isolated("p21::p21_the_child_has_a_poll_of_its_own", || {
        let mut parent = Parent::new();
        in_fork(|| Parent::new().is_intact());
        parent.is_intact();
    });
}

#[test]
fn p21_another_programme_runs() {
    isolated("p21::p21_another_programme_runs", || {
        let mut parent = Parent::new();
        assert!(Command::new("true").status().expect("true").success());
        parent.is_intact();
    });
}

/// Where the wake is a write to a descriptor that both have.
#[test]
#[cfg(not(any(
    poised_backend = "poll",
    mio_unsupported_force_poll_poll,
    poised_backend = "kqueue",
    poised_backend = "event-ports"
)))]
fn p21_the_child_wakes_the_parent() {
    isolated("p21::p21_the_child_wakes_the_parent", || {
        let mut parent = Parent::new();
        for _ in 0..3 {
            in_fork(|| (0..3).for_each(|_| parent.waker.wake().unwrap()));
            assert_eq!(parent.harness.turn(), 1);
            assert_eq!(parent.harness.events.iter().next().unwrap().token(), WAKER);
            parent.is_intact();
        }
    });
}

/// As a daemon does: the parent ends, or does not poll any more.
#[test]
#[cfg(not(any(poised_backend = "kqueue", poised_backend = "event-ports")))]
fn p21_the_child_goes_on_with_the_poll() {
    isolated("p21::p21_the_child_goes_on_with_the_poll", || {
        let mut parent = Parent::new();
        in_fork(|| parent.is_intact());
    });
}

leaves_nothing_open!(
    p21_the_child_drops_all,
    p21_the_child_just_ends,
    p21_the_child_has_a_poll_of_its_own,
    p21_another_programme_runs,
    #[cfg(not(any(
        poised_backend = "poll",
        mio_unsupported_force_poll_poll,
        poised_backend = "kqueue",
        poised_backend = "event-ports"
    )))]
    p21_the_child_wakes_the_parent,
    #[cfg(not(any(poised_backend = "kqueue", poised_backend = "event-ports")))]
    p21_the_child_goes_on_with_the_poll,
);
