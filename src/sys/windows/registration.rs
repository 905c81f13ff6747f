//! The registered sockets, and the memory that they lend to the kernel.
//!
//! Sockets live in slots, slots in groups of 32 that share a helper handle; groups never move, and stay until the last
//! handle of the selector and the last registration are gone. A slot costs no allocation of its own: a registration
//! takes a free one, and is its address. [`Locked`] is a slot under its lock, and performs there what the socket says.
//!
//! Locks are taken in this order: a slot, then the queue, the list of free slots or that of groups.

use std::fmt;
use std::io;
use std::mem::size_of;
use std::time::Duration;

use super::afd::{Afd, Poll};
use super::event::Event;
use super::handle::Lent;
use super::iocp::{CompletionPort, CompletionStatus};
use super::net::base_socket;
use super::socket::{Need, Outcome, Queue, Socket, Step};
use super::sync::atomic::{AtomicUsize, Ordering};
use super::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use super::waker::Bells;
use super::{named_pipe, AFD_KEY};
use crate::sys::RawSource;
use crate::{Interest, Token};

/// What all handles of a selector and all registrations share.
pub(super) struct Shared {
    pub(super) port: Arc<CompletionPort>,
    pub(super) bells: Bells,
    queue: Mutex<Queue>,
    groups: RwLock<Vec<Arc<Group>>>,
    free: Mutex<Vec<u32>>,
    /// How many sockets are to be seen to later. A hint: who reads an old number lingers once in vain or too late, so it
    /// needs no order with anything.
    put_off: AtomicUsize,
}

/// Slots that share a helper handle.
pub(super) struct Group {
    afd: Afd,
    slots: [Slot; Afd::SOCKETS],
}

struct Slot {
    /// The kernel's from the submission of a poll to its packet, and ours otherwise.
    lent: Lent<Poll>,
    state: Mutex<State>,
}

/// Protected by the slot's lock, as are the calls to the kernel that follow from it.
struct State {
    socket: Socket,
    base: RawSource,
}

// 32 of these and a header are what a group of sockets costs; the locks of a simulation are larger.
const _: () = assert!(!cfg!(windows) || size_of::<Slot>() <= 120);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that runs under these locks leaves things half done when it panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new() -> io::Result<Shared> {
        Ok(Shared {
            port: Arc::new(CompletionPort::new(1)?),
            bells: Bells::default(),
            queue: Mutex::default(),
            groups: RwLock::default(),
            free: Mutex::default(),
            put_off: AtomicUsize::new(0),
        })
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    pub(super) fn put_off(&self) -> usize {
        self.put_off.load(Ordering::Relaxed)
    }

    /// The group of slot `index`.
    pub(super) fn group(&self, index: u32) -> Option<Arc<Group>> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups.get(index as usize / Afd::SOCKETS).cloned()
    }

    /// A free slot, in a new group when there is none.
    fn take_slot(&self) -> io::Result<(Arc<Group>, u32)> {
        // A statement of its own: the lock ends before a group is added.
        let free = lock(&self.free).pop();
        let index = match free {
            Some(index) => index,
            None => self.add_group()?,
        };
        let group = self.group(index).ok_or(io::ErrorKind::NotFound)?;
        Ok((group, index))
    }

    /// Adds a group; its first slot is the caller's.
    fn add_group(&self) -> io::Result<u32> {
        let group = Arc::new(Group::new(Afd::open(&self.port)?));
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        let too_many = |_| io::Error::from(io::ErrorKind::OutOfMemory);
        let first = u32::try_from(groups.len() * Afd::SOCKETS).map_err(too_many)?;
        // The number of the last one, plus one, is an address of its packets.
        let end = u32::try_from((groups.len() + 1) * Afd::SOCKETS).map_err(too_many)?;
        groups.push(group);
        // The lowest is taken first.
        lock(&self.free).extend((first + 1..end).rev());
        Ok(first)
    }

    pub(super) fn lock<'a>(&'a self, group: &'a Group, index: u32) -> Locked<'a> {
        let slot = &group.slots[index as usize % Afd::SOCKETS];
        let state = lock(&slot.state);
        let before = state.socket.need();
        Locked { shared: self, afd: &group.afd, lent: &slot.lent, index, state, before }
    }
}

impl Group {
    fn new(afd: Afd) -> Group {
        let slot =
            |_| Slot { lent: Lent::new(Poll::new()), state: Mutex::new(State { socket: Socket::free(), base: 0 }) };
        Group { afd, slots: [(); Afd::SOCKETS].map(|()| slot(())) }
    }

    fn in_kernel(&self) -> usize {
        self.slots.iter().filter(|slot| lock(&slot.state).socket.is_in_kernel()).count()
    }
}

/// A slot under its lock.
pub(super) struct Locked<'a> {
    shared: &'a Shared,
    afd: &'a Afd,
    lent: &'a Lent<Poll>,
    index: u32,
    state: MutexGuard<'a, State>,
    /// The socket's need when it was locked.
    before: Need,
}

/// The kernel took no poll: what there is to tell of it, and why.
struct Refusal {
    event: Option<Event>,
    error: io::Error,
}

impl Locked<'_> {
    pub(super) fn socket(&mut self) -> &mut Socket {
        &mut self.state.socket
    }

    fn perform(&mut self, step: Step) -> Result<(), Refusal> {
        match step {
            Step::Nothing => {}
            Step::Free => lock(&self.shared.free).push(self.index),
            Step::Cancel => self.afd.cancel(self.lent),
            Step::Poll(conditions) => {
                let context = self.index as usize + 1;
                // SAFETY: the socket asks for a poll only when none has the memory. The memory is in a group, which
                // stays until all polls have come back (`Shared::drop`), and is read by `Locked::complete` alone.
                let polled = unsafe { self.afd.poll(self.lent, self.state.base, conditions, context) };
                if let Err(refused) = polled {
                    let event = self.socket().refused(refused.closed);
                    return Err(Refusal { event, error: refused.error });
                }
            }
        }
        Ok(())
    }

    /// Has the kernel told of a change, now if a thread waits, and else when one begins to.
    fn settle(&mut self) -> io::Result<()> {
        let (index, before) = (self.index, self.before);
        if !self.socket().is_due(before) || !self.shared.queue().offer(self.socket(), index) {
            return Ok(());
        }
        let step = self.socket().update();
        self.perform(step).map_err(|refusal| refusal.error)
    }

    /// Brings the kernel up to date: what the waiting thread does for a socket.
    pub(super) fn update(&mut self) -> Option<Event> {
        let step = self.socket().update();
        self.perform(step).err().and_then(|refusal| refusal.event)
    }

    /// Takes the packet of the slot's poll. Whether the socket is to be put on the list of the waiting thread, too.
    pub(super) fn complete(&mut self, packet: &CompletionStatus) -> (Option<Event>, bool) {
        if !self.socket().is_in_kernel() {
            // No packet of AFD: somebody else has put it into the port.
            return (None, false);
        }
        // SAFETY: there was one poll in the kernel, and each has one packet.
        let outcome = unsafe { Afd::outcome(self.lent, packet) };
        let (step, event) = self.socket().complete(outcome);
        // It says nothing or frees the slot, neither of which fails.
        let _ = self.perform(step);
        let listed = self.socket().need() == Need::Later && self.socket().list();
        if self.socket().need() == Need::Update {
            // Nobody waits while packets are taken, so it is queued at most.
            let _ = self.settle();
        }
        (event, listed)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let (was_put_off, is_put_off) = (self.before == Need::Later, self.state.socket.need() == Need::Later);
        if is_put_off && !was_put_off {
            self.shared.put_off.fetch_add(1, Ordering::Relaxed);
        } else if !is_put_off && was_put_off {
            self.shared.put_off.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Shared {
    /// Every registration has ended, since each keeps this alive: what polls are in the kernel were cancelled, and their
    /// packets come soon. Until then the kernel has the memory.
    fn drop(&mut self) {
        let groups = std::mem::take(self.groups.get_mut().unwrap_or_else(PoisonError::into_inner));
        let mut left: usize = groups.iter().map(|group| group.in_kernel()).sum();
        let mut packets = [CompletionStatus::zero(); 64];
        while left > 0 {
            match self.port.get_many(&mut packets, Some(Duration::from_secs(5))) {
                Ok(packets) if !packets.is_empty() => {
                    for packet in packets.iter() {
                        match packet.token() {
                            AFD_KEY => left -= usize::from(came_back(&groups, packet)),
                            // A pipe may outlive its poll; nobody hears of its events.
                            named_pipe::KEY => drop(named_pipe::complete(&self.port, packet)),
                            _ => {}
                        }
                    }
                }
                _ => {
                    // Rather lost than written to after it is given to somebody else.
                    crate::diagnostics::warning!("{left} polls of sockets did not come back: their memory is leaked");
                    std::mem::forget(groups);
                    return;
                }
            }
        }
    }
}

/// Whether the packet is that of a poll which was in the kernel, and is no more.
fn came_back(groups: &[Arc<Group>], packet: &CompletionStatus) -> bool {
    let Some(index) = slot_of(packet) else { return false };
    let Some(group) = groups.get(index as usize / Afd::SOCKETS) else { return false };
    let mut state = lock(&group.slots[index as usize % Afd::SOCKETS].state);
    let was_there = state.socket.is_in_kernel();
    // There is nobody to tell of anything.
    let _ = state.socket.complete(Outcome::Cancelled);
    was_there
}

/// The number of the slot whose poll the packet is of; nothing for one that somebody else has put into the port.
pub(super) fn slot_of(packet: &CompletionStatus) -> Option<u32> {
    u32::try_from((packet.overlapped() as usize).checked_sub(1)?).ok()
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("port", &self.port).finish_non_exhaustive()
    }
}

/// The registration of a socket; it ends when this is dropped.
pub(crate) struct Registration {
    shared: Arc<Shared>,
    group: Arc<Group>,
    index: u32,
    generation: u32,
}

impl Registration {
    pub(super) fn new(
        shared: &Arc<Shared>,
        socket: RawSource,
        token: Token,
        interest: Interest,
    ) -> io::Result<Registration> {
        let base = base_socket(socket)?;
        let (group, index) = shared.take_slot()?;
        let mut slot = shared.lock(&group, index);
        slot.state.base = base;
        slot.socket().register(token, interest);
        let generation = slot.socket().generation();
        let settled = slot.settle();
        drop(slot);
        let registration = Registration { shared: Arc::clone(shared), group, index, generation };
        // On an error its drop gives the slot back.
        settled.map(|()| registration)
    }

    /// Runs `change` if the registration has not ended, and sees to what follows.
    fn change(&self, change: impl FnOnce(&mut Socket)) -> io::Result<bool> {
        let mut slot = self.shared.lock(&self.group, self.index);
        if !slot.socket().belongs_to(self.generation) {
            return Ok(false);
        }
        change(slot.socket());
        slot.settle()?;
        Ok(true)
    }

    pub(super) fn is_of(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.shared, shared)
    }

    pub(super) fn reregister(&self, token: Token, interest: Interest) -> io::Result<bool> {
        self.change(|socket| socket.reregister(token, interest))
    }

    pub(super) fn rearm(&self, direction: Interest) -> io::Result<()> {
        self.change(|socket| socket.rearm(direction)).map(drop)
    }

    /// Whether there was something to end.
    pub(super) fn deregister(&self) -> bool {
        let mut slot = self.shared.lock(&self.group, self.index);
        let is_mine = slot.socket().belongs_to(self.generation);
        if is_mine {
            let step = slot.socket().deregister();
            // It cancels or frees, neither of which fails.
            let _ = slot.perform(step);
        }
        is_mine
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.deregister();
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("slot", &self.index).field("generation", &self.generation).finish()
    }
}
