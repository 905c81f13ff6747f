//! The real transitions over a pretended kernel: a pipe, the kernel's side of it and what the user waits for.
//!
//! One [`Step`] is what a user, a peer or the kernel does. Serial numbers can be renumbered by rank, so that worlds which differ
//! in them only are one. The tests explore every order of steps, and a fuzzer long ones.

// A fuzzer neither explores nor looks inside.
#![cfg_attr(not(test), allow(dead_code))]

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::io;
use std::mem;

use super::{code, Connect, Kernel, Kind, Memory, PipeIo, Read, Ticket, Write, ROOM};
use crate::{Interest, Token};

pub(super) const READ: Interest = Interest::READABLE;
pub(super) const WRITE: Interest = Interest::WRITABLE;
pub(super) const BOTH: Interest = READ.add(WRITE);

pub(super) const CANCELLED: u32 = 995;
pub(super) const NO_RESOURCES: u32 = 1450;

/// How often a client connects, and how many messages of two bytes each sends: few where every order is taken.
const CLIENTS: u8 = if cfg!(test) { 2 } else { 7 };
const MESSAGES: u8 = if cfg!(test) { 1 } else { 7 };

/// How many packets may wait to be taken.
pub(super) const BACKLOG: usize = 2;

/// Memory with room for a single byte: every longer message comes in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Memory for Bytes {
    fn new() -> Bytes {
        Bytes::default()
    }

    fn make_room(&mut self, _capacity: usize) {
        self.0.clear();
    }

    fn fill(&mut self, bytes: &[u8]) {
        self.0 = bytes.to_vec();
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn skip(&mut self, count: usize) {
        self.0.drain(..count);
    }
}

/// An operation that the kernel has, and its memory with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lent {
    pub(super) kind: Kind,
    pub(super) serial: u64,
    pub(super) memory: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Packet {
    Notice,
    Ended(Lent, Result<usize, u32>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    Disconnected,
    Listening,
    Connected,
    /// The client has closed its end; what it sent can still be read.
    Closing,
}

/// The kernel's side: the pipe, the operations it works on, and the queue of the port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fake {
    pub(super) state: State,
    /// Which client there is or was.
    pub(super) client: u8,
    /// How many messages it has sent, and how many bytes.
    pub(super) sent: u8,
    pub(super) bytes_sent: u8,
    pub(super) messages: bool,
    pub(super) inbound: VecDeque<Vec<u8>>,
    /// Whether a write stands in the pipe that the client has not read: the next one is pending.
    pub(super) full: bool,
    pub(super) working: Vec<Lent>,
    pub(super) packets: VecDeque<Packet>,
    /// Refuses the next operation.
    pub(super) refuse: bool,
    pub(super) refusals: u8,
}

impl Fake {
    fn ended(&mut self, mut lent: Lent, outcome: Result<usize, u32>) {
        if let (Kind::Write, Ok(_)) = (lent.kind, outcome) {
            lent.memory.0.clear();
        }
        self.packets.push_back(Packet::Ended(lent, outcome));
    }

    /// Ends all operations of `kind` alike.
    fn end_all(&mut self, kind: Kind, outcome: Result<usize, u32>) {
        let (ending, rest) = self.working.drain(..).partition::<Vec<_>, _>(|lent| lent.kind == kind);
        self.working = rest;
        ending.into_iter().for_each(|lent| self.ended(lent, outcome));
    }

    /// Gives the first byte that there is to a read.
    fn fill_read(&mut self, mut lent: Lent) {
        let message = self.inbound.front_mut().expect("a message");
        lent.memory.0 = message.drain(..1).collect();
        let is_all = message.is_empty();
        if is_all {
            self.inbound.pop_front();
        }
        let outcome = if is_all || !self.messages { Ok(1) } else { Err(code::MORE_DATA) };
        self.ended(lent, outcome);
    }

    fn refuses(&self, kind: Kind) -> Option<u32> {
        match (self.state, kind) {
            (State::Disconnected | State::Listening, Kind::Connect) => None,
            (State::Connected, Kind::Connect) => Some(code::PIPE_CONNECTED),
            (State::Closing, Kind::Connect) => Some(code::NO_DATA),
            (State::Disconnected, _) => Some(code::PIPE_NOT_CONNECTED),
            (State::Listening, _) => Some(code::PIPE_LISTENING),
            (State::Connected, _) => None,
            (State::Closing, Kind::Read) => self.inbound.is_empty().then_some(code::BROKEN_PIPE),
            (State::Closing, Kind::Write) => Some(code::NO_DATA),
        }
    }

    /// What it works on, and what has ended and was not taken yet.
    fn lent(&self) -> impl Iterator<Item = &Lent> {
        let ended = self.packets.iter().filter_map(|packet| match packet {
            Packet::Ended(lent, _) => Some(lent),
            Packet::Notice => None,
        });
        self.working.iter().chain(ended)
    }

    pub(super) fn has_work(&self, kind: Kind) -> bool {
        self.working.iter().any(|lent| lent.kind == kind)
    }
}

impl Kernel for Fake {
    type Memory = Bytes;

    fn submit(&mut self, kind: Kind, serial: u64, memory: Bytes) -> Result<usize, (u32, Bytes)> {
        if mem::take(&mut self.refuse) {
            return Err((NO_RESOURCES, memory));
        }
        if let Some(code) = self.refuses(kind) {
            return Err((code, memory));
        }
        assert!(self.lent().all(|other| other.serial != serial), "a number that is in use");
        // The user here writes a byte at a time.
        assert!(kind != Kind::Write || !memory.0.is_empty(), "what was written is written again");
        let lent = Lent { kind, serial, memory };
        match kind {
            Kind::Connect => {
                self.state = State::Listening;
                self.working.push(lent);
            }
            Kind::Read if self.inbound.is_empty() => self.working.push(lent),
            Kind::Read => self.fill_read(lent),
            Kind::Write if self.full => self.working.push(lent),
            Kind::Write => {
                self.full = true;
                self.ended(lent, Ok(1));
            }
        }
        Ok(usize::try_from(serial).unwrap())
    }

    fn cancel(&mut self, address: usize) {
        let serial = u64::try_from(address).unwrap();
        if let Some(at) = self.working.iter().position(|lent| lent.serial == serial) {
            let lent = self.working.remove(at);
            self.ended(lent, Err(CANCELLED));
        }
    }

    fn disconnect(&mut self) -> Result<(), u32> {
        for kind in [Kind::Connect, Kind::Read, Kind::Write] {
            self.end_all(kind, Err(code::PIPE_NOT_CONNECTED));
        }
        self.inbound.clear();
        self.full = false;
        self.state = State::Disconnected;
        Ok(())
    }

    fn post(&mut self) -> io::Result<()> {
        assert!(!self.packets.contains(&Packet::Notice), "two notices in the queue");
        self.packets.push_back(Packet::Notice);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Register(Interest),
    Reregister(Interest),
    Deregister,
    Connect,
    TakeError,
    Disconnect,
    Read,
    Write,
    Drop,
    Poll,
    ClientConnects,
    ClientSends,
    ClientReads,
    ClientCloses,
    Refuse,
}

pub(super) const STEPS: [Step; 19] = [
    Step::Register(READ),
    Step::Register(WRITE),
    Step::Register(BOTH),
    Step::Reregister(READ),
    Step::Reregister(WRITE),
    Step::Reregister(BOTH),
    Step::Deregister,
    Step::Connect,
    Step::TakeError,
    Step::Disconnect,
    Step::Read,
    Step::Write,
    Step::Drop,
    Step::Poll,
    Step::ClientConnects,
    Step::ClientSends,
    Step::ClientReads,
    Step::ClientCloses,
    Step::Refuse,
];

pub(super) fn is_would_block<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) io: PipeIo<Bytes>,
    pub(super) kernel: Fake,
    pub(super) dropped: bool,
    /// Whether it was registered at all: before, it has no port, and nothing is submitted.
    pub(super) tied: bool,
    /// Whether the user knows of the connection: only then there is something to wait for.
    pub(super) accepted: bool,
    /// What the user waits for, having seen `WouldBlock` or registered.
    pub(super) awaits_read: bool,
    pub(super) awaits_write: bool,
    pub(super) awaits_connect: bool,
    /// How many bytes of this client the user has.
    pub(super) taken: u8,
}

impl Hash for PipeIo<Bytes> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (&self.link, &self.connect, &self.read, &self.write).hash(hasher);
        (self.serial, self.owed, self.noticed).hash(hasher);
        let interest =
            self.registration.map(|(token, interest)| (token, interest.is_readable(), interest.is_writable()));
        interest.hash(hasher);
    }
}

impl World {
    pub(super) fn new(state: State, messages: bool) -> World {
        let client = u8::from(state == State::Connected);
        let kernel = Fake {
            state,
            client,
            sent: 0,
            bytes_sent: 0,
            messages,
            inbound: VecDeque::new(),
            full: false,
            working: Vec::new(),
            packets: VecDeque::new(),
            refuse: false,
            refusals: 0,
        };
        World {
            io: PipeIo::new(messages),
            kernel,
            dropped: false,
            tied: false,
            accepted: state == State::Connected,
            awaits_read: false,
            awaits_write: false,
            awaits_connect: false,
            taken: 0,
        }
    }

    /// Takes a step, unless it makes no sense here.
    pub(super) fn step(&mut self, step: Step) -> Option<()> {
        match step {
            Step::Poll => return self.poll(),
            Step::ClientConnects | Step::ClientSends | Step::ClientReads | Step::ClientCloses => {
                return self.client(step)
            }
            _ if self.dropped => return None,
            // Who never polls could disconnect and connect for ever.
            Step::Connect | Step::Disconnect | Step::Read | Step::Write if self.kernel.packets.len() >= BACKLOG => {
                return None
            }
            Step::Register(interest) if !self.io.is_registered() => self.register(interest),
            Step::Reregister(interest) if self.io.is_registered() => self.register(interest),
            Step::Deregister if self.io.is_registered() => self.io.deregister(),
            Step::Connect => self.connect(),
            Step::Disconnect => {
                self.io.disconnect(&mut self.kernel).unwrap();
                assert_eq!(self.kernel.state, State::Disconnected);
                (self.accepted, self.awaits_connect) = (false, false);
                (self.awaits_read, self.awaits_write) = (false, false);
            }
            Step::Read if self.tied => self.read(),
            Step::Write if self.tied => self.write(),
            Step::TakeError => {
                self.io.take_error()?;
                self.awaits_connect = false;
            }
            Step::Drop => {
                self.io.close(&mut self.kernel);
                self.dropped = true;
            }
            Step::Refuse if self.kernel.refusals == 0 => {
                self.kernel.refusals = 1;
                self.kernel.refuse = true;
            }
            _ => return None,
        }
        Some(())
    }

    pub(super) fn register(&mut self, interest: Interest) {
        // Each interest has its token, so that one that is out of date shows.
        let token = Token(usize::from(interest.is_readable()) + 2 * usize::from(interest.is_writable()));
        self.io.register(&mut self.kernel, token, interest).unwrap();
        self.tied = true;
        self.awaits_read = true;
        self.awaits_write = true;
    }

    pub(super) fn connect(&mut self) {
        let result = if self.tied { self.io.connect(&mut self.kernel) } else { self.io.connect_later() };
        self.awaits_connect = is_would_block(&result);
        self.accepted |= result.is_ok();
    }

    fn read(&mut self) {
        let mut byte = [0];
        let result = self.io.read(&mut self.kernel, &mut byte);
        self.awaits_read = is_would_block(&result);
        match result {
            Ok(1) => {
                assert!(matches!(self.kernel.state, State::Connected | State::Closing), "bytes from nobody");
                assert_eq!(byte[0], self.kernel.client << 4 | self.taken, "stale, lost or reordered bytes");
                self.taken += 1;
            }
            Ok(end) => {
                assert_eq!((end, self.kernel.state), (0, State::Closing), "an end that is none");
                assert_eq!(self.taken, self.kernel.bytes_sent, "an end before the last byte");
            }
            Err(_) => {}
        }
    }

    fn write(&mut self) {
        let result = self.io.write(&mut self.kernel, &[0]);
        self.awaits_write = is_would_block(&result);
        assert_eq!(result.unwrap_or(1), 1);
    }

    pub(super) fn poll(&mut self) -> Option<()> {
        let ready = match self.kernel.packets.pop_front()? {
            Packet::Notice => self.io.noticed(),
            Packet::Ended(lent, outcome) => {
                self.io.completed(&mut self.kernel, (lent.kind, lent.serial), outcome, lent.memory)
            }
        };
        let Some(ready) = ready else { return Some(()) };
        assert!(!self.dropped, "an event of a pipe that was dropped");
        let (token, interest) = self.io.registration.expect("an event without a registration");
        assert_eq!(ready.token, token);
        assert!(!ready.readable || interest.is_readable());
        assert!(!ready.writable || interest.is_writable());
        self.awaits_read &= !ready.readable;
        self.awaits_write &= !ready.writable;
        if ready.writable && self.awaits_connect {
            self.awaits_connect = false;
            self.accepted |= !ready.error && matches!(self.kernel.state, State::Connected | State::Closing);
        }
        Some(())
    }

    fn client(&mut self, step: Step) -> Option<()> {
        let kernel = &mut self.kernel;
        match (step, kernel.state) {
            (Step::ClientConnects, State::Listening) if kernel.client < CLIENTS && !self.dropped => {
                kernel.client += 1;
                (kernel.sent, kernel.bytes_sent, self.taken) = (0, 0, 0);
                kernel.state = State::Connected;
                kernel.end_all(Kind::Connect, Ok(0));
            }
            (Step::ClientSends, State::Connected) if kernel.sent < MESSAGES => {
                kernel.sent += 1;
                let message = (0..2).map(|n| kernel.client << 4 | (kernel.bytes_sent + n)).collect();
                kernel.bytes_sent += 2;
                kernel.inbound.push_back(message);
                if let Some(at) = kernel.working.iter().position(|lent| lent.kind == Kind::Read) {
                    let lent = kernel.working.remove(at);
                    kernel.fill_read(lent);
                }
            }
            (Step::ClientReads, State::Connected) if kernel.full => {
                kernel.full = kernel.has_work(Kind::Write);
                kernel.end_all(Kind::Write, Ok(1));
            }
            (Step::ClientCloses, State::Connected) => {
                kernel.state = State::Closing;
                kernel.end_all(Kind::Read, Err(code::BROKEN_PIPE));
                kernel.end_all(Kind::Write, Err(code::NO_DATA));
            }
            _ => return None,
        }
        Some(())
    }

    /// What must hold once the queue was emptied.
    pub(super) fn check(&self) {
        let mut world = self.clone();
        while world.poll().is_some() {}
        let World { io, kernel, .. } = &world;
        if world.dropped {
            let kept = kernel.working.iter().all(|lent| lent.kind == Kind::Write);
            assert!(kept, "an operation outlives its pipe: {:?}", kernel.working);
            return;
        }
        let awaited = [Kind::Connect, Kind::Read, Kind::Write].iter().filter_map(|&kind| io.awaited(kind)).count();
        assert_eq!(awaited, kernel.working.len(), "memory that nobody waits for");
        let Some((_, interest)) = io.registration else { return };
        if interest.is_readable() && world.awaits_read && world.accepted {
            let ready = io.read_is_ready() || !kernel.inbound.is_empty() || kernel.state == State::Closing;
            assert!(!ready, "readable, and nobody says so");
        }
        if interest.is_writable() && world.awaits_write && world.accepted {
            assert!(kernel.has_work(Kind::Write), "writable, and nobody says so");
        }
        if interest.is_writable() && world.awaits_connect {
            // A write that is under way is reported when it ends.
            let later = kernel.has_work(Kind::Connect) || kernel.has_work(Kind::Write);
            assert!(later, "connected, and nobody says so");
        }
    }

    /// The same world with the smallest serial numbers.
    pub(super) fn renumbered(mut self) -> World {
        let mut serials: Vec<u64> = self.kernel.lent().map(|lent| lent.serial).collect();
        serials.sort_unstable();
        let rank = |serial: u64| serials.binary_search(&serial).expect("waited for, and not lent") as u64;
        let renumber = |ticket: &mut Ticket| {
            let serial = rank(ticket.serial);
            *ticket = Ticket { serial, address: usize::try_from(serial).unwrap() };
        };
        if let Connect::Submitted(ticket) = &mut self.io.connect {
            renumber(ticket);
        }
        if let Read::Submitted(ticket) = &mut self.io.read {
            renumber(ticket);
        }
        if let Write::Submitted(ticket) = &mut self.io.write {
            renumber(ticket);
        }
        self.io.serial = serials.len() as u64;
        self.kernel.working.iter_mut().for_each(|lent| lent.serial = rank(lent.serial));
        for packet in &mut self.kernel.packets {
            if let Packet::Ended(lent, _) = packet {
                lent.serial = rank(lent.serial);
            }
        }
        // How much is read at a time makes no difference to what has room for one byte.
        self.io.room = ROOM.0;
        self.io.spare = None;
        if self.dropped {
            (self.accepted, self.awaits_connect, self.taken) = (false, false, 0);
            (self.awaits_read, self.awaits_write) = (false, false);
        }
        self
    }
}

/// Takes the steps that a fuzzer chooses, and looks after each whether something was lost.
#[cfg(fuzzing)]
pub(in crate::sys) fn run_choices(choices: &mut crate::sys::fuzzing::Choices<'_>) {
    let state = [State::Disconnected, State::Connected][choices.below(2)];
    let mut world = World::new(state, choices.below(2) == 1);
    while !choices.are_over() {
        if world.step(STEPS[choices.below(STEPS.len())]).is_some() {
            world.check();
        }
    }
}
