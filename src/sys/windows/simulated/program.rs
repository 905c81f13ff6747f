//! A program with two selectors and a few sockets, and what it is owed.
//!
//! One [`Op`] is what it does, or what happens to it. What comes of it is compared with what was promised: each event must
//! be of something that lasts (P04, P07, P08), be wanted (P05) and not be told twice (P02); what is ready and not told
//! yet must come while there is room and time (P01, P03, P11), as must wakes (P15); a wait does not end before its
//! time without an event (P12). [`Program::end`] has everything come to rest, looks that nothing is owed, and that all
//! is given back.

use std::sync::Arc;
use std::time::Duration;

use super::kernel::{Machine, REFUSED};
use crate::sys::windows::event::{Conditions, Event};
use crate::sys::windows::iocp::CompletionStatus;
use crate::sys::windows::registration::Registration;
use crate::sys::windows::selector::Selector;
use crate::sys::windows::waker::Waker;
use crate::sys::windows::{named_pipe, AFD_KEY, WAKER_KEY};
use crate::sys::{RawSource, Readiness, Selector as _};
use crate::{Interest, Token};

type C = Conditions;

/// How many sockets and selectors there are.
pub(super) const SOCKETS: usize = 5;
pub(super) const SELECTORS: usize = 2;

/// Tokens of wakers and of pipes; those of registrations are smaller.
const WAKERS: usize = 1 << 20;
const PIPES: usize = 1 << 21;

/// Which socket or selector, counted round.
type Which = usize;

#[derive(Clone, Debug)]
pub(super) enum Op {
    Register(Which, Which, Interest),
    Reregister(Which, Interest),
    Deregister(Which),
    /// The registration is dropped as it is.
    Drop(Which),
    /// The socket's registration moves to the other selector.
    Move(Which),
    /// An operation takes what there is, and blocks.
    Block(Which, Interest),
    Happen(Which, Conditions),
    /// The socket is closed behind its registration's back; with `true` another handle of it stays open.
    Close(Which, bool),
    /// The registration is dropped, the socket closed, and its number is that of a new one.
    Reopen(Which),
    Wait(Which, usize, u64),
    /// Waits for ever if something is owed.
    WaitForEver(Which, usize),
    Wake(Which),
    /// The waker is replaced by another one.
    RenewWaker(Which),
    /// A packet of a pipe.
    Pipe(Which),
    /// A packet of nobody.
    Foreign(Which, usize, usize),
    /// The kernel refuses some submissions.
    Refuse(usize),
    /// The kernel takes no more than this many packets at once.
    Batch(usize),
    /// The poll of a socket ends with an error.
    Fail(Which),
    /// It ends without a condition, since another pushed it out.
    PushOut(Which),
    /// It ends with conditions that were not asked for.
    Stray(Which),
    Pass(u64),
}

struct Registered {
    registration: Registration,
    selector: usize,
    token: Token,
    interest: Interest,
    /// What must be told if it holds.
    owed: Conditions,
    /// What may be told: more than is owed where an event does not show what it was.
    due: Conditions,
    /// Ends that were told.
    gone: Conditions,
    /// Closed behind its back: nothing is owed any more.
    closed: bool,
}

struct Desk {
    selector: Selector,
    waker: Waker,
    waker_token: Token,
    rung: bool,
    /// Pipes whose packet is in the port.
    pipes: Vec<Token>,
}

pub(super) struct Program {
    machine: Arc<Machine>,
    desks: Vec<Desk>,
    sources: Vec<Option<Registered>>,
    /// What ended for the program, in ways that are no longer watched: kept to see that it does no harm.
    tokens: usize,
    numbers: usize,
}

fn handle(socket: usize) -> RawSource {
    RawSource::try_from(10 + socket).expect("a few sockets")
}

/// An error is what the next operation gives, whatever its direction.
const FAILED: Conditions = C::ENDS;

impl Program {
    pub(super) fn new() -> Program {
        let machine = Machine::boot();
        let desk = |number| {
            let selector = Selector::new().expect("a selector");
            let waker_token = Token(WAKERS + number);
            let waker = selector.waker(waker_token).expect("a waker");
            Desk { selector, waker, waker_token, rung: false, pipes: Vec::new() }
        };
        (0..SOCKETS).for_each(|socket| machine.open(handle(socket)));
        let desks = (0..SELECTORS).map(desk).collect();
        Program { machine, desks, sources: (0..SOCKETS).map(|_| None).collect(), tokens: 0, numbers: SELECTORS }
    }

    pub(super) fn run(&mut self, op: Op) {
        match op {
            Op::Register(socket, selector, interest) => self.register(socket % SOCKETS, selector % SELECTORS, interest),
            Op::Reregister(socket, interest) => self.reregister(socket % SOCKETS, interest),
            Op::Deregister(socket) => self.deregister(socket % SOCKETS),
            Op::Drop(socket) => drop(self.sources[socket % SOCKETS].take()),
            Op::Move(socket) => self.move_over(socket % SOCKETS),
            Op::Block(socket, direction) => self.block(socket % SOCKETS, direction),
            Op::Happen(socket, conditions) => self.machine.happen(handle(socket % SOCKETS), conditions),
            Op::Close(socket, keep) => self.close(socket % SOCKETS, keep),
            Op::Reopen(socket) => self.reopen(socket % SOCKETS),
            Op::Wait(selector, capacity, millis) => {
                self.wait(selector % SELECTORS, capacity, Some(Duration::from_millis(millis)));
            }
            Op::WaitForEver(selector, capacity) => {
                if self.is_owed(selector % SELECTORS) {
                    self.wait(selector % SELECTORS, capacity, None);
                }
            }
            Op::Wake(selector) => self.wake(selector % SELECTORS),
            Op::RenewWaker(selector) => self.renew_waker(selector % SELECTORS),
            Op::Pipe(selector) => self.pipe(selector % SELECTORS),
            Op::Foreign(selector, key, address) => self.foreign(selector % SELECTORS, key, address),
            Op::Refuse(count) => self.machine.set_faults(|faults| faults.refused = count),
            Op::Batch(count) => self.machine.set_faults(|faults| faults.batch = Some(count)),
            Op::Fail(socket) => self.machine.end(handle(socket % SOCKETS), REFUSED, C::NONE),
            Op::PushOut(socket) => self.lose(socket % SOCKETS, C::NONE),
            Op::Stray(socket) => self.lose(socket % SOCKETS, C::EXPEDITED | C::SEND),
            Op::Pass(millis) => self.machine.pass(Duration::from_millis(millis)),
        }
        self.machine.check();
    }

    fn register(&mut self, socket: usize, selector: usize, interest: Interest) {
        if self.sources[socket].is_some() {
            return; // An `IoSource` refuses that by itself.
        }
        let token = self.next_token();
        let result = self.desks[selector].selector.register(handle(socket), token, interest);
        if !self.machine.is_open(handle(socket)) {
            assert!(result.is_err(), "a closed socket was registered");
            return;
        }
        let registration = result.expect("nobody waits, so that it is queued");
        let owed = C::of(interest);
        let rest = (C::NONE, false);
        let registered =
            Registered { registration, selector, token, interest, owed, due: owed, gone: rest.0, closed: rest.1 };
        self.sources[socket] = Some(registered);
    }

    fn next_token(&mut self) -> Token {
        self.tokens += 1;
        Token(self.tokens)
    }

    fn reregister(&mut self, socket: usize, interest: Interest) {
        let token = self.next_token();
        let Some(source) = &mut self.sources[socket] else { return };
        let other = &self.desks[1 - source.selector].selector;
        assert!(other.reregister(&mut source.registration, handle(socket), token, interest).is_err());
        let own = &self.desks[source.selector].selector;
        own.reregister(&mut source.registration, handle(socket), token, interest).expect("it is registered");
        (source.token, source.interest, source.gone) = (token, interest, C::NONE);
        (source.owed, source.due) = (C::of(interest), C::of(interest));
    }

    fn deregister(&mut self, socket: usize) {
        let Some(mut source) = self.sources[socket].take() else { return };
        let (own, other) = (&self.desks[source.selector].selector, &self.desks[1 - source.selector].selector);
        assert!(other.deregister(&source.registration, handle(socket)).is_err());
        own.deregister(&source.registration, handle(socket)).expect("it is registered");
        assert!(own.deregister(&source.registration, handle(socket)).is_err());
        assert!(own.reregister(&mut source.registration, handle(socket), Token(0), source.interest).is_err());
        // An operation may still block; dropping what has ended must not end what came after it.
        Selector::rearm(&source.registration, source.interest).expect("it is nothing");
    }

    fn move_over(&mut self, socket: usize) {
        let Some((selector, interest)) = self.sources[socket].as_ref().map(|it| (it.selector, it.interest)) else {
            return;
        };
        self.deregister(socket);
        self.register(socket, 1 - selector, interest);
    }

    fn block(&mut self, socket: usize, direction: Interest) {
        let level = self.machine.level(handle(socket));
        if level.intersects(FAILED - C::DISCONNECT) || !self.machine.is_open(handle(socket)) {
            return; // It gives an error.
        }
        let is_read = direction.is_readable();
        self.machine.drain(handle(socket), if is_read { C::READING | C::EXPEDITED } else { C::SEND });
        if is_read && level.intersects(C::DISCONNECT) {
            return; // It gives the end of the stream.
        }
        let Some(source) = &mut self.sources[socket] else { return };
        Selector::rearm(&source.registration, direction).expect("nobody waits, so that it is queued");
        let taken = if is_read { C::direction(direction) | C::EXPEDITED } else { C::direction(direction) };
        let armed = (C::of(source.interest) - source.gone) & (taken | C::ENDS);
        source.owed |= armed;
        source.due |= armed;
    }

    fn close(&mut self, socket: usize, keep: bool) {
        if keep && self.machine.is_open(handle(socket)) {
            self.numbers += 1;
            self.machine.duplicate(handle(socket), handle(SOCKETS + self.numbers));
        }
        self.machine.close(handle(socket));
        if let Some(source) = &mut self.sources[socket] {
            source.closed = true;
        }
    }

    fn reopen(&mut self, socket: usize) {
        drop(self.sources[socket].take());
        self.machine.close(handle(socket));
        self.machine.open(handle(socket));
    }

    /// A poll ends for nothing; AFD does so by itself, and the shell must poll again.
    fn lose(&mut self, socket: usize, conditions: Conditions) {
        let interest = self.sources[socket].as_ref().map(|source| C::of(source.interest));
        self.machine.end(handle(socket), 0, conditions - interest.unwrap_or(C::NONE));
    }

    fn wake(&mut self, selector: usize) {
        Selector::wake(&self.desks[selector].waker).expect("a wake");
        self.desks[selector].rung = true;
    }

    fn renew_waker(&mut self, selector: usize) {
        self.numbers += 1;
        let desk = &mut self.desks[selector];
        let token = Token(WAKERS + self.numbers);
        desk.waker = desk.selector.waker(token).expect("a waker");
        (desk.waker_token, desk.rung) = (token, false);
    }

    fn pipe(&mut self, selector: usize) {
        self.numbers += 1;
        let token = PIPES + self.numbers;
        let bytes = u32::try_from(token).expect("a small number");
        let packet = CompletionStatus::new(bytes, named_pipe::KEY, std::ptr::null_mut());
        self.desks[selector].selector.port().post(packet).expect("a packet");
        self.desks[selector].pipes.push(Token(token));
    }

    fn foreign(&mut self, selector: usize, key: usize, address: usize) {
        let port = self.desks[selector].selector.port();
        // Nobody could tell a packet with the address of a poll that goes on from the real one: it is none of these.
        let (bytes, key, address) = match key % 3 {
            0 => (0, AFD_KEY, if address % 2 == 0 { 0 } else { 1000 + address }),
            1 => (u32::MAX - u32::try_from(self.numbers).expect("a small number"), WAKER_KEY, address),
            _ => (0, 3 + key, address),
        };
        self.numbers += 1;
        port.post(CompletionStatus::new(bytes, key, address as *mut _)).expect("a packet");
    }

    /// Whether a wait may be for ever.
    fn is_owed(&self, selector: usize) -> bool {
        let desk = &self.desks[selector];
        let is_owed = |(socket, source): (usize, &Option<Registered>)| {
            let level = self.machine.level(handle(socket));
            source.as_ref().is_some_and(|it| it.selector == selector && !it.closed && level.intersects(it.owed))
        };
        desk.rung || !desk.pipes.is_empty() || self.sources.iter().enumerate().any(is_owed)
    }

    /// How many events came.
    fn wait(&mut self, selector: usize, capacity: usize, timeout: Option<Duration>) -> usize {
        let mut events = Vec::with_capacity(capacity);
        let (start, capacity) = (self.machine.time(), events.capacity());
        self.desks[selector].selector.wait(&mut events, timeout).expect("a wait");
        assert_eq!(events.capacity(), capacity, "the list grew");
        let passed = self.machine.time() - start;
        assert!(!events.is_empty() || timeout.is_some_and(|timeout| passed >= timeout), "back after {passed:?}");
        assert!(timeout != Some(Duration::ZERO) || passed.is_zero(), "it blocked");
        events.iter().for_each(|event| self.take(selector, event));
        events.len()
    }

    fn take(&mut self, selector: usize, event: &Event) {
        let desk = &mut self.desks[selector];
        if event.token().0 >= PIPES {
            let at = desk.pipes.iter().position(|&token| token == event.token()).expect("a pipe's only event");
            desk.pipes.remove(at);
        } else if event.token().0 >= WAKERS {
            assert_eq!((event.token(), desk.rung), (desk.waker_token, true), "a waker that nobody rang");
            desk.rung = false;
        } else {
            let is_it = |source: &&mut Registered| source.token == event.token() && source.selector == selector;
            let source = self.sources.iter_mut().flatten().find(is_it);
            source.unwrap_or_else(|| panic!("of a registration that has ended: {event:?}")).take(event);
        }
    }

    /// Everything comes to rest, and ends; one selector before its registrations, one after them.
    pub(super) fn end(mut self) {
        self.machine.set_faults(|faults| *faults = super::kernel::Faults::default());
        for selector in 0..SELECTORS {
            while self.wait(selector, 3, Some(Duration::from_millis(100))) > 0 {}
            assert!(!self.is_owed(selector), "readiness was lost: {}", self.debts());
        }
        self.churn();
        drop(self.desks.pop());
        drop(self.sources);
        drop(self.desks);
        self.machine.check_end();
    }

    fn debts(&self) -> String {
        let debt = |(socket, source): (usize, &Option<Registered>)| {
            let level = self.machine.level(handle(socket));
            source.as_ref().map(|it| format!("{socket}: {level:?}, owed {:?}", it.owed))
        };
        self.sources.iter().enumerate().filter_map(debt).collect::<Vec<_>>().join("; ")
    }

    /// Slots are used again.
    fn churn(&mut self) {
        let before = self.machine.counts().devices;
        drop(self.sources[0].take());
        self.reopen(0);
        for _ in 0..40 {
            self.register(0, 0, Interest::READABLE);
            self.wait(0, 4, Some(Duration::ZERO));
            self.deregister(0);
            self.wait(0, 4, Some(Duration::ZERO));
        }
        assert!(self.machine.counts().devices <= before.max(1) + 1, "slots are not used again");
    }
}

impl Registered {
    fn take(&mut self, event: &Event) {
        let (interest, due) = (self.interest, self.due);
        if event.is_readable() {
            assert!(interest.is_readable() || interest.is_priority(), "nobody reads: {event:?}");
            assert!(due.intersects(C::READING | C::EXPEDITED | C::ENDS), "told twice: {event:?}");
        }
        if event.is_writable() {
            assert!(interest.is_writable(), "nobody writes: {event:?}");
            assert!(due.intersects(C::SEND | C::ENDS), "told twice: {event:?}");
        }
        assert!(!event.is_error() || due.intersects(C::ENDS), "told twice: {event:?}");
        if event.is_error() {
            (self.owed, self.due) = (C::NONE, C::NONE);
            self.gone |= if event.is_write_closed() { C::ABORT } else { C::NONE };
            return;
        }
        let mut told = C::NONE;
        if event.is_readable() {
            told |= C::READING;
        }
        if event.is_read_closed() {
            told |= C::DISCONNECT;
            self.gone |= C::DISCONNECT;
        }
        if event.is_writable() {
            told |= C::SEND;
        }
        self.owed = self.owed - told;
        // Readable it is by either kind of bytes.
        self.due = self.due - if event.is_priority() { (told - C::READING) | C::EXPEDITED } else { told };
        if event.is_priority() {
            self.owed = self.owed - C::EXPEDITED;
        }
    }
}
