//! The real transitions over a pretended kernel: every order of what a user, a peer and the kernel do, to the end.
//!
//! A world is a pipe, the kernel's side of it and what the user waits for. From each world every step is taken, until
//! no new world comes up. Serial numbers are renumbered by rank, so that worlds which differ in them only are one.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::thread;

use super::*;

const READ: Interest = Interest::READABLE;
const WRITE: Interest = Interest::WRITABLE;
const BOTH: Interest = READ.add(WRITE);

const CANCELLED: u32 = 995;
const NO_RESOURCES: u32 = 1450;

/// How often a client connects, and how many messages of two bytes each sends.
const CLIENTS: u8 = 2;
const MESSAGES: u8 = 1;

/// How many packets may wait to be taken.
const BACKLOG: usize = 2;

/// Memory with room for a single byte: every longer message comes in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Bytes(Vec<u8>);

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
struct Lent {
    kind: Kind,
    serial: u64,
    memory: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Packet {
    Notice,
    Ended(Lent, Result<usize, u32>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    Disconnected,
    Listening,
    Connected,
    /// The client has closed its end; what it sent can still be read.
    Closing,
}

/// The kernel's side: the pipe, the operations it works on, and the queue of the port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Fake {
    state: State,
    /// Which client there is or was.
    client: u8,
    /// How many messages it has sent, and how many bytes.
    sent: u8,
    bytes_sent: u8,
    messages: bool,
    inbound: VecDeque<Vec<u8>>,
    /// Whether a write stands in the pipe that the client has not read: the next one is pending.
    full: bool,
    working: Vec<Lent>,
    packets: VecDeque<Packet>,
    /// Refuses the next operation.
    refuse: bool,
    refusals: u8,
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

    fn has_work(&self, kind: Kind) -> bool {
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
enum Step {
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

const STEPS: [Step; 19] = [
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

fn is_would_block<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    io: PipeIo<Bytes>,
    kernel: Fake,
    dropped: bool,
    /// Whether it was registered at all: before, it has no port, and nothing is submitted.
    tied: bool,
    /// Whether the user knows of the connection: only then there is something to wait for.
    accepted: bool,
    /// What the user waits for, having seen `WouldBlock` or registered.
    awaits_read: bool,
    awaits_write: bool,
    awaits_connect: bool,
    /// How many bytes of this client the user has.
    taken: u8,
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
    fn new(state: State, messages: bool) -> World {
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
    fn step(&mut self, step: Step) -> Option<()> {
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

    fn register(&mut self, interest: Interest) {
        // Each interest has its token, so that one that is out of date shows.
        let token = Token(usize::from(interest.is_readable()) + 2 * usize::from(interest.is_writable()));
        self.io.register(&mut self.kernel, token, interest).unwrap();
        self.tied = true;
        self.awaits_read = true;
        self.awaits_write = true;
    }

    fn connect(&mut self) {
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

    fn poll(&mut self) -> Option<()> {
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
    fn check(&self) {
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
    fn renumbered(mut self) -> World {
        let lent = self.kernel.working.iter().chain(self.kernel.packets.iter().filter_map(|packet| match packet {
            Packet::Ended(lent, _) => Some(lent),
            Packet::Notice => None,
        }));
        let mut serials: Vec<u64> = lent.map(|lent| lent.serial).collect();
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

fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// The steps that led to a world; printed when one goes wrong.
#[derive(Clone)]
struct Trail(Option<Rc<(Step, Trail)>>);

/// Says on a panic how it came to it.
struct Witness<'a>(&'a Trail);

impl Drop for Witness<'_> {
    #[allow(clippy::print_stdout)] // For who reads why the test failed.
    fn drop(&mut self) {
        let mut trail = &self.0 .0;
        while let (true, Some(last)) = (thread::panicking(), trail) {
            println!("after {:?}", last.0);
            trail = &last.1 .0;
        }
    }
}

/// Visits all worlds that follow from `start`, the nearest first; how many there are.
fn explore(start: World) -> usize {
    // Of the worlds that were visited 64 bits are kept: enough to tell some millions apart.
    let mut seen = HashSet::from([fingerprint(&start)]);
    let mut todo = VecDeque::from([(start, Trail(None))]);
    while let Some((world, trail)) = todo.pop_front() {
        for step in STEPS {
            let trail = Trail(Some(Rc::new((step, trail.clone()))));
            let witness = Witness(&trail);
            let mut next = world.clone();
            if next.step(step).is_none() {
                continue;
            }
            let next = next.renumbered();
            if seen.insert(fingerprint(&next)) {
                next.check();
                drop(witness);
                todo.push_back((next, trail));
            }
        }
    }
    seen.len()
}

#[test]
fn every_order_of_a_server_in_byte_mode() {
    let worlds = explore(World::new(State::Listening, false));
    assert!(worlds > 10_000, "{worlds}");
}

#[test]
fn every_order_of_a_client() {
    let worlds = explore(World::new(State::Connected, true));
    assert!(worlds > 1_000, "{worlds}");
}

/// A pipe of messages with a client, registered for both directions.
fn connected() -> World {
    let mut world = World::new(State::Connected, true);
    world.register(BOTH);
    world
}

#[test]
fn an_empty_message_is_a_message_and_nothing_in_a_stream() {
    for messages in [true, false] {
        let mut world = connected();
        world.io.messages = messages;
        assert_eq!(world.io.has_messages(), messages);
        let lent = world.kernel.working.pop().unwrap();
        let ready = world.io.completed(&mut world.kernel, (lent.kind, lent.serial), Ok(0), lent.memory);
        assert_eq!(ready.is_some_and(|ready| ready.readable), messages);
        // In a stream the next read is under way at once.
        assert_eq!(world.kernel.has_work(Kind::Read), !messages);
        let result = world.io.read(&mut world.kernel, &mut [0]);
        assert_eq!(is_would_block(&result), !messages);
    }
}

#[test]
fn a_write_in_parts_goes_on_and_one_of_nothing_fails() {
    let mut world = connected();
    world.kernel.full = true;
    assert_eq!(world.io.write(&mut world.kernel, b"abc").unwrap(), 3);
    for left in [&b"bc"[..], b"c"] {
        let mut lent = world.kernel.working.pop().unwrap();
        lent.memory.skip(1);
        assert_eq!(world.io.completed(&mut world.kernel, (lent.kind, lent.serial), Ok(1), lent.memory), None);
        assert_eq!(world.kernel.working.last().unwrap().memory.bytes(), left);
    }
    let lent = world.kernel.working.pop().unwrap();
    let ready = world.io.completed(&mut world.kernel, (lent.kind, lent.serial), Ok(0), lent.memory);
    assert!(ready.is_some_and(|ready| ready.writable && ready.error && !ready.closed));
    let error = world.io.write(&mut world.kernel, b"d").unwrap_err();
    assert_eq!(error.raw_os_error().map(i32::unsigned_abs), Some(code::WRITE_FAULT));
}

#[test]
fn a_reader_who_is_behind_gets_more_room() {
    let mut io = PipeIo::<Bytes>::new(false);
    for _ in 0..10 {
        io.read_came(io.room, Bytes::new());
    }
    assert_eq!(io.room, ROOM.1);
    io.read_came(1, Bytes::new());
    assert_eq!(io.room, ROOM.1);
}

#[test]
fn an_event_says_what_failed() {
    for (code, error, closed) in [(code::BROKEN_PIPE, false, true), (CANCELLED, true, false)] {
        let mut world = connected();
        let lent = world.kernel.working.pop().unwrap();
        let what = (lent.kind, lent.serial);
        let ready = world.io.completed(&mut world.kernel, what, Err(code), lent.memory).unwrap();
        assert_eq!((ready.readable, ready.error, ready.closed), (true, error, closed));
    }
    let mut world = World::new(State::Listening, false);
    world.register(WRITE);
    world.connect();
    let lent = world.kernel.working.pop().unwrap();
    let what = (lent.kind, lent.serial);
    let ready = world.io.completed(&mut world.kernel, what, Err(CANCELLED), lent.memory).unwrap();
    assert_eq!((ready.writable, ready.error, ready.closed), (true, true, false));
    assert_eq!(world.io.take_error().and_then(|error| error.raw_os_error()), Some(995));
    assert!(world.io.take_error().is_none());
}

#[test]
fn what_is_left_of_a_message_is_read_next() {
    let mut world = connected();
    let mut lent = world.kernel.working.pop().unwrap();
    lent.memory.fill(b"abc");
    let ready = world.io.completed(&mut world.kernel, (lent.kind, lent.serial), Ok(3), lent.memory);
    assert!(ready.is_some_and(|ready| ready.readable));
    assert_eq!(world.io.read(&mut world.kernel, &mut []).unwrap(), 0);
    let mut buffer = *b"--";
    assert_eq!(world.io.read(&mut world.kernel, &mut buffer).unwrap(), 2);
    assert_eq!((&buffer, world.kernel.has_work(Kind::Read)), (b"ab", false));
    assert_eq!(world.io.read(&mut world.kernel, &mut buffer).unwrap(), 1);
    assert_eq!((buffer[0], world.kernel.has_work(Kind::Read)), (b'c', true));
}

/// A port that takes no notice.
struct Deaf(Fake);

impl Kernel for Deaf {
    type Memory = Bytes;

    fn submit(&mut self, kind: Kind, serial: u64, memory: Bytes) -> Result<usize, (u32, Bytes)> {
        self.0.submit(kind, serial, memory)
    }

    fn cancel(&mut self, address: usize) {
        self.0.cancel(address);
    }

    fn disconnect(&mut self) -> Result<(), u32> {
        self.0.disconnect()
    }

    fn post(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::OutOfMemory.into())
    }
}

#[test]
fn a_registration_that_fails_leaves_the_one_before() {
    let mut world = connected();
    world.poll();
    let before = world.io.registration;
    assert!(before.is_some());
    let mut deaf = Deaf(world.kernel.clone());
    assert!(world.io.register(&mut deaf, Token(9), WRITE).is_err());
    assert_eq!(world.io.registration, before);
}
