//! P10 A source moved to another thread keeps its registration; registering from another thread while one polls takes
//! effect at once.
// WASI has one thread.
#![cfg(not(target_family = "wasm"))]

use std::thread;

use poised::{Interest, Token};

use crate::links::{over_links, Link};
use crate::util::Harness;

const IT: Token = Token(15);

over_links!(p10_moved_to_another_thread, p10_registered_by_another_thread);

fn p10_moved_to_another_thread(mut link: Link) {
    let mut harness = Harness::new();
    harness.register(&mut link.reader, IT, Interest::READABLE);
    for _ in 0..10 {
        link.send(b"x");
        harness.expect_readable(IT);
        // The `WouldBlock` in the other thread arms the event that this one waits for.
        link = thread::spawn(move || {
            link.receive_all(b"x");
            link
        })
        .join()
        .unwrap();
    }
    let registry = harness.poll.registry().try_clone().unwrap();
    let mut link = thread::spawn(move || {
        registry.deregister(&mut link.reader).unwrap();
        link
    })
    .join()
    .unwrap();
    link.send(b"y");
    harness.expect_none();
}

fn p10_registered_by_another_thread(mut link: Link) {
    let mut harness = Harness::new();
    link.send_and_arrive(b"x");
    thread::scope(|scope| {
        let registry = harness.poll.registry().try_clone().unwrap();
        let reader = &mut link.reader;
        scope.spawn(move || registry.register(reader, IT, Interest::READABLE).unwrap());
        harness.expect_readable(IT);
    });
    link.receive_all(b"x");
}

#[cfg(target_os = "linux")]
mod linux {
    //! With the proof that the other thread sleeps in its poll when the change is made.

    use poised::{Interest, Token, Waker};

    use super::IT;
    use crate::links::{over_links, Link};
    use crate::util::{linux::while_polling, Harness, PATIENCE, SENTINEL};

    over_links!(p10_registered_while_polling, p10_reregistered_while_polling);
    over_links!(p10_deregistered_while_polling, p10_dropped_while_polling, p10_blocked_while_polling);

    /// Polls in another thread, runs `meanwhile` while that one sleeps, and says that `token` was reported.
    #[track_caller]
    fn wakes(harness: &mut Harness, token: Token, meanwhile: impl FnOnce()) {
        let (result, ()) = while_polling(harness, Some(PATIENCE), |_| meanwhile());
        result.unwrap();
        if !harness.events.iter().any(|event| event.token() == token) {
            // poll(2) may come back to take the change in, without an event; and one to spare may have come first (P02).
            harness.expect_readable(token);
        }
    }

    fn p10_registered_while_polling(mut link: Link) {
        let mut harness = Harness::new();
        link.send_and_arrive(b"x");
        let registry = harness.poll.registry().try_clone().unwrap();
        wakes(&mut harness, IT, || registry.register(&mut link.reader, IT, Interest::READABLE).unwrap());
    }

    fn p10_reregistered_while_polling(mut link: Link) {
        let mut harness = Harness::new();
        harness.register(&mut link.reader, Token(16), Interest::READABLE);
        link.send(b"x");
        harness.expect_readable(Token(16));
        if link.edges {
            let registry = harness.poll.registry().try_clone().unwrap();
            wakes(&mut harness, IT, || registry.reregister(&mut link.reader, IT, Interest::READABLE).unwrap());
        }
    }

    /// One thread polls, another reads: its `WouldBlock` counts for the poll that has long begun.
    fn p10_blocked_while_polling(mut link: Link) {
        let mut harness = Harness::new();
        harness.register(&mut link.reader, IT, Interest::READABLE);
        for _ in 0..5 {
            link.send(b"x");
            harness.expect_readable(IT);
            wakes(&mut harness, IT, || {
                link.receive_all(b"x");
                link.send(b"y");
            });
            link.receive_all(b"y");
        }
    }

    /// Polls in another thread, runs `change` while that one sleeps, wakes it, and says that the wake alone was reported.
    fn is_silent(harness: &mut Harness, change: impl FnOnce()) {
        let waker = Waker::new(harness.poll.registry(), SENTINEL).unwrap();
        let (result, ()) = while_polling(harness, Some(PATIENCE), |_| {
            change();
            waker.wake().unwrap();
        });
        result.unwrap();
        assert!(harness.events.iter().all(|event| event.token() == SENTINEL), "{:?}", harness.events);
        harness.expect_none();
    }

    fn p10_deregistered_while_polling(mut link: Link) {
        let mut harness = Harness::new();
        harness.register(&mut link.reader, IT, Interest::READABLE);
        let registry = harness.poll.registry().try_clone().unwrap();
        is_silent(&mut harness, || {
            registry.deregister(&mut link.reader).unwrap();
            link.send(b"x");
        });
    }

    fn p10_dropped_while_polling(link: Link) {
        let mut harness = Harness::new();
        let Link { mut reader, writer, knows, edges, .. } = link;
        if knows || edges {
            harness.register(&mut reader, IT, Interest::READABLE);
            // The reader goes first: the writer's end is nothing that it would report.
            is_silent(&mut harness, || drop((reader, writer)));
        }
    }
}
