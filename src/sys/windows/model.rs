//! The machine of `socket.rs` run against a kernel made of values: every order of steps of two sockets, and random long
//! runs of more.
//!
//! [`World`] holds the real [`Socket`]s and the real [`Queue`], a kernel that behaves as AFD was seen to (one-shot, level
//! at submission, cancelling that comes too late), a program that registers, blocks and deregisters, and a thread that
//! waits, whose steps are those of the selector's. One [`Action`] is what happens under one lock. Each action checks what
//! must never happen; [`World::check`] what must not be so when everything has come to rest.

use std::collections::VecDeque;

use super::event::{Conditions, Event};
use super::socket::{Need, Outcome, Queue, Socket, Step};
use crate::sys::Readiness;
use crate::{Interest, Token};

type C = Conditions;

/// A slot, and all that the rest of the world knows of it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Slot {
    socket: Socket,
    /// What the kernel was asked, if a poll of this slot's memory is in it.
    in_kernel: Option<(Handle, Conditions)>,
    /// Whether a packet is on its way.
    packets: u8,
    on_free_list: bool,
}

/// A socket of the program, by its number: its kernel object outlives registrations.
type Handle = usize;

/// What the program knows of its socket.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
struct Source {
    /// What holds of it in the kernel.
    level: Conditions,
    closed: bool,
    registration: Option<Registered>,
    /// How many registrations it may still make: what bounds the exploration.
    left: u8,
    token: u8,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Registered {
    slot: usize,
    generation: u32,
    interest: Conditions,
    /// Directions that the program waits for an event of.
    owed: Conditions,
    /// Whether it was told of the end.
    told: bool,
}

/// Where the waiting thread stands.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Waiter {
    /// It does something else.
    Away,
    /// It has begun to wait, and updates what was queued.
    Draining(Vec<u32>),
    /// It has looked, and is about to sleep; only a faulty one stands here.
    Late,
    /// It sleeps: for ever, or until it sees to what was put off.
    Asleep { lingers: bool },
    /// It takes packets.
    Awake(VecDeque<(u32, Outcome)>),
    /// Time is over: it sees to what was put off.
    Lingering(Vec<u32>),
}

/// A mistake made on purpose, to see it found.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Fault {
    None,
    /// What was put off is never seen to.
    NoLinger,
    /// The flag that says that a thread waits is set after the queue was taken.
    LateFlag,
    /// A slot is given away when its registration ends, whatever the kernel holds.
    EarlyFree,
    /// An operation that blocked arms nothing.
    NoRearm,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Register(Handle, Interest),
    Reregister(Handle, Interest),
    Deregister(Handle),
    /// An operation takes what there is, if it is allowed to, and blocks.
    Block(Handle, Interest),
    /// The kernel: bytes, room, an end.
    Happen(Handle, Conditions),
    CloseBehindOurBack(Handle),
    /// The waiting thread takes its next step.
    Wait,
    /// The time to see to what was put off is over: asleep, or, with a thread that is never idle, between two waits.
    TimeOver,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct World {
    slots: Vec<Slot>,
    sources: Vec<Source>,
    queue: Queue,
    listed: Vec<u32>,
    packets: VecDeque<(u32, Outcome)>,
    waiter: Waiter,
    /// How many packets one wait takes.
    batch: usize,
    fault: Fault,
}

impl World {
    /// A world of sockets, each of which may be registered as often as its number says.
    pub(super) fn new(registrations: &[u8], batch: usize, fault: Fault) -> World {
        World {
            slots: Vec::new(),
            sources: registrations.iter().map(|&left| Source { left, ..Source::default() }).collect(),
            queue: Queue::default(),
            listed: Vec::new(),
            packets: VecDeque::new(),
            waiter: Waiter::Away,
            batch,
            fault,
        }
    }

    /// All that can happen next to the sockets, out of `interests`.
    pub(super) fn actions(&self, interests: &[Interest]) -> Vec<Action> {
        let mut actions = vec![];
        match &self.waiter {
            Waiter::Asleep { lingers } => {
                actions.extend((!self.packets.is_empty()).then_some(Action::Wait));
                actions.extend(lingers.then_some(Action::TimeOver));
            }
            Waiter::Away => {
                actions.push(Action::Wait);
                actions.extend((!self.listed.is_empty()).then_some(Action::TimeOver));
            }
            _ => actions.push(Action::Wait),
        }
        for (handle, source) in self.sources.iter().enumerate() {
            let happens = [C::RECEIVE, C::SEND, C::ABORT].into_iter().filter(|&it| !source.level.contains(it));
            actions.extend(happens.map(|it| Action::Happen(handle, it)));
            let Some(registered) = &source.registration else {
                if source.left > 0 && !source.closed {
                    actions.extend(interests.iter().map(|&interest| Action::Register(handle, interest)));
                }
                continue;
            };
            actions.push(Action::Deregister(handle));
            actions.extend((!source.closed).then_some(Action::CloseBehindOurBack(handle)));
            let directions = [Interest::READABLE, Interest::WRITABLE];
            actions.extend(directions.into_iter().filter(|_| !source.closed).map(|it| Action::Block(handle, it)));
            let others =
                interests.iter().filter(|&&interest| source.left > 0 && C::direction(interest) != registered.interest);
            actions.extend(others.map(|&interest| Action::Reregister(handle, interest)));
        }
        actions
    }

    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Register(handle, interest) => self.register(handle, interest),
            Action::Reregister(handle, interest) => self.reregister(handle, interest),
            Action::Deregister(handle) => self.deregister(handle),
            Action::Block(handle, direction) => self.block(handle, direction),
            Action::Happen(handle, conditions) => {
                self.sources[handle].level |= conditions;
                self.complete_what_holds(handle);
            }
            Action::CloseBehindOurBack(handle) => {
                self.sources[handle].closed = true;
                self.sources[handle].level = C::LOCAL_CLOSE;
                self.complete_what_holds(handle);
            }
            Action::Wait => self.wait(),
            Action::TimeOver => {
                self.queue.end();
                self.waiter = Waiter::Lingering(std::mem::take(&mut self.listed));
            }
        }
    }

    fn register(&mut self, handle: Handle, interest: Interest) {
        let index = match self.slots.iter().position(|slot| slot.on_free_list) {
            Some(index) => index,
            None => {
                let socket = Socket::free();
                self.slots.push(Slot { socket, in_kernel: None, packets: 0, on_free_list: true });
                self.slots.len() - 1
            }
        };
        let token = self.next_token(handle);
        let slot = &mut self.slots[index];
        slot.on_free_list = false;
        let generation = slot.socket.generation();
        let owed = Conditions::direction(interest);
        let registered = Registered { slot: index, generation, interest: owed, owed, told: false };
        self.sources[handle].registration = Some(registered);
        self.change(index, |socket| socket.register(token, interest));
    }

    /// Every registration has a token of its own, so that an event of the one before is seen.
    fn next_token(&mut self, handle: Handle) -> Token {
        let source = &mut self.sources[handle];
        source.left -= 1;
        source.token += 1;
        token(handle, source.token)
    }

    fn reregister(&mut self, handle: Handle, interest: Interest) {
        let token = self.next_token(handle);
        let registered = self.sources[handle].registration.as_mut().unwrap();
        registered.interest = Conditions::direction(interest);
        registered.owed = registered.interest;
        registered.told = false;
        let index = registered.slot;
        assert!(self.slots[index].socket.belongs_to(registered.generation));
        self.change(index, |socket| socket.reregister(token, interest));
    }

    fn deregister(&mut self, handle: Handle) {
        let registered = self.sources[handle].registration.take().unwrap();
        assert!(self.slots[registered.slot].socket.belongs_to(registered.generation));
        let step = self.slots[registered.slot].socket.deregister();
        self.perform(registered.slot, step);
        if self.fault == Fault::EarlyFree && step != Step::Free {
            self.free(registered.slot);
        }
        assert!(!self.slots[registered.slot].socket.belongs_to(registered.generation));
        let source = &mut self.sources[handle];
        if source.closed || source.level.intersects(C::ABORT) {
            // There is no more use in it: the next one of this number is a new socket.
            source.closed = false;
            source.level = C::NONE;
        }
    }

    fn block(&mut self, handle: Handle, direction: Interest) {
        let source = &mut self.sources[handle];
        let taken = if direction.is_readable() { C::RECEIVE } else { C::SEND };
        let Some(registered) = &mut source.registration else { return };
        if source.level.intersects(C::ABORT) {
            // It gives an error instead.
            return;
        }
        source.level = source.level - taken;
        registered.owed |= Conditions::direction(direction) & registered.interest;
        let index = registered.slot;
        if self.fault != Fault::NoRearm {
            self.change(index, |socket| socket.rearm(direction));
        }
    }

    /// Changes a socket, and sees to what follows.
    fn change(&mut self, index: usize, change: impl FnOnce(&mut Socket)) {
        let socket = &mut self.slots[index].socket;
        let before = socket.need();
        change(socket);
        if socket.is_due(before) {
            self.offer(index);
        }
    }

    /// Queues a socket, or updates it where nobody is about to.
    fn offer(&mut self, index: usize) {
        if self.queue.offer(&mut self.slots[index].socket, narrow(index)) {
            self.update(index);
        }
    }

    fn update(&mut self, index: usize) {
        let step = self.slots[index].socket.update();
        self.perform(index, step);
    }

    fn perform(&mut self, index: usize, step: Step) {
        match step {
            Step::Nothing => {}
            Step::Poll(conditions) => self.submit(index, conditions),
            Step::Cancel => {
                if self.slots[index].in_kernel.take().is_some() {
                    self.slots[index].packets += 1;
                    self.packets.push_back((narrow(index), Outcome::Cancelled));
                }
                assert_eq!(self.slots[index].packets, 1, "a packet must come, or the slot is lost");
            }
            Step::Free => self.free(index),
        }
    }

    fn free(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        assert!(slot.in_kernel.is_none(), "the kernel holds the memory of slot {index}");
        assert_eq!(slot.packets, 0, "a packet of slot {index} is on its way");
        assert!(!slot.on_free_list, "slot {index} is free twice");
        slot.on_free_list = true;
    }

    fn submit(&mut self, index: usize, conditions: Conditions) {
        let slot = &mut self.slots[index];
        assert!(slot.in_kernel.is_none() && slot.packets == 0, "two polls of slot {index}");
        let owner = self.sources.iter().position(|source| {
            source.registration.as_ref().is_some_and(|it| slot.socket.belongs_to(it.generation) && it.slot == index)
        });
        let handle = owner.expect("a poll for somebody");
        assert!(
            self.slots.iter().all(|slot| slot.in_kernel.map_or(true, |it| it.0 != handle)),
            "two polls of {handle}"
        );
        if self.sources[handle].closed {
            let event = self.slots[index].socket.refused(true);
            assert!(event.is_none());
            return;
        }
        self.slots[index].in_kernel = Some((handle, conditions));
        self.complete_what_holds(handle);
    }

    fn complete_what_holds(&mut self, handle: Handle) {
        let level = self.sources[handle].level;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Some((_, asked)) = slot.in_kernel.filter(|it| it.0 == handle) else { continue };
            if asked.intersects(level) {
                slot.in_kernel = None;
                slot.packets += 1;
                self.packets.push_back((narrow(index), Outcome::Ready(asked & level)));
            }
        }
    }

    /// One step of the waiting thread; the selector's `wait` is these steps in a row.
    fn wait(&mut self) {
        match std::mem::replace(&mut self.waiter, Waiter::Away) {
            Waiter::Away => {
                let mut taken = Vec::new();
                self.queue.begin(&mut taken);
                if self.fault == Fault::LateFlag {
                    self.queue.end();
                }
                self.waiter = Waiter::Draining(taken);
            }
            Waiter::Draining(mut taken) => {
                if let Some(index) = taken.pop() {
                    Queue::reached(&mut self.slots[index as usize].socket);
                    self.update(index as usize);
                    self.waiter = Waiter::Draining(taken);
                } else if self.fault == Fault::LateFlag {
                    self.waiter = Waiter::Late;
                } else {
                    self.fall_asleep();
                }
            }
            Waiter::Late => {
                let mut taken = Vec::new();
                self.queue.begin(&mut taken);
                taken.iter().for_each(|&index| self.queue.put_back(index));
                self.fall_asleep();
            }
            Waiter::Asleep { .. } => {
                self.queue.end();
                let count = self.packets.len().min(self.batch);
                self.waiter = Waiter::Awake(self.packets.drain(..count).collect());
            }
            Waiter::Awake(mut packets) => {
                if let Some((index, outcome)) = packets.pop_front() {
                    self.take(index as usize, outcome);
                    self.waiter = Waiter::Awake(packets);
                }
            }
            Waiter::Lingering(mut listed) => {
                if let Some(index) = listed.pop() {
                    self.slots[index as usize].socket.unlist();
                    self.update(index as usize);
                    self.waiter = Waiter::Lingering(listed);
                }
            }
        }
    }

    fn fall_asleep(&mut self) {
        let put_off = self.slots.iter().any(|slot| slot.socket.need() == Need::Later);
        self.waiter = Waiter::Asleep { lingers: put_off && self.fault != Fault::NoLinger };
    }

    fn take(&mut self, index: usize, outcome: Outcome) {
        let slot = &mut self.slots[index];
        slot.packets -= 1;
        let (step, event) = slot.socket.complete(outcome);
        self.perform(index, step);
        if let Some(event) = event {
            self.deliver(&event);
        }
        if self.slots[index].socket.need() == Need::Later && self.slots[index].socket.list() {
            self.listed.push(narrow(index));
        }
        if self.slots[index].socket.need() == Need::Update {
            self.offer(index);
        }
    }

    fn deliver(&mut self, event: &Event) {
        let of = |handle: &Handle| token(*handle, self.sources[*handle].token) == event.token();
        let handle = (0..self.sources.len()).find(of).expect("an event of a registration that is over");
        let registered = self.sources[handle].registration.as_mut().expect("an event after deregistering");
        let wanted = registered.interest;
        assert!(!event.is_readable() || wanted.intersects(C::RECEIVE), "an event that nobody asked for");
        assert!(!event.is_writable() || wanted.intersects(C::SEND), "an event that nobody asked for");
        if event.is_readable() {
            registered.owed = registered.owed - C::READING;
        }
        if event.is_writable() {
            registered.owed = registered.owed - C::SEND;
        }
        registered.told |= event.is_error();
    }

    /// What must hold in every state; and when the waiting thread sleeps for ever, whether it may.
    pub(super) fn check(&self) {
        for (index, slot) in self.slots.iter().enumerate() {
            assert!(!slot.on_free_list || slot.in_kernel.is_none(), "slot {index} is free and in the kernel");
            assert!(self.listed.iter().filter(|&&it| it as usize == index).count() <= 1, "listed twice");
        }
        if self.waiter != (Waiter::Asleep { lingers: false }) || !self.packets.is_empty() {
            return;
        }
        for source in self.sources.iter().filter(|source| !source.closed) {
            let Some(registered) = &source.registration else { continue };
            assert!(!source.level.intersects(registered.owed & C::AWAITED), "readiness was lost: {source:?}");
            assert!(registered.told || !source.level.intersects(C::ABORT), "an end was lost: {source:?}");
        }
    }
}

impl World {
    /// Lets the waiting thread go on until it sleeps for ever; it must get there.
    fn come_to_rest(&mut self) {
        for _ in 0..10_000 {
            let asleep = matches!(self.waiter, Waiter::Asleep { .. }) && self.packets.is_empty();
            match self.waiter {
                Waiter::Asleep { lingers: false } if asleep => return self.check(),
                _ if asleep => self.act(Action::TimeOver),
                _ => self.act(Action::Wait),
            }
        }
        panic!("the waiting thread spins: {self:?}");
    }
}

fn token(handle: Handle, count: u8) -> Token {
    Token(handle << 8 | usize::from(count))
}

fn narrow(index: usize) -> u32 {
    u32::try_from(index).unwrap()
}

mod explore;
mod random;
