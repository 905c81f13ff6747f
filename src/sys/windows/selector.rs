//! Waits: brings the kernel up to date, takes packets out of the port, and makes events of them.
//!
//! Threads that register or block change a socket under its lock, and leave its number in the queue; the waiting thread
//! empties the queue before it sleeps, and while it sleeps they tell the kernel by themselves. So one call asks for what
//! many changes came to.
//!
//! A socket of which nobody waits for anything but an end is not polled at once ([`Need::Later`]): most often its user
//! is about to read until it would block, and that poll watches for the end as well. When nothing comes for [`LINGER`],
//! or a busy thread finds it calm after [`ROUND`], it is polled for the end alone.

use std::fmt;
use std::io;
use std::time::Duration;

use super::event::Event;
use super::iocp::{CompletionPort, CompletionStatus};
use super::registration::{slot_of, Registration, Shared};
use super::socket::{Need, Queue};
use super::sync::Arc;
use super::timer::Timer;
use super::waker::Waker;
use super::{named_pipe, Deadline, Instant, AFD_KEY, WAKER_KEY};
use crate::sys::{error, RawSource};
use crate::{Interest, Token};

/// How long an idle thread waits before it has ends watched for.
const LINGER: Duration = Duration::from_millis(3);
/// How often a thread that is never idle looks after them.
const ROUND: Duration = Duration::from_millis(64);
/// The most packets that one call takes.
const BATCH: usize = 1024;

/// A handle of a set of registrations, and what one thread needs to wait for them.
pub(crate) struct Selector {
    shared: Arc<Shared>,
    /// Filled by the system; kept, so that waiting allocates nothing.
    packets: Vec<CompletionStatus>,
    /// The queue of the last wait.
    taken: Vec<u32>,
    /// The sockets that are to be seen to later.
    listed: Vec<u32>,
    last_round: Instant,
    pub(super) timer: Timer,
}

impl Selector {
    fn of(shared: Arc<Shared>) -> Selector {
        let (packets, taken, listed) = (Vec::new(), Vec::new(), Vec::new());
        Selector { shared, packets, taken, listed, last_round: Instant::now(), timer: Timer::new() }
    }

    /// The port that all packets come to; what is tied to it uses a key of `sys::windows`.
    pub(crate) fn port(&self) -> &Arc<CompletionPort> {
        &self.shared.port
    }

    /// How many sockets are put off.
    #[cfg(all(test, not(windows)))] // For tests over the simulated kernel.
    pub(super) fn put_off(&self) -> usize {
        self.shared.put_off()
    }

    fn owns(&self, registration: &Registration) -> io::Result<()> {
        registration.is_of(&self.shared).then_some(()).ok_or_else(error::not_registered)
    }

    /// Begins to wait, and updates what was queued.
    fn drain(&mut self, events: &mut Vec<Event>) {
        self.shared.queue().begin(&mut self.taken);
        for index in self.taken.drain(..) {
            if events.len() == events.capacity() {
                self.shared.queue().put_back(index);
                continue;
            }
            let Some(group) = self.shared.group(index) else { continue };
            let mut slot = self.shared.lock(&group, index);
            Queue::reached(slot.socket());
            events.extend(slot.update());
        }
    }

    /// Sleeps until there are packets, for at most `timeout`, and makes events of them. Whether there were any. With
    /// `on_time` somebody looks at the clock when it ends.
    fn sleep(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>, on_time: bool) -> io::Result<bool> {
        let room = (events.capacity() - events.len()).min(BATCH);
        if self.packets.len() < room {
            self.packets.resize(room, CompletionStatus::zero());
        }
        let taken = match room {
            0 => Ok(&mut [][..]),
            _ => self.timer.get_many(&self.shared.port, &mut self.packets[..room], timeout, on_time),
        };
        self.shared.queue().end();
        let taken = taken?;
        for packet in taken.iter() {
            match packet.token() {
                AFD_KEY => events.extend(complete(&self.shared, &mut self.listed, packet)),
                WAKER_KEY => events.extend(self.shared.bells.heard(packet.bytes_transferred())),
                named_pipe::KEY => events.extend(named_pipe::complete(&self.shared.port, packet)),
                // Somebody else has put it into the port.
                _ => {}
            }
        }
        Ok(!taken.is_empty())
    }

    /// Has the ends of those watched that were put off; `all`, or those of which nothing came for a round.
    fn see_to_listed(&mut self, events: &mut Vec<Event>, all: bool) {
        let shared = &self.shared;
        self.last_round = Instant::now();
        self.listed.retain(|&index| {
            let Some(group) = shared.group(index) else { return false };
            let mut slot = shared.lock(&group, index);
            let is_time = slot.socket().is_calm() || all;
            if !is_time || events.len() == events.capacity() {
                return true;
            }
            slot.socket().unlist();
            if slot.socket().need() == Need::Later {
                events.extend(slot.update());
            }
            false
        });
    }
}

/// The packet of a socket's poll.
fn complete(shared: &Shared, listed: &mut Vec<u32>, packet: &CompletionStatus) -> Option<Event> {
    let index = slot_of(packet)?;
    let group = shared.group(index)?;
    let (event, is_listed) = shared.lock(&group, index).complete(packet);
    listed.extend(is_listed.then_some(index));
    event
}

impl crate::sys::Selector for Selector {
    type Registration = Registration;
    type Event = Event;
    type Waker = Waker;

    const EMULATES_EDGES: bool = true;

    fn new() -> io::Result<Selector> {
        Ok(Selector::of(Arc::new(Shared::new()?)))
    }

    fn try_clone(&self) -> io::Result<Selector> {
        Ok(Selector::of(Arc::clone(&self.shared)))
    }

    fn register(&self, source: RawSource, token: Token, interest: Interest) -> io::Result<Registration> {
        error::refuse(interest, Interest::ASYNC_IO)?;
        Registration::new(&self.shared, source, token, interest)
    }

    fn reregister(
        &self,
        registration: &mut Registration,
        _: RawSource,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.owns(registration)?;
        error::refuse(interest, Interest::ASYNC_IO)?;
        registration.reregister(token, interest)?.then_some(()).ok_or_else(error::not_registered)
    }

    fn deregister(&self, registration: &Registration, _: RawSource) -> io::Result<()> {
        self.owns(registration)?;
        registration.deregister().then_some(()).ok_or_else(error::not_registered)
    }

    fn rearm(registration: &Registration, direction: Interest) -> io::Result<()> {
        registration.rearm(direction)
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        let deadline = Deadline::after(timeout);
        let mut left = timeout;
        loop {
            if !self.listed.is_empty() && self.last_round.elapsed() >= ROUND {
                self.see_to_listed(events, false);
            }
            self.drain(events);
            let put_off = self.shared.put_off();
            let lingers = !self.listed.is_empty() && put_off > 0;
            let nap = match left {
                _ if !events.is_empty() => Some(Duration::ZERO),
                _ if lingers => Some(left.map_or(LINGER, |left| left.min(LINGER))),
                left => left,
            };
            // How long a linger takes does not matter.
            let came = self.sleep(events, nap, nap == left)?;
            left = deadline.left();
            // The system's clock may let go too early; `left` says whether it did.
            if !events.is_empty() || left == Some(Duration::ZERO) {
                return Ok(());
            }
            // When there are fewer now, another thread is at work on what it was told: its polls will see the ends. Nothing
            // came, so the number only falls, and this comes to an end.
            if !came && lingers && self.shared.put_off() >= put_off {
                self.see_to_listed(events, true);
            }
        }
    }

    fn waker(&self, token: Token) -> io::Result<Waker> {
        Ok(Waker::new(Arc::clone(&self.shared), token))
    }

    #[inline]
    fn wake(waker: &Waker) -> io::Result<()> {
        waker.wake()
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector").field("shared", &self.shared).finish_non_exhaustive()
    }
}
