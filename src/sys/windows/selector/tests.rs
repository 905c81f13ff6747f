//! What a message costs, counted in calls of the kernel: that is what the machine of states is for.

use std::io::{ErrorKind, Read, Write};
use std::mem::size_of;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;

use super::*;
use crate::sys::{raw_source, Readiness, Selector as _};

const MESSAGES: usize = 300;
const READ: Interest = Interest::READABLE;

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    one.set_nonblocking(true).unwrap();
    (one, listener.accept().unwrap().0)
}

fn drain(mut stream: &TcpStream, registration: &Registration) {
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer) {
            Ok(n) => assert!(n > 0),
            Err(error) => break assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    Selector::rearm(registration, READ).unwrap();
}

/// Polls, cancels and waits for each message.
fn each(shared: &Shared) -> [f64; 3] {
    let calls = &shared.calls;
    [&calls.polls, &calls.cancels, &calls.waits]
        .map(|count| f64::from(u32::try_from(count.load(Ordering::Relaxed)).unwrap()) / MESSAGES as f64)
}

/// Other programs may hold a thread up, so that it lingers; but not every time.
fn check(limits: [f64; 3], run: impl Fn() -> [f64; 3]) {
    let runs: Vec<_> = (0..5).map(|_| run()).collect();
    let within = |run: &[f64; 3]| run.iter().zip(&limits).all(|(count, limit)| count <= limit);
    assert!(runs.iter().any(within), "{runs:?}");
}

#[test]
fn a_message_to_one_thread_costs_a_poll_and_a_wait() {
    check([1.05, 0.0, 1.05], || {
        let mut selector = Selector::new().unwrap();
        let (one, mut other) = pair();
        let both = READ | Interest::WRITABLE;
        let registration = selector.register(raw_source(&one), Token(1), both).unwrap();
        let mut events = Vec::with_capacity(8);
        for _ in 0..MESSAGES {
            other.write_all(b"a message").unwrap();
            loop {
                selector.wait(&mut events, None).unwrap();
                if events.iter().any(Readiness::is_readable) {
                    break;
                }
            }
            drain(&one, &registration);
        }
        each(&selector.shared)
    });
}

#[test]
fn a_message_over_two_threads_costs_little_more() {
    check([1.1, 0.1, 1.15], || {
        let mut selector = Selector::new().unwrap();
        let (one, mut other) = pair();
        let registration = selector.register(raw_source(&one), Token(1), READ).unwrap();
        let (tell, told) = mpsc::channel();
        let shared = Arc::clone(&selector.shared);
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut events = Vec::with_capacity(8);
                for _ in 0..MESSAGES {
                    selector.wait(&mut events, None).unwrap();
                    tell.send(()).unwrap();
                }
            });
            for _ in 0..MESSAGES {
                other.write_all(b"a message").unwrap();
                told.recv().unwrap();
                drain(&one, &registration);
            }
        });
        each(&shared)
    });
}

#[test]
fn wakes_coalesce() {
    let mut selector = Selector::new().unwrap();
    let waker = selector.waker(Token(1)).unwrap();
    let mut events = Vec::with_capacity(8);
    for _ in 0..3 {
        (0..100).for_each(|_| Selector::wake(&waker).unwrap());
        selector.wait(&mut events, None).unwrap();
        assert_eq!(events.len(), 1);
    }
}

#[test]
fn a_registration_costs_no_allocation_of_its_own() {
    // A group is one allocation; what it shares out, and the numbers in the lists of free and of queued ones, follow.
    let group = size_of::<super::super::registration::Group>() + 2 * size_of::<usize>();
    assert!(group / 32 + 2 * size_of::<u32>() <= 128, "{group}");
}
