//! A program with two polls and some links, and what it is owed.
//!
//! A direction is *owed* to a registration from when it is registered, reregistered or an operation would have blocked,
//! until an event tells of it. What is owed and, by the [`Ledger`], ready must come: at the next poll where the system
//! moves bytes at once and there is room, in the end everywhere. Each registration has a token of its own, so that an
//! event of the one before shows.

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

use poised::event::Event;
use poised::{Events, Interest, Poll, Registry, Token, Waker};

use crate::ends::{End, Kind};
use crate::ledger::Ledger;
use crate::ops::{Op, Which};
use crate::util::{expect_error, OnDrop, ON_KQUEUE, ON_POLL};

/// Whether the system goes on to report a file that has another descriptor when the registered one is closed. epoll does;
/// and the model of kqueue, which is made of epoll, when the number is that of a duplicate again.
const HAS_GHOSTS: bool = cfg!(unix) && !ON_POLL && (!ON_KQUEUE || cfg!(target_os = "linux"));

/// How many polls without waiting come to rest at the latest.
const ROUNDS: usize = 300;

/// How many sources there are at most.
const SOURCES: usize = 24;

/// Whether a program has failed in this process: what follows is shrinking, and there are many runs of it.
static SHRINKING: AtomicBool = AtomicBool::new(false);

/// Read by each program that runs, written by who starts a child.
static CHILDREN: RwLock<()> = RwLock::new(());

/// Keeps programs from running.
#[allow(dead_code)] // A fuzzer starts none.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    CHILDREN.write().unwrap_or_else(PoisonError::into_inner)
}

/// The bound of every wait, which only a lost event meets.
fn patience() -> Duration {
    // Relaxed: it is a hint.
    Duration::from_millis(if SHRINKING.load(Ordering::Relaxed) { 400 } else { 8_000 })
}

struct Desk {
    /// Away while another thread polls.
    poll: Option<Poll>,
    registry: Registry,
    waker: Waker,
    waker_token: Token,
    /// A wake that was not told of.
    rung: bool,
    /// Registrations of closed sources that have a duplicate, with link and side.
    ghosts: Vec<(Token, usize, usize)>,
}

struct Source {
    end: Box<dyn End>,
    link: usize,
    side: usize,
    registration: Option<Registration>,
    /// The poll that it was registered with first: that of a named pipe for good.
    home: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Registration {
    desk: usize,
    token: Token,
    interest: Interest,
    owed: Owed,
}

#[derive(Clone, Copy, Debug)]
struct Owed {
    read: bool,
    write: bool,
}

pub struct Program {
    desks: [Desk; 2],
    links: Vec<(Kind, Ledger)>,
    sources: Vec<Source>,
    tokens: usize,
}

impl Program {
    /// Runs a program over these links to its end.
    pub fn run(kinds: &[Kind], ops: &[Op], polls_end_first: bool) {
        let _no_child = CHILDREN.read().unwrap_or_else(PoisonError::into_inner);
        // Relaxed: it is a hint.
        let is_shrinking = SHRINKING.load(Ordering::Relaxed);
        // The first failure is printed, and of the smaller ones the last, by who shrinks.
        let hook = is_shrinking.then(panic::take_hook);
        if is_shrinking {
            panic::set_hook(Box::new(|_| {}));
        }
        let result = panic::catch_unwind(|| {
            let mut program = Program::new(kinds);
            ops.iter().for_each(|op| program.perform(op));
            program.end(polls_end_first);
        });
        hook.into_iter().for_each(panic::set_hook);
        if let Err(panic) = result {
            // Relaxed: it is a hint.
            SHRINKING.store(true, Ordering::Relaxed);
            panic::resume_unwind(panic);
        }
    }

    fn new(kinds: &[Kind]) -> Program {
        let desk = |number| {
            let poll = Poll::new().expect("a poll");
            let registry = poll.registry().try_clone().expect("a registry");
            let waker_token = Token(number);
            let waker = Waker::new(&registry, waker_token).expect("a waker");
            Desk { poll: Some(poll), registry, waker, waker_token, rung: false, ghosts: Vec::new() }
        };
        let links = kinds.iter().map(|&kind| (kind, Ledger::new(kind))).collect();
        let mut program = Program { desks: [0, 1].map(desk), links, sources: Vec::new(), tokens: 2 };
        (0..kinds.len()).for_each(|link| program.open(link));
        program
    }

    fn open(&mut self, link: usize) {
        let kind = self.links[link].0;
        self.links[link].1 = Ledger::new(kind);
        let source = |(side, end)| Source { end, link, side, registration: None, home: None };
        self.sources.extend(kind.pair().into_iter().enumerate().map(source));
    }

    fn perform(&mut self, op: &Op) {
        match *op {
            Op::Poll(desk, room, millis) => {
                self.poll(desk % 2, room, Duration::from_millis(millis));
            }
            Op::Settle(room) => self.settle(room),
            Op::Wake(desk) => self.wake(desk % 2),
            Op::RenewWaker(desk) => self.renew_waker(desk % 2),
            Op::Reopen(link) => self.reopen(link % self.links.len()),
            Op::Elsewhere(ref op) => thread::scope(|scope| pass(scope.spawn(|| self.perform(op)).join())),
            Op::Meanwhile(desk, ref op) => self.meanwhile(desk % 2, op),
            ref op if !self.sources.is_empty() => self.perform_on_source(op),
            _ => {}
        }
    }

    fn perform_on_source(&mut self, op: &Op) {
        let count = self.sources.len();
        let at = |which: Which| which % count;
        match *op {
            Op::Register(source, desk, interest) => self.register(at(source), desk % 2, interest),
            Op::Reregister(source, astray, interest) => self.reregister(at(source), astray, interest),
            Op::Deregister(source, astray) => self.deregister(at(source), astray),
            Op::Drop(source) => self.close(at(source)),
            Op::Duplicate(source) => self.duplicate(at(source)),
            Op::Write(source, length) => drop(self.write(at(source), length)),
            Op::Read(source, length) => drop(self.read(at(source), length)),
            Op::Drain(source) => while self.read(at(source), 64 << 10) {},
            Op::Fill(source) => while self.write(at(source), 64 << 10) {},
            Op::ShutDown(source, how) => self.shut_down(at(source), how),
            Op::Close(source) => {
                let Source { link, side, .. } = self.sources[at(source)];
                self.close_all(|source| (source.link, source.side) == (link, side));
            }
            _ => unreachable!("it is of no source: {op:?}"),
        }
    }

    fn next_token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens - 1)
    }

    fn register(&mut self, at: usize, desk: usize, interest: Interest) {
        let token = self.next_token();
        let is_haunted = self.is_haunted(at, desk);
        let source = &mut self.sources[at];
        let kind = self.links[source.link].0;
        if !may_go_to(kind, source, desk) {
            return;
        }
        let result = self.desks[desk].registry.register(&mut *source.end, token, interest);
        if source.registration.is_some() {
            expect_error(result, ErrorKind::AlreadyExists);
        } else if is_haunted && result.is_err() {
            // The kernel knows this number of this file already.
            expect_error(result, ErrorKind::AlreadyExists);
        } else {
            result.expect("register");
            let owed = Owed { read: interest.is_readable(), write: interest.is_writable() };
            source.registration = Some(Registration { desk, token, interest, owed });
            source.home = Some(source.home.unwrap_or(desk));
        }
    }

    fn reregister(&mut self, at: usize, astray: bool, interest: Interest) {
        let token = self.next_token();
        let (desk, astray) = self.desk_for(at, astray);
        let source = &mut self.sources[at];
        let result = self.desks[desk].registry.reregister(&mut *source.end, token, interest);
        match &mut source.registration {
            Some(registration) if !astray => {
                result.expect("reregister");
                let owed = Owed { read: interest.is_readable(), write: interest.is_writable() };
                *registration = Registration { token, interest, owed, ..*registration };
            }
            _ => self.expect_not_found(at, desk, result),
        }
    }

    fn deregister(&mut self, at: usize, astray: bool) {
        let (desk, astray) = self.desk_for(at, astray);
        let source = &mut self.sources[at];
        let result = self.desks[desk].registry.deregister(&mut *source.end);
        if source.registration.is_some() && !astray {
            result.expect("deregister");
            source.registration = None;
        } else {
            self.expect_not_found(at, desk, result);
        }
    }

    /// The poll of a registered source; or the other one, to ask for what is not there. Where a ghost may answer to the
    /// source's number, nobody goes astray: the source would believe it.
    fn desk_for(&self, at: usize, astray: bool) -> (usize, bool) {
        let desk = self.sources[at].registration.map_or(0, |it| it.desk);
        let astray = astray && !self.is_haunted(at, desk ^ 1);
        (desk ^ usize::from(astray), astray)
    }

    fn is_haunted(&self, at: usize, desk: usize) -> bool {
        let Source { link, side, .. } = self.sources[at];
        self.desks[desk].ghosts.iter().any(|ghost| (ghost.1, ghost.2) == (link, side))
    }

    /// A source that does not know by itself may meet the kernel's entry of a ghost.
    #[track_caller]
    fn expect_not_found(&mut self, at: usize, desk: usize, result: io::Result<()>) {
        if !self.is_haunted(at, desk) || result.is_err() {
            expect_error(result, ErrorKind::NotFound);
        }
    }

    fn duplicate(&mut self, at: usize) {
        let Source { link, side, .. } = self.sources[at];
        if self.sources.len() < SOURCES {
            if let Ok(end) = self.sources[at].end.duplicate() {
                self.sources.push(Source { end, link, side, registration: None, home: None });
            }
        }
    }

    /// Reads once; whether there may be more.
    fn read(&mut self, at: usize, length: usize) -> bool {
        let source = &mut self.sources[at];
        let (kind, ledger) = &mut self.links[source.link];
        if !ledger.reads(source.side) {
            return false;
        }
        // A datagram that is cut off is an error on some systems.
        let mut buffer = vec![0; if ledger.is_datagrams() { 8 << 10 } else { length }];
        match source.end.receive(&mut buffer) {
            Ok(count) => {
                ledger.received(source.side, &buffer[..count]);
                if let (0, false, Some(registration)) = (count, ledger.ends_for_good(), &mut source.registration) {
                    registration.owed.read = false;
                }
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if let Some(registration) = &mut source.registration {
                    registration.owed.read = registration.interest.is_readable();
                }
                false
            }
            Err(error) => {
                assert!(!ledger.is_sound(), "reading from {kind:?}: {error}");
                ledger.failed();
                false
            }
        }
    }

    /// Writes once; whether there may be room for more.
    fn write(&mut self, at: usize, length: usize) -> bool {
        let source = &mut self.sources[at];
        let (kind, ledger) = &mut self.links[source.link];
        if !ledger.may_send(source.side) {
            return false;
        }
        let mut bytes = vec![0; if ledger.is_datagrams() { length.min(512) } else { length }];
        ledger.fill(source.side, &mut bytes);
        match source.end.send(&bytes) {
            Ok(count) => {
                ledger.sent(source.side, count);
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                ledger.send_blocked(source.side);
                if let Some(registration) = &mut source.registration {
                    registration.owed.write = registration.interest.is_writable();
                }
                false
            }
            Err(error) => {
                assert!(!ledger.is_sound(), "writing to {kind:?}: {error}");
                ledger.failed();
                false
            }
        }
    }

    fn shut_down(&mut self, at: usize, how: Shutdown) {
        let source = &self.sources[at];
        match source.end.shut_down(how) {
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            Ok(()) => self.links[source.link].1.shut_down(source.side, how),
            Err(_) => self.links[source.link].1.failed(),
        }
    }

    fn close(&mut self, at: usize) {
        #[cfg(unix)]
        if self.links[self.sources[at].link].0 == Kind::SourceFd && self.sources[at].registration.is_some() {
            // It does not know when it is closed.
            self.deregister(at, false);
        }
        let Source { link, side, registration, .. } = self.sources.swap_remove(at);
        let has_more = self.sources.iter().any(|other| (other.link, other.side) == (link, side));
        if !has_more {
            self.links[link].1.closed(side);
            self.desks.iter_mut().for_each(|desk| desk.ghosts.retain(|ghost| (ghost.1, ghost.2) != (link, side)));
        } else if let (true, Some(registration)) = (HAS_GHOSTS, registration) {
            self.desks[registration.desk].ghosts.push((registration.token, link, side));
        }
    }

    fn close_all(&mut self, which: impl Fn(&Source) -> bool) {
        while let Some(at) = self.sources.iter().position(&which) {
            self.close(at);
        }
    }

    fn reopen(&mut self, link: usize) {
        self.close_all(|source| source.link == link);
        self.open(link);
    }

    fn wake(&mut self, desk: usize) {
        self.desks[desk].waker.wake().expect("wake");
        self.desks[desk].rung = true;
    }

    fn renew_waker(&mut self, desk: usize) {
        let token = self.next_token();
        let desk = &mut self.desks[desk];
        desk.waker = Waker::new(&desk.registry, token).expect("a waker");
        (desk.waker_token, desk.rung) = (token, false);
    }
}

/// Whether a source may be registered there: a named pipe stays with one poll, and a `SourceFd` may go to both.
fn may_go_to(kind: Kind, source: &Source, desk: usize) -> bool {
    let desk_before = source.registration.map(|it| it.desk);
    match kind {
        #[cfg(unix)]
        Kind::SourceFd => desk_before.map_or(true, |it| it == desk),
        #[cfg(windows)]
        Kind::NamedPipe => desk_before.is_some() || source.home.map_or(true, |it| it == desk),
        _ => true,
    }
}

/// What a thread came to.
fn pass<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| panic::resume_unwind(panic))
}

/// Polling, and what comes of it.
impl Program {
    /// Polls once; how many events came.
    fn poll(&mut self, desk: usize, room: usize, timeout: Duration) -> usize {
        let Some(mut poll) = self.desks[desk].poll.take() else { return 0 };
        let has_room = room > self.most_events(desk);
        let prompt = if has_room { self.debts(desk, true) } else { Vec::new() };
        let events = poll_once(&mut poll, room, timeout);
        self.desks[desk].poll = Some(poll);
        events.iter().for_each(|event| self.take(desk, event, &[]));
        let late = self.debts(desk, true);
        let late: Vec<_> = prompt.iter().filter(|debt| late.contains(debt)).collect();
        assert!(late.is_empty(), "not told by the next poll: {late:?}");
        events.len()
    }

    /// As many as one poll may give: kqueue's events are of one direction each.
    fn most_events(&self, desk: usize) -> usize {
        2 * self.sources.len() + self.desks[desk].ghosts.len() + 1
    }

    /// Takes an event. `before` is what may have ended since it was made.
    fn take(&mut self, desk: usize, event: &Event, before: &[(Token, Interest)]) {
        let token = event.token();
        let mine = |it: &&mut Registration| (it.desk, it.token) == (desk, token);
        let found = self.sources.iter_mut().filter_map(|source| source.registration.as_mut()).find(mine);
        if let Some(registration) = found {
            check_interest(event, registration.interest);
            let owed = &mut registration.owed;
            owed.read &= !(event.is_readable() || event.is_read_closed() || event.is_error());
            owed.write &= !(event.is_writable() || event.is_write_closed() || event.is_error());
        } else if token == self.desks[desk].waker_token {
            assert!(event.is_readable(), "a wake that is not readable: {event:?}");
            self.desks[desk].rung = false;
        } else {
            let is_ghost = self.desks[desk].ghosts.iter().any(|ghost| ghost.0 == token);
            let ended = before.iter().find(|it| it.0 == token);
            assert!(is_ghost || ended.is_some(), "an event of a registration that has ended: {event:?}");
            if let Some((_, interest)) = ended {
                check_interest(event, *interest);
            }
        }
    }

    /// What must be told; of `prompt`, by the next poll.
    fn debts(&self, desk: usize, prompt: bool) -> Vec<(Token, &'static str)> {
        let mut debts = Vec::new();
        debts.extend(self.desks[desk].rung.then_some((self.desks[desk].waker_token, "woken")));
        for source in &self.sources {
            let Some(registration) = source.registration.filter(|it| it.desk == desk) else { continue };
            let ledger = &self.links[source.link].1;
            if prompt && !ledger.is_prompt() {
                continue;
            }
            let Registration { token, owed, .. } = registration;
            debts.extend((owed.read && ledger.is_readable(source.side)).then_some((token, "readable")));
            debts.extend((owed.write && ledger.is_writable(source.side)).then_some((token, "writable")));
        }
        debts
    }

    fn settle(&mut self, room: usize) {
        let deadline = Instant::now() + patience();
        loop {
            let debts = [0, 1].map(|desk| if self.is_here(desk) { self.debts(desk, false) } else { Vec::new() });
            let Some(desk) = debts.iter().position(|debts| !debts.is_empty()) else { break };
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "readiness was lost: {debts:?}");
            self.poll(desk, room, self.slice(left));
            if self.slice(left) < left {
                self.poll(1 - desk, room, Duration::ZERO);
            }
        }
        [0, 1].into_iter().for_each(|desk| self.come_to_rest(desk, room));
    }

    /// How long one poll may wait. What moves the bytes of a named pipe is that both its ends are polled.
    fn slice(&self, left: Duration) -> Duration {
        #[cfg(windows)]
        if self.links.iter().any(|(kind, _)| *kind == Kind::NamedPipe) {
            return left.min(Duration::from_millis(10));
        }
        left
    }

    fn is_here(&self, desk: usize) -> bool {
        self.desks[desk].poll.is_some()
    }

    fn come_to_rest(&mut self, desk: usize, room: usize) {
        let rests = (0..ROUNDS).any(|_| self.poll(desk, room, Duration::ZERO) == 0);
        assert!(rests, "poll after poll has events, though nothing happens");
    }

    /// Does something while another thread polls, which must end the poll by itself if it makes anything ready.
    fn meanwhile(&mut self, desk: usize, op: &Op) {
        let Some(mut poll) = self.desks[desk].poll.take() else { return };
        let before = self.told_of(desk);
        let is_done = AtomicBool::new(false);
        let (events, lag) = thread::scope(|scope| {
            let poller = scope.spawn(|| (poll_beyond(&mut poll, &is_done), Instant::now()));
            let done = {
                let _end = OnDrop(&is_done);
                self.perform(op);
                if self.debts(desk, false).is_empty() {
                    self.wake(desk);
                }
                Instant::now()
            };
            let (events, end) = pass(poller.join());
            (events, end.saturating_duration_since(done))
        });
        self.desks[desk].poll = Some(poll);
        assert!(!events.is_empty(), "it slept through {:?}", self.debts(desk, false));
        assert!(lag < patience(), "it came when the time was over: {events:?}");
        events.iter().for_each(|event| self.take(desk, event, &before));
    }

    /// All that a poll may tell of, by token and interest.
    fn told_of(&self, desk: usize) -> Vec<(Token, Interest)> {
        const ANY: Interest = Interest::READABLE.add(Interest::WRITABLE);
        let registered = self.sources.iter().filter_map(|source| source.registration).filter(|it| it.desk == desk);
        let desk = &self.desks[desk];
        let ghosts = desk.ghosts.iter().map(|ghost| (ghost.0, ANY));
        registered.map(|it| (it.token, it.interest)).chain(ghosts).chain([(desk.waker_token, ANY)]).collect()
    }

    fn end(mut self, polls_end_first: bool) {
        self.settle(3);
        // What is ready is told to who asks anew.
        for at in 0..self.sources.len() {
            if self.sources[at].registration.is_some() {
                self.reregister(at, false, Interest::READABLE | Interest::WRITABLE);
            }
        }
        self.settle(64);
        let Program { desks, sources, .. } = self;
        if polls_end_first {
            drop(desks);
        }
        drop(sources);
    }
}

/// Polls until there is an event, also when what another thread does takes long; but once only after that is done. Each
/// poll lasts long enough to tell an event that ends it from one that is found when its time is over.
fn poll_beyond(poll: &mut Poll, is_done: &AtomicBool) -> Vec<Event> {
    let mut events = Events::with_capacity(64);
    loop {
        // Acquire: a poll that begins after the end finds what was done.
        let is_last = is_done.load(Ordering::Acquire);
        poll.poll(&mut events, Some(4 * patience())).expect("poll");
        if is_last || !events.is_empty() {
            return events.iter().cloned().collect();
        }
    }
}

fn poll_once(poll: &mut Poll, room: usize, timeout: Duration) -> Vec<Event> {
    let mut events = Events::with_capacity(room);
    let start = Instant::now();
    poll.poll(&mut events, Some(timeout)).expect("poll");
    // Who waits so long waits for something that is owed.
    let is_late = events.iter().next().is_some() && timeout > Duration::from_millis(300) && start.elapsed() >= timeout;
    assert!(!is_late, "it came when the time was over: {events:?}");
    let events: Vec<_> = events.iter().cloned().collect();
    assert!(events.len() <= room, "more events than there was room for");
    events
}

fn check_interest(event: &Event, interest: Interest) {
    assert!(!event.is_readable() || interest.is_readable(), "nobody reads: {event:?}");
    assert!(!event.is_writable() || interest.is_writable(), "nobody writes: {event:?}");
}
