//! Threads that wake a poll: workers take jobs from a queue, and the thread that polls collects their results.
//!
//! ```text
//! cargo run --example waker
//! ```
//!
//! A waker carries no data: what it announces lies in a queue beside it. Several wakes may become one event, so each
//! event is followed by a look at the whole queue, and never by a single `pop`.

// A program reports to its user on the standard streams.
#![allow(clippy::print_stdout)]

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use poised::{Events, Poll, Token, Waker};

const RESULTS: Token = Token(0);
const WORKERS: usize = 4;
const JOBS: u64 = 200;

/// Work that is not for a thread that has sockets to serve.
fn primes_below(limit: u64) -> usize {
    (2..limit).filter(|&number| (2..number).take_while(|d| d * d <= number).all(|d| number % d != 0)).count()
}

/// A queue into which many threads put, and which wakes the one that polls.
struct Results {
    queue: Mutex<Vec<(u64, usize)>>,
    waker: Waker,
}

impl Results {
    /// First the result, then the wake: whoever is woken finds what it was woken for.
    fn put(&self, job: u64, result: usize) -> io::Result<()> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push((job, result));
        self.waker.wake()
    }

    fn take_all(&self) -> Vec<(u64, usize)> {
        std::mem::take(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn work(next_job: &AtomicU64, results: &Results) -> io::Result<()> {
    loop {
        // Relaxed: the counter hands out numbers, and no other memory depends on it.
        let job = next_job.fetch_add(1, Ordering::Relaxed);
        if job >= JOBS {
            return Ok(());
        }
        results.put(job, primes_below(job * 100))?;
    }
}

/// The event loop. In a real program the sockets would be in the same poll.
fn collect(poll: &mut Poll, results: &Results) -> io::Result<()> {
    let mut events = Events::with_capacity(8);
    let (mut collected, mut wakeups, mut most) = (0, 0, (0, 0));
    while collected < JOBS {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue, // A signal.
            result => result?,
        }
        if events.iter().any(|event| event.token() == RESULTS) {
            wakeups += 1;
            for (job, primes) in results.take_all() {
                collected += 1;
                most = most.max((primes, job));
            }
        }
    }
    println!("{collected} results in {wakeups} wake-ups");
    println!("job {} found the most primes: {}", most.1, most.0);
    Ok(())
}

fn main() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let results = Results { queue: Mutex::default(), waker: Waker::new(poll.registry(), RESULTS)? };
    let next_job = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| work(&next_job, &results));
        }
        collect(&mut poll, &results)
    })
}
