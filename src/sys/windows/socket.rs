//! One registered socket, as a machine of states: when it must be polled, what for, and what its packets mean.
//!
//! `\Device\Afd` can be asked to complete an operation when one of some conditions holds of a socket: a *poll*. It is
//! one-shot, level-triggered, and each costs a call; a registration is edge-triggered and lasts. [`Socket`] makes the one
//! of the other. It is pure: it says what to do by a [`Step`], and the selector does it. So all of it is compiled and
//! explored on every platform, in `model`.
//!
//! What it relies on: each method runs under the lock of the socket's slot, and so does the step it gives, so that no
//! other thread comes between; each poll that was submitted, and each alone, brings one packet, cancelled or not.
//!
//! What it promises:
//!
//! * Two polls of one socket are never in the kernel. AFD mixes up their answers (python-trio, `notes-to-self/afd-lab.py`).
//! * A condition is asked for again only when an operation blocked that waits for it, so a message costs one poll.
//! * When nobody waits for a direction, the ends of the connection alone are left to watch. That is put off for a moment
//!   ([`Need::Later`]): most often an operation blocks soon, and one poll watches both.
//! * A slot is free only when the kernel has no poll of it. So no packet can meet the slot's next socket; what a handle
//!   from outside may be late with carries the slot's [generation](Socket::generation).

use super::event::{Conditions, Event};
use crate::{Interest, Token};

/// What is in the kernel.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Flight {
    /// Nothing: the memory lent to the kernel is ours.
    Idle,
    /// A poll; its packet comes when a condition holds.
    Pending,
    /// A poll that was cancelled; its packet comes soon, and says so, unless the poll ended before.
    Cancelled,
}

/// Who has the slot.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Owner {
    /// Nobody: it may be registered into.
    Free,
    /// A registration.
    Registered,
    /// A registration that ended while a poll was in the kernel: the packet frees the slot.
    Leaving,
}

/// What the caller has to do in the kernel, still under the lock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(super) enum Step {
    Nothing,
    /// Submit a poll for these conditions; [`Socket::refused`] when that fails.
    Poll(Conditions),
    /// Cancel the poll. Whether it is still there does not matter: its packet comes.
    Cancel,
    /// Give the slot away: the kernel holds nothing of it.
    Free,
}

/// Whether a socket must be seen to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Need {
    Nothing,
    /// Somebody waits for a condition that no poll asks for.
    Update,
    /// Nobody waits, but the connection may end.
    Later,
}

/// How a poll ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Outcome {
    /// These conditions hold. None is possible: another poll may have pushed this one out.
    Ready(Conditions),
    Cancelled,
    Failed,
}

/// A socket, or the empty slot of one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Socket {
    token: Token,
    generation: u32,
    /// All that the registration watches; the ends go out of it when they are told.
    wanted: Conditions,
    /// The part of `wanted` that was not told since it was asked for.
    armed: Conditions,
    /// What the poll in the kernel asks for.
    asked: Conditions,
    flight: Flight,
    owner: Owner,
    /// Whether it stands in the update queue. Stays with the slot when its owner changes: an update does what is right
    /// for who has it then.
    queued: bool,
    /// Whether it stands in the list of those to be seen to later. Likewise.
    listed: bool,
    /// Whether something was told of it since [`Socket::is_calm`] was asked last.
    stirred: bool,
}

impl Socket {
    /// An empty slot.
    pub(super) const fn free() -> Socket {
        Socket {
            token: Token(0),
            generation: 0,
            wanted: Conditions::NONE,
            armed: Conditions::NONE,
            asked: Conditions::NONE,
            flight: Flight::Idle,
            owner: Owner::Free,
            queued: false,
            listed: false,
            stirred: false,
        }
    }

    /// Which of the slot's registrations this is: a number that no other has for 2³² registrations.
    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether the registration of this generation still has the slot.
    pub(super) fn belongs_to(&self, generation: u32) -> bool {
        self.owner == Owner::Registered && self.generation == generation
    }

    /// Takes the free slot for a registration. It is polled with the next update: what holds by then is told.
    pub(super) fn register(&mut self, token: Token, interest: Interest) {
        debug_assert!(self.owner == Owner::Free && self.flight == Flight::Idle);
        self.owner = Owner::Registered;
        self.reregister(token, interest);
    }

    /// Watches for `interest` from now on, all of it as if nothing had been told.
    pub(super) fn reregister(&mut self, token: Token, interest: Interest) {
        self.token = token;
        self.wanted = Conditions::of(interest);
        self.armed = self.wanted;
    }

    /// Ends the registration. A poll in the kernel is cancelled, and its packet frees the slot.
    pub(super) fn deregister(&mut self) -> Step {
        self.wanted = Conditions::NONE;
        self.armed = Conditions::NONE;
        match self.flight {
            Flight::Idle => self.leave(),
            Flight::Pending => {
                self.owner = Owner::Leaving;
                self.flight = Flight::Cancelled;
                Step::Cancel
            }
            Flight::Cancelled => {
                self.owner = Owner::Leaving;
                Step::Nothing
            }
        }
    }

    fn leave(&mut self) -> Step {
        self.owner = Owner::Free;
        self.generation = self.generation.wrapping_add(1);
        Step::Free
    }

    /// An operation of `direction` would have blocked: watches that direction again, and the ends that were not told.
    pub(super) fn rearm(&mut self, direction: Interest) {
        let mut conditions = Conditions::direction(direction);
        if direction.is_readable() {
            // Who reads takes out-of-band data too, one way or the other.
            conditions |= Conditions::EXPEDITED;
        }
        self.armed |= self.wanted & (conditions | Conditions::ENDS);
    }

    /// Whether something is to be done in the kernel.
    pub(super) fn need(&self) -> Need {
        match self.flight {
            // The packet asks again.
            Flight::Cancelled => Need::Nothing,
            Flight::Pending if self.asked.contains(self.armed) => Need::Nothing,
            Flight::Pending => Need::Update,
            Flight::Idle if self.armed.intersects(Conditions::AWAITED) => Need::Update,
            Flight::Idle if self.armed.intersects(Conditions::ENDS) => Need::Later,
            Flight::Idle => Need::Nothing,
        }
    }

    /// Whether it is to be queued, when its need was `before`: for an update, or since it is from now on to be seen to later.
    /// That the thread which waits may have it on its list does not matter: it sleeps as long as it takes when it knew of
    /// nobody to see to.
    pub(super) fn is_due(&self, before: Need) -> bool {
        match self.need() {
            Need::Nothing => false,
            Need::Update => true,
            Need::Later => before != Need::Later,
        }
    }

    /// Brings the kernel up to date with what is armed: a poll where there is none, and where there is one that asks for
    /// too little its end, since two must not be.
    pub(super) fn update(&mut self) -> Step {
        match (self.need(), self.flight) {
            (Need::Update, Flight::Pending) => {
                self.flight = Flight::Cancelled;
                Step::Cancel
            }
            (Need::Update | Need::Later, Flight::Idle) => {
                self.flight = Flight::Pending;
                self.asked = self.armed | Conditions::LOCAL_CLOSE;
                Step::Poll(self.asked)
            }
            _ => Step::Nothing,
        }
    }

    /// The poll was not taken by the kernel, so no packet comes. `closed` says that the socket is none any more, which
    /// ends it in silence; another failure is told, and tried again when an operation blocks.
    pub(super) fn refused(&mut self, closed: bool) -> Option<Event> {
        self.flight = Flight::Idle;
        if closed {
            self.wanted = Conditions::NONE;
        }
        self.fail()
    }

    fn fail(&mut self) -> Option<Event> {
        self.armed = Conditions::NONE;
        (!self.wanted.is_none()).then(|| Event::of_failure(self.token, self.wanted))
    }

    /// Takes the packet of the poll: the memory is ours again, and there may be something to tell.
    ///
    /// A packet without a poll is no packet of ours, and says nothing.
    pub(super) fn complete(&mut self, outcome: Outcome) -> (Step, Option<Event>) {
        if self.flight == Flight::Idle {
            return (Step::Nothing, None);
        }
        self.flight = Flight::Idle;
        if self.owner == Owner::Leaving {
            return (self.leave(), None);
        }
        let event = match outcome {
            Outcome::Ready(conditions) => self.tell(conditions),
            Outcome::Cancelled => None,
            Outcome::Failed => self.fail(),
        };
        (Step::Nothing, event)
    }

    /// Disarms what holds, and tells of it if it was armed.
    fn tell(&mut self, conditions: Conditions) -> Option<Event> {
        if conditions.intersects(Conditions::LOCAL_CLOSE) {
            // Closed without a word: as with epoll, nothing is watched any more.
            self.wanted = Conditions::NONE;
            self.armed = Conditions::NONE;
            return None;
        }
        let fresh = conditions & self.armed;
        if fresh.is_none() {
            return None;
        }
        let event = Event::of_socket(self.token, fresh, self.wanted);
        self.stirred = true;
        self.armed = self.armed - fresh;
        if fresh.intersects(Conditions::READING | Conditions::DISCONNECT) {
            self.armed = self.armed - Conditions::READING;
        }
        if fresh.intersects(Conditions::ABORT | Conditions::CONNECT_FAIL) {
            // All directions were told, and nothing more comes of this connection.
            self.armed = Conditions::NONE;
        }
        // These hold for good. Asked for again after an unrelated operation blocked, they would be told for ever.
        self.wanted = self.wanted - (fresh & (Conditions::DISCONNECT | Conditions::ABORT));
        Some(event)
    }

    /// Puts the socket down to be seen to later; whether it was not yet.
    pub(super) fn list(&mut self) -> bool {
        !std::mem::replace(&mut self.listed, true)
    }

    /// Whether nothing was told since this was asked last: then it is no use to put the socket off any longer.
    pub(super) fn is_calm(&mut self) -> bool {
        !std::mem::replace(&mut self.stirred, false)
    }

    /// Whether the kernel has the memory that was lent for this socket.
    pub(super) fn is_in_kernel(&self) -> bool {
        self.flight != Flight::Idle
    }

    /// It is seen to.
    pub(super) fn unlist(&mut self) {
        self.listed = false;
    }
}

/// The sockets that a waiting thread must bring up to date before it waits.
///
/// Behind a lock. While a thread waits there is no queue: whoever changes a socket updates it by itself. That both
/// happens in one lock leaves no gap in which a socket is queued and the thread asleep.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Queue {
    waiting: bool,
    sockets: Vec<u32>,
}

impl Queue {
    /// Queues `socket`, the one at `index`, unless it is queued or somebody waits; then the caller updates it: `true`.
    pub(super) fn offer(&mut self, socket: &mut Socket, index: u32) -> bool {
        if socket.queued {
            return false;
        }
        if self.waiting {
            return true;
        }
        socket.queued = true;
        self.sockets.push(index);
        false
    }

    /// A thread begins to wait: `taken`, which is empty, gets the queue, and each socket in it must be
    /// [reached](Queue::reached) and updated before the thread sleeps.
    pub(super) fn begin(&mut self, taken: &mut Vec<u32>) {
        debug_assert!(taken.is_empty());
        self.waiting = true;
        std::mem::swap(&mut self.sockets, taken);
    }

    /// Nobody waits any more.
    pub(super) fn end(&mut self) {
        self.waiting = false;
    }

    /// A socket that was taken out of the queue is about to be updated.
    pub(super) fn reached(socket: &mut Socket) {
        socket.queued = false;
    }

    /// A socket that was taken, and not reached, stays for the next time.
    pub(super) fn put_back(&mut self, index: u32) {
        self.sockets.push(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Readiness;

    type C = Conditions;

    const READ: Interest = Interest::READABLE;
    const WRITE: Interest = Interest::WRITABLE;
    const BOTH: Interest = READ.add(WRITE);

    fn registered(interest: Interest) -> Socket {
        let mut socket = Socket::free();
        socket.register(Token(1), interest);
        socket
    }

    /// Polls and completes with `conditions`.
    fn turn(socket: &mut Socket, conditions: Conditions) -> Option<Event> {
        assert!(matches!(socket.update(), Step::Poll(_)), "{socket:?}");
        let (step, event) = socket.complete(Outcome::Ready(conditions));
        assert_eq!(step, Step::Nothing);
        event
    }

    #[test]
    fn a_message_costs_one_poll() {
        let mut socket = registered(BOTH);
        assert!(turn(&mut socket, C::SEND).is_some());
        for _ in 0..3 {
            assert_eq!(socket.update(), Step::Poll(C::of(READ) | C::LOCAL_CLOSE));
            assert!(socket.complete(Outcome::Ready(C::RECEIVE)).1.is_some());
            assert_eq!(socket.need(), Need::Later);
            socket.rearm(READ);
            assert_eq!(socket.need(), Need::Update);
        }
    }

    #[test]
    fn what_somebody_waits_for_is_not_put_off() {
        for (interest, blocks) in [(READ, READ), (WRITE, WRITE), (Interest::PRIORITY, READ)] {
            let mut socket = registered(interest);
            assert_eq!(socket.need(), Need::Update);
            assert!(turn(&mut socket, C::of(interest) - C::ENDS).is_some());
            assert_eq!(socket.need(), Need::Later);
            socket.rearm(blocks);
            assert_eq!(socket.need(), Need::Update, "{interest:?}");
        }
    }

    #[test]
    fn a_wider_wish_waits_for_the_end_of_the_poll() {
        let mut socket = registered(READ);
        assert!(matches!(socket.update(), Step::Poll(_)));
        socket.rearm(READ);
        assert_eq!(socket.need(), Need::Nothing, "what is asked for already");
        socket.reregister(Token(2), BOTH);
        assert_eq!(socket.update(), Step::Cancel);
        assert_eq!(socket.update(), Step::Nothing);
        assert_eq!(socket.complete(Outcome::Cancelled).0, Step::Nothing);
        assert_eq!(socket.update(), Step::Poll(C::of(BOTH) | C::LOCAL_CLOSE));
    }

    #[test]
    fn a_cancelled_poll_that_ended_before_is_told() {
        let mut socket = registered(READ);
        assert!(matches!(socket.update(), Step::Poll(_)));
        socket.reregister(Token(2), BOTH);
        assert_eq!(socket.update(), Step::Cancel);
        let event = socket.complete(Outcome::Ready(C::RECEIVE)).1.unwrap();
        assert!(event.token() == Token(2) && event.is_readable() && !event.is_writable());
    }

    #[test]
    fn a_slot_is_free_when_the_packet_came() {
        let mut socket = registered(READ);
        let generation = socket.generation();
        assert!(matches!(socket.update(), Step::Poll(_)));
        assert_eq!(socket.deregister(), Step::Cancel);
        assert!(!socket.belongs_to(generation));
        let (step, event) = socket.complete(Outcome::Ready(C::RECEIVE));
        assert!(step == Step::Free && event.is_none());
        assert_ne!(socket.generation(), generation);
        assert_eq!(registered(READ).deregister(), Step::Free);
    }

    #[test]
    fn ends_that_were_told_are_not_asked_for_again() {
        let mut socket = registered(BOTH);
        assert!(turn(&mut socket, C::DISCONNECT).unwrap().is_read_closed());
        socket.rearm(BOTH);
        assert_eq!(socket.update(), Step::Poll((C::of(BOTH) - C::DISCONNECT) | C::LOCAL_CLOSE));
        let event = socket.complete(Outcome::Ready(C::ABORT)).1.unwrap();
        assert!(event.is_error() && event.is_readable() && event.is_writable());
        assert_eq!(socket.need(), Need::Nothing);
        socket.reregister(Token(3), READ);
        assert!(turn(&mut socket, C::ABORT).is_some());
    }

    #[test]
    fn a_failure_is_told_once_and_tried_again_when_an_operation_blocks() {
        let mut socket = registered(READ);
        assert!(matches!(socket.update(), Step::Poll(_)));
        assert!(socket.refused(false).unwrap().is_error());
        assert_eq!(socket.need(), Need::Nothing);
        socket.rearm(READ);
        assert!(turn(&mut socket, C::RECEIVE).is_some());
        assert!(socket.list() && !socket.list(), "it stands there once");
        socket.rearm(READ);
        assert!(matches!(socket.update(), Step::Poll(_)));
        assert!(socket.complete(Outcome::Failed).1.unwrap().is_error());
        assert_eq!(socket.need(), Need::Nothing);
        socket.rearm(WRITE);
        assert_eq!(socket.need(), Need::Later);
        assert!(socket.is_due(Need::Nothing), "who waits may not look at its list");
        assert!(!socket.is_due(Need::Later));
    }

    #[test]
    fn a_socket_that_was_closed_is_silent() {
        for close in [
            |socket: &mut Socket| socket.refused(true),
            |socket: &mut Socket| socket.complete(Outcome::Ready(C::LOCAL_CLOSE | C::RECEIVE)).1,
        ] {
            let mut socket = registered(READ);
            assert!(matches!(socket.update(), Step::Poll(_)));
            assert!(close(&mut socket).is_none());
            socket.rearm(BOTH);
            assert_eq!(socket.need(), Need::Nothing);
            assert_eq!(socket.deregister(), Step::Free);
        }
    }

    #[test]
    fn what_was_not_asked_for_is_not_told() {
        let mut socket = registered(READ);
        assert!(turn(&mut socket, C::SEND).is_none());
        assert!(turn(&mut socket, C::NONE).is_none());
        assert!(Socket::free().complete(Outcome::Ready(C::RECEIVE)).1.is_none());
    }

    #[test]
    fn a_socket_is_calm_when_nothing_was_told_for_a_round() {
        let mut socket = registered(READ);
        assert!(turn(&mut socket, C::RECEIVE).is_some());
        assert!(!socket.is_calm() && socket.is_calm());
    }

    #[test]
    fn a_socket_stands_in_the_queue_once() {
        let (mut queue, mut socket) = (Queue::default(), registered(READ));
        assert!(!queue.offer(&mut socket, 7) && !queue.offer(&mut socket, 7));
        let mut taken = Vec::new();
        queue.begin(&mut taken);
        assert_eq!(taken, [7]);
        assert!(!queue.offer(&mut socket, 7), "it is about to be reached");
        Queue::reached(&mut socket);
        assert!(queue.offer(&mut socket, 7), "nobody would see it in the queue");
        queue.end();
        assert!(!queue.offer(&mut socket, 7));
    }
}
