//! Waking: a poller that is awake, one that sleeps, and one that is nearly always awake.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, Result};

use crate::clock::{float, timed};
use crate::delays::Delays;
use crate::peers::{Peer, Wake};
use crate::place::{self, Side};
use crate::rounds::Effort;
use crate::trace::mark;

const WAKER: usize = 7;

/// The time of a wake while one is pending, and of a wake with the poll that tells of it.
pub(crate) fn alone<P: Peer>(effort: &Effort) -> Result<Vec<f64>> {
    let mut poll = P::new()?;
    let (waker, mut events) = (poll.waker(WAKER)?, P::events(16));
    let turns = effort.of(50_000);
    waker.wake()?;
    let ((), pending) = timed(|| (0..turns).try_for_each(|_| waker.wake()))?;
    poll.poll(&mut events, None)?;
    let cycle = |_| {
        waker.wake()?;
        poll.poll(&mut events, None)
    };
    let ((), cycles) = timed(|| (0..turns).try_for_each(cycle))?;
    Ok(vec![pending / float(turns), cycles / float(turns)])
}

/// Runs `work` beside a thread that polls without ever sleeping.
fn beside_busy<P: Peer, T>(work: impl FnOnce(&P::Waker) -> io::Result<T>) -> Result<T> {
    let mut poll = P::new()?;
    let (waker, mut events) = (poll.waker(WAKER)?, P::events(16));
    let (polls, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let poller = scope.spawn(|| {
            // Relaxed: the flag orders nothing, the other thread is joined.
            while !done.load(Ordering::Relaxed) {
                poll.poll(&mut events, Some(Duration::ZERO))?;
                // Relaxed: shows that the poller runs, and nothing more.
                polls.fetch_add(1, Ordering::Relaxed);
            }
            io::Result::Ok(())
        });
        // Relaxed: see above.
        while polls.load(Ordering::Relaxed) == 0 && !poller.is_finished() {
            thread::yield_now();
        }
        let result = work(&waker);
        // Relaxed: see above.
        done.store(true, Ordering::Relaxed);
        poller.join().map_err(|_| anyhow!("the poller panicked"))??;
        Ok(result?)
    })
}

/// The time of a wake of a poller that never sleeps, for the thread that wakes.
pub(crate) fn busy<P: Peer>(effort: &Effort) -> Result<Vec<f64>> {
    let turns = effort.of(50_000);
    let ((), time) = beside_busy::<P, _>(|waker| timed(|| (0..turns).try_for_each(|_| waker.wake())))?;
    Ok(vec![time / float(turns)])
}

/// So many wakes of a poller that never sleeps, between two marks.
pub(crate) fn busy_turns<P: Peer>(turns: usize) -> Result<()> {
    beside_busy::<P, _>(|waker| {
        mark();
        (0..turns).try_for_each(|_| waker.wake())?;
        mark();
        Ok(())
    })
}

/// Two threads on processors of their own that wake each other in turn. The time from a wake to the end of the poll: median,
/// and 99 of 100.
pub(crate) fn across<P: Peer>(effort: &Effort, spin: Option<Duration>) -> Result<Vec<f64>> {
    let turns = effort.of(2_000);
    let (mut here, mut there) = (P::new()?, P::new()?);
    if let Some(time) = spin {
        here.spin(time);
        there.spin(time);
    }
    let (to_here, to_there) = (here.waker(WAKER)?, there.waker(WAKER)?);
    let table = Table { start: Instant::now(), thrown: AtomicU64::new(0), ball: AtomicUsize::new(0) };
    let (mine, others) = thread::scope(|scope| {
        let mine = scope.spawn(|| play(&mut here, &to_there, Side::Server, turns, &table));
        let others = scope.spawn(|| play(&mut there, &to_here, Side::Client, turns, &table));
        (mine.join(), others.join())
    });
    let mut delays = mine.map_err(|_| anyhow!("a thread panicked"))??;
    delays.add(&others.map_err(|_| anyhow!("a thread panicked"))??)?;
    Ok(delays.micros().to_vec())
}

/// What two players share.
struct Table {
    start: Instant,
    /// When the ball was thrown, in nanoseconds since the start.
    thrown: AtomicU64,
    /// Whose turn it is: polls may end without a wake. Even is the server's.
    ball: AtomicUsize,
}

/// Waits for the ball so often, and throws it back; the server throws first.
fn play<P: Peer>(poll: &mut P, other: &P::Waker, side: Side, turns: usize, table: &Table) -> Result<Delays> {
    place::pin(side);
    let (mut events, mut delays) = (P::events(16), Delays::new()?);
    let mut awaited = match side {
        Side::Server => 0,
        Side::Client => 1,
    };
    for _ in 0..turns {
        if awaited > 0 {
            loop {
                poll.poll(&mut events, None)?;
                // Acquire: the time was written before the ball was thrown.
                if table.ball.load(Ordering::Acquire) == awaited {
                    break;
                }
            }
            // Relaxed: ordered by the ball.
            let thrown = Duration::from_nanos(table.thrown.load(Ordering::Relaxed));
            delays.note(table.start.elapsed().saturating_sub(thrown))?;
        }
        // Relaxed: ordered by the ball.
        table.thrown.store(u64::try_from(table.start.elapsed().as_nanos())?, Ordering::Relaxed);
        // Release: the time goes with it.
        table.ball.store(awaited + 1, Ordering::Release);
        other.wake()?;
        awaited += 2;
    }
    Ok(delays)
}
