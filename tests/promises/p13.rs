//! P13 A signal during poll returns `Interrupted`, events intact.
#![cfg(target_os = "linux")]

use std::io::ErrorKind;

use nix::sys::signal::Signal;
use poised::{Interest, Token, Waker};

use crate::links::every_link;
use crate::util::leak::leaves_nothing_open;
use crate::util::linux::{catch, while_polling};
use crate::util::{expect_error, isolated, Harness, PATIENCE};

#[test]
fn p13_a_signal_interrupts() {
    isolated("p13::p13_a_signal_interrupts", || {
        catch(Signal::SIGUSR1);
        let mut harness = Harness::new();
        for timeout in [None, Some(PATIENCE), Some(PATIENCE + std::time::Duration::from_nanos(1))] {
            let (result, ()) = while_polling(&mut harness, timeout, |poller| poller.signal(Signal::SIGUSR1));
            expect_error(result, ErrorKind::Interrupted);
            assert!(harness.events.is_empty(), "{:?}", harness.events);
        }
        // It goes on as before.
        harness.expect_none();
    });
}

/// What becomes ready around the interruption is reported by one of the polls: before, or after.
#[test]
fn p13_no_event_is_lost() {
    isolated("p13::p13_no_event_is_lost", || {
        catch(Signal::SIGUSR1);
        let mut harness = Harness::new();
        let waker = Waker::new(harness.poll.registry(), Token(100)).unwrap();
        let mut links: Vec<_> = every_link().iter().map(|(_, make)| make()).collect();
        for (number, link) in links.iter_mut().enumerate() {
            harness.register(&mut link.reader, Token(number), Interest::READABLE);
        }
        for _ in 0..30 {
            for (number, link) in links.iter_mut().enumerate() {
                let (result, ()) = while_polling(&mut harness, Some(PATIENCE), |poller| {
                    poller.signal(Signal::SIGUSR1);
                    link.send(b"x");
                });
                take(&mut harness, result, Token(number));
                link.receive_all(b"x");
            }
            let (result, ()) = while_polling(&mut harness, Some(PATIENCE), |poller| {
                poller.signal(Signal::SIGUSR1);
                waker.wake().unwrap();
            });
            take(&mut harness, result, Token(100));
        }
    });
}

#[track_caller]
fn take(harness: &mut Harness, result: std::io::Result<()>, token: Token) {
    match result {
        Ok(()) if harness.events.iter().any(|event| event.token() == token) => {}
        // A spurious event of another source, or none: the expected one is still to come.
        Ok(()) => drop(harness.expect(token, |seen| seen.events > 0)),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            harness.expect(token, |seen| seen.events > 0);
        }
    }
}

leaves_nothing_open!(p13_a_signal_interrupts, p13_no_event_is_lost,);
