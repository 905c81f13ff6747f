//! The registrations of a poll(2) selector, and which of their directions are armed.
//!
//! An entry reports what is ready *and* armed, and disarms it: that makes an edge of a level. It is armed again
//! * by `rearm`, when an operation of its owner would have blocked;
//! * by `reregister`;
//! * by `settle`, when the kernel was seen to say that it is not ready any more. That is the only way for a descriptor
//!   that somebody else owns (`Borrowed`): it is looked at until it is seen drained, and should it never be, it is
//!   reported once more after [`RENEWAL`], and after twice that time again: spurious at times, but never lost. An owned
//!   one is looked at when a wait begins, for those who read it by its descriptor rather than by its type.
//!
//! Hang-ups and errors can't be masked: poll(2) reports them for as long as they last, which may be long (an error queue
//! that nobody reads) and need not be for ever (a socket that connects after it was registered). An entry that has
//! reported one and still has it would end every wait at once; so it is not waited for, but looked at every few
//! milliseconds, until the condition changes.

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use libc::{c_int, pollfd};

use super::event::{Bits, Record, CLOSED};
use super::kernel::{self, Identity};
use crate::{Interest, Token};

/// When a borrowed descriptor that stays ready is reported for the second time.
const RENEWAL: Duration = Duration::from_millis(100);
/// The longest time between two reports of such a descriptor.
const LONGEST_RENEWAL: Duration = Duration::from_millis(200);

/// What reading takes away. (A source is writable most of the time: nothing can be seen there.)
const READING: Bits = libc::POLLIN | kernel::PRI | kernel::RDHUP;

/// Names an entry, and never another one: a slot that is used again has another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    index: usize,
    generation: u64,
}

#[derive(Debug)]
enum Kind {
    /// Owned by one of poised's types, which tells of each `WouldBlock`.
    Owned,
    /// Owned by somebody else.
    Borrowed { renewal: Renewal },
    /// Not a descriptor at all: a waker's flag.
    Waker,
}

/// When to report a borrowed descriptor that stays ready once more, and what was unread when it was reported.
#[derive(Debug)]
struct Renewal {
    due: Option<Instant>,
    interval: Duration,
    unread: Option<c_int>,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    fd: RawFd,
    identity: Option<Identity>,
    token: Token,
    generation: u64,
    /// What the registration asks for.
    wanted: Bits,
    /// What of it is reported when it is ready.
    armed: Bits,
    /// The hang-up and error that were reported, and that the kernel still says.
    standing: Bits,
    /// What the kernel said last.
    ready: Bits,
}

/// What a descriptor is registered for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registering {
    pub(super) fd: RawFd,
    pub(super) identity: Identity,
    pub(super) token: Token,
    pub(super) interest: Interest,
    pub(super) owned: bool,
}

/// The question that one entry puts to the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) key: Key,
    pub(super) descriptor: pollfd,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Option<Entry>>,
    free: Vec<usize>,
    by_fd: HashMap<RawFd, Key>,
    generations: u64,
    /// Where the next report begins, so that no source starves behind others.
    next: usize,
}

/// poll(2)'s bits of an interest.
fn wanted(interest: Interest) -> Bits {
    let mut bits = 0;
    if interest.is_readable() {
        bits |= libc::POLLIN | kernel::RDHUP;
    }
    if interest.is_writable() {
        bits |= libc::POLLOUT;
    }
    if interest.is_priority() {
        bits |= kernel::PRI;
    }
    bits
}

fn ask(fd: RawFd, events: Bits) -> pollfd {
    pollfd { fd, events, revents: 0 }
}

impl Table {
    /// Adds a descriptor; `None` when it is registered already.
    pub(super) fn register(&mut self, new: Registering) -> Option<Key> {
        if let Some(known) = self.key_of(new.fd) {
            let same_file = self.entry(known).is_some_and(|entry| entry.identity == Some(new.identity));
            if same_file {
                return None;
            }
            // Its file was closed without a word, and the number is another's now.
            self.remove(known);
        }
        let renewal = Renewal { due: None, interval: RENEWAL, unread: None };
        let kind = if new.owned { Kind::Owned } else { Kind::Borrowed { renewal } };
        let wanted = wanted(new.interest);
        let key = self.insert(Entry {
            kind,
            fd: new.fd,
            identity: Some(new.identity),
            token: new.token,
            generation: 0,
            wanted,
            armed: wanted,
            standing: 0,
            ready: 0,
        });
        self.by_fd.insert(new.fd, key);
        Some(key)
    }

    /// Adds a waker's flag.
    pub(super) fn add_waker(&mut self, token: Token) -> Key {
        self.insert(Entry {
            kind: Kind::Waker,
            fd: -1,
            identity: None,
            token,
            generation: 0,
            wanted: libc::POLLIN,
            armed: libc::POLLIN,
            standing: 0,
            ready: 0,
        })
    }

    fn insert(&mut self, mut entry: Entry) -> Key {
        self.generations += 1;
        entry.generation = self.generations;
        let generation = entry.generation;
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index] = Some(entry);
                index
            }
            None => {
                self.slots.push(Some(entry));
                self.slots.len() - 1
            }
        };
        Key { index, generation }
    }

    /// Gives an entry another token and interest, and arms it; whether there is such an entry.
    pub(super) fn reregister(&mut self, key: Key, token: Token, interest: Interest) -> bool {
        let Some(entry) = self.entry_mut(key) else { return false };
        entry.token = token;
        entry.wanted = wanted(interest);
        entry.armed = entry.wanted;
        entry.standing = 0;
        true
    }

    /// Takes an entry out; whether there was one.
    pub(super) fn remove(&mut self, key: Key) -> bool {
        let Some(entry) = self.entry(key) else { return false };
        let fd = entry.fd;
        if self.by_fd.get(&fd) == Some(&key) {
            self.by_fd.remove(&fd);
        }
        self.slots[key.index] = None;
        self.free.push(key.index);
        true
    }

    /// Arms a direction of an owned source again; whether that changes what the kernel is asked.
    pub(super) fn rearm(&mut self, key: Key, direction: Interest) -> bool {
        let Some(entry) = self.entry_mut(key) else { return false };
        let before = entry.armed;
        entry.armed |= entry.wanted & wanted(direction);
        before != entry.armed
    }

    /// Sets a waker's flag.
    pub(super) fn wake(&mut self, key: Key) {
        if let Some(entry) = self.entry_mut(key) {
            entry.ready = libc::POLLIN;
        }
    }

    /// Whether there is something to report without asking the kernel again.
    pub(super) fn has_news(&self) -> bool {
        self.entries().any(|(_, entry)| entry.is_news())
    }

    pub(super) fn key_of(&self, fd: RawFd) -> Option<Key> {
        self.by_fd.get(&fd).copied()
    }

    fn entry(&self, key: Key) -> Option<&Entry> {
        self.slots.get(key.index)?.as_ref().filter(|entry| entry.generation == key.generation)
    }

    fn entry_mut(&mut self, key: Key) -> Option<&mut Entry> {
        self.slots.get_mut(key.index)?.as_mut().filter(|entry| entry.generation == key.generation)
    }

    fn entries(&self) -> impl Iterator<Item = (Key, &Entry)> {
        let entries = self.slots.iter().enumerate().filter_map(|(index, slot)| Some((index, slot.as_ref()?)));
        entries.map(|(index, entry)| (Key { index, generation: entry.generation }, entry))
    }

    /// What the kernel is asked while waiting.
    pub(super) fn questions(&self) -> impl Iterator<Item = Question> + '_ {
        self.entries()
            .filter(|(_, entry)| !matches!(entry.kind, Kind::Waker) && entry.standing == 0)
            .filter(|(_, entry)| entry.armed != 0 || kernel::TELLS_UNASKED)
            .map(|(key, entry)| Question { key, descriptor: ask(entry.fd, entry.armed) })
    }

    /// What the kernel is asked before waiting, without waiting: whether what was reported is over.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = Question> + '_ {
        let unsettled = |entry: &Entry| match entry.kind {
            Kind::Borrowed { .. } => entry.standing != 0 || entry.disarmed() != 0,
            Kind::Owned => entry.standing != 0 || entry.disarmed() & READING != 0,
            Kind::Waker => false,
        };
        self.entries()
            .filter(move |(_, entry)| unsettled(entry))
            .map(|(key, entry)| Question { key, descriptor: ask(entry.fd, entry.wanted) })
    }

    /// The question of [`unsettled`](Table::unsettled) for one entry, when a hang-up or error of it stands.
    pub(super) fn standing(&self, key: Key) -> Option<Question> {
        let entry = self.entry(key).filter(|entry| entry.standing != 0)?;
        Some(Question { key, descriptor: ask(entry.fd, entry.wanted) })
    }

    /// Takes the answer to a question of [`unsettled`](Table::unsettled). Whether the entry is to be asked again soon.
    pub(super) fn settle(
        &mut self,
        key: Key,
        answer: Bits,
        now: Instant,
        unread: impl Fn(RawFd) -> Option<c_int>,
    ) -> bool {
        if kernel::is_closed(answer) {
            // Closed without a word: as with epoll, the registration ends.
            self.remove(key);
            return false;
        }
        let Some(entry) = self.entry_mut(key) else { return false };
        if entry.standing != 0 && entry.standing != answer & CLOSED {
            // It connected, it listens, its error was taken, or there is another: all that it is now is news.
            entry.standing = 0;
            entry.armed = entry.wanted;
        }
        entry.settle_directions(answer, now, unread);
        if entry.standing != 0 {
            entry.ready = answer;
        }
        let looks_again = matches!(entry.kind, Kind::Borrowed { .. }) && entry.disarmed() != 0;
        looks_again || entry.standing != 0
    }

    /// Takes the answer to a question of [`questions`](Table::questions).
    pub(super) fn answer(&mut self, key: Key, answer: Bits) {
        if kernel::is_closed(answer) {
            self.remove(key);
        } else if let Some(entry) = self.entry_mut(key) {
            entry.ready = answer;
        }
    }

    /// Reports what is ready, as far as there is room, and takes back what the kernel said of the rest: it will say it
    /// again.
    pub(super) fn report(&mut self, events: &mut Vec<Record>, now: Instant, unread: impl Fn(RawFd) -> Option<c_int>) {
        let length = self.slots.len();
        let start = if self.next < length { self.next } else { 0 };
        for index in (start..length).chain(0..start) {
            let Some(entry) = &mut self.slots[index] else { continue };
            if events.len() < events.capacity() {
                if let Some(event) = entry.report(now, &unread) {
                    events.push(event);
                    self.next = index + 1;
                }
            } else if !matches!(entry.kind, Kind::Waker) {
                entry.ready = 0;
            }
        }
    }
}

impl Entry {
    fn disarmed(&self) -> Bits {
        self.wanted & !self.armed
    }

    fn is_news(&self) -> bool {
        self.ready & (self.armed | CLOSED & !self.standing) != 0
    }

    /// Arms the directions that the kernel does not call ready any more, and those whose turn it is to be told again.
    fn settle_directions(&mut self, answer: Bits, now: Instant, unread: impl Fn(RawFd) -> Option<c_int>) {
        let disarmed = self.disarmed();
        let over = disarmed & !answer;
        let renewal = match &mut self.kind {
            Kind::Owned | Kind::Waker => {
                self.armed |= over & READING;
                return;
            }
            Kind::Borrowed { renewal } => renewal,
        };
        self.armed |= over;
        if over != 0 {
            renewal.interval = RENEWAL;
        }
        if disarmed & answer & libc::POLLIN != 0 && unread(self.fd) != renewal.unread {
            self.armed |= libc::POLLIN;
        }
        if renewal.due.is_some_and(|due| now >= due) {
            self.armed |= disarmed;
            self.standing = 0;
            renewal.interval = (renewal.interval * 2).min(LONGEST_RENEWAL);
            renewal.due = None;
        }
    }

    fn report(&mut self, now: Instant, unread: impl Fn(RawFd) -> Option<c_int>) -> Option<Record> {
        let is_news = self.is_news();
        let ready = std::mem::take(&mut self.ready);
        if !is_news {
            return None;
        }
        let fresh = ready & self.armed;
        let closed = ready & CLOSED;
        let mut bits = fresh | closed;
        #[allow(clippy::bad_bit_mask)] // It is zero where there is no such bit.
        if fresh & kernel::RDHUP != 0 {
            // The end of the stream can be read, whether or not that direction was armed.
            bits |= self.wanted & libc::POLLIN;
        }
        match &mut self.kind {
            // Its readiness was the flag, which is taken.
            Kind::Waker => {}
            Kind::Owned => self.armed &= !fresh,
            Kind::Borrowed { renewal } => {
                self.armed &= !fresh;
                renewal.due = Some(now + renewal.interval);
                renewal.unread = unread(self.fd);
            }
        }
        self.standing = closed;
        Some(Record { token: self.token, bits })
    }
}

#[cfg(all(test, unix))]
mod tests;
