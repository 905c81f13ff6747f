//! Every order of what a user, a peer and the kernel do, to the end: from each world of the model every step is taken, until
//! no new world comes up.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::thread;

use super::model::*;
use super::*;

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

#[test]
fn it_is_registered_until_it_is_deregistered() {
    let mut world = World::new(State::Listening, false);
    assert!(!world.io.is_registered());
    for interest in [READ, WRITE] {
        world.register(interest);
        assert!(world.io.is_registered());
    }
    world.io.deregister();
    assert!(!world.io.is_registered());
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
    for kibibytes in [4, 8, 16, 32, 64, 64] {
        assert_eq!(io.room, kibibytes << 10);
        io.read_came(io.room, Bytes::new());
    }
    io.read_came(1, Bytes::new());
    assert_eq!(io.room, 64 << 10);
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

/// Who registered for reading alone is told of a write that fails, though not that it is writable.
#[test]
fn a_failure_of_a_direction_that_nobody_asked_for_is_told() {
    for (code, error, closed) in [(code::BROKEN_PIPE, false, true), (CANCELLED, true, false)] {
        let mut world = World::new(State::Connected, true);
        world.register(READ);
        world.kernel.full = true;
        assert_eq!(world.io.write(&mut world.kernel, b"a").unwrap(), 1);
        let lent = world.kernel.working.pop().unwrap();
        assert_eq!(lent.kind, Kind::Write);
        let what = (lent.kind, lent.serial);
        let ready = world.io.completed(&mut world.kernel, what, Err(code), lent.memory).unwrap();
        assert_eq!((ready.readable, ready.writable), (false, false));
        assert_eq!((ready.error, ready.closed), (error, closed));
    }
}

#[test]
fn what_was_told_is_not_told_again() {
    let mut world = connected();
    let lent = world.kernel.working.pop().unwrap();
    let what = (lent.kind, lent.serial);
    let ready = world.io.completed(&mut world.kernel, what, Err(code::BROKEN_PIPE), lent.memory);
    assert!(ready.is_some_and(|ready| ready.closed));
    assert_eq!(world.io.report(), None);
}

#[test]
fn a_client_is_waited_for_by_who_asked_before_it_was_registered() {
    for asked in [true, false] {
        let mut world = World::new(State::Listening, false);
        if asked {
            assert!(is_would_block(&world.io.connect_later()));
        }
        assert!(!world.kernel.has_work(Kind::Connect));
        world.register(WRITE);
        assert_eq!(world.kernel.has_work(Kind::Connect), asked);
    }
}

#[test]
fn who_waits_for_bytes_has_them_read_ahead() {
    for (state, interest, reads) in
        [(State::Connected, READ, true), (State::Connected, WRITE, false), (State::Listening, READ, false)]
    {
        let mut world = World::new(state, true);
        world.register(interest);
        assert_eq!(world.kernel.has_work(Kind::Read), reads, "{state:?}, {interest:?}");
    }
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
