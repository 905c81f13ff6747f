//! P14 With more ready sources than capacity no source starves.

use std::time::Instant;

use poised::{Interest, Token, Waker};

use crate::links::{over_links, Link};
use crate::util::leak::leaves_nothing_open;
use crate::util::{Harness, PATIENCE};

const SOURCES: usize = 32;
const CAPACITY: usize = 4;

over_links!(p14_busy_neighbours);

/// Every source that is reported is ready again before the next poll, so that always more are ready than fit.
fn p14_busy_neighbours(link: Link) {
    let slow = !link.edges;
    let mut harness = Harness::with_capacity(CAPACITY);
    let mut links: Vec<_> = std::iter::once(link).chain((1..SOURCES).map(|_| Link::tcp())).collect();
    for (number, link) in links.iter_mut().enumerate() {
        link.send_and_arrive(b"x");
        harness.register(&mut link.reader, Token(number), Interest::READABLE);
    }
    let mut reports = [0; SOURCES];
    let deadline = Instant::now() + PATIENCE;
    for poll in 1.. {
        harness.poll.poll(&mut harness.events, Some(PATIENCE)).unwrap();
        for event in &harness.events {
            let link = &mut links[event.token().0];
            reports[event.token().0] += 1;
            while link.reader.recv(&mut [0; 16]).is_ok() {}
            link.send(b"x");
        }
        // In ten rounds' worth of events each must have had its turn, and not just once. (Only a `SourceFd` on poll(2)
        // may let its next event wait; the others go on meanwhile.)
        let all_came = reports.iter().all(|count| *count >= 2);
        let time_is_up = if slow { Instant::now() > deadline } else { poll >= 10 * SOURCES / CAPACITY };
        assert!(all_came || !time_is_up, "{reports:?}");
        if all_came {
            break;
        }
    }
}

#[test]
fn p14_a_waker_among_busy_sources() {
    let mut harness = Harness::with_capacity(CAPACITY);
    let waker = Waker::new(harness.poll.registry(), Token(SOURCES)).unwrap();
    let mut links: Vec<_> = (0..SOURCES).map(|_| Link::tcp()).collect();
    for (number, link) in links.iter_mut().enumerate() {
        link.send_and_arrive(b"x");
        harness.register(&mut link.reader, Token(number), Interest::READABLE);
    }
    waker.wake().unwrap();
    for _ in 0..2 * SOURCES {
        harness.poll.poll(&mut harness.events, Some(PATIENCE)).unwrap();
        for event in &harness.events {
            if event.token() == Token(SOURCES) {
                return;
            }
            let link = &mut links[event.token().0];
            while link.reader.recv(&mut [0; 16]).is_ok() {}
            link.send(b"x");
        }
    }
    panic!("the waker starves");
}

leaves_nothing_open!(p14_a_waker_among_busy_sources,);
