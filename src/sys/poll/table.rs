//! The registrations of a poll(2) selector: all are shown to the kernel at each call, and each makes edges of what it says
//! (see `edges`).

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::time::Instant;

use libc::{c_int, pollfd};

use super::kernel::{self, Identity};
use crate::sys::edges::{is_closed, wanted, Bits, Entry, Record};
use crate::{Interest, Token};

/// Names an entry, and never another one: a slot that is used again has another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    index: usize,
    generation: u64,
}

#[derive(Debug)]
struct Slot {
    generation: u64,
    /// The descriptor and its file; a waker has none.
    file: Option<(RawFd, Identity)>,
    entry: Entry,
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
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    by_fd: HashMap<RawFd, Key>,
    generations: u64,
    /// Where the next report begins, so that no source starves behind others.
    next: usize,
}

impl Table {
    /// Adds a descriptor; `None` when it is registered already.
    pub(super) fn register(&mut self, new: Registering) -> Option<Key> {
        let file = Some((new.fd, new.identity));
        if let Some(known) = self.key_of(new.fd) {
            if self.slot(known).is_some_and(|slot| slot.file == file) {
                return None;
            }
            // Its file was closed without a word, and the number is another's now.
            self.remove(known);
        }
        let key = self.insert(file, Entry::new(new.fd, new.token, wanted(new.interest), new.owned));
        self.by_fd.insert(new.fd, key);
        Some(key)
    }

    /// Adds a waker's flag.
    pub(super) fn add_waker(&mut self, token: Token) -> Key {
        self.insert(None, Entry::waker(token))
    }

    fn insert(&mut self, file: Option<(RawFd, Identity)>, entry: Entry) -> Key {
        self.generations += 1;
        let generation = self.generations;
        let slot = Some(Slot { generation, file, entry });
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        Key { index, generation }
    }

    /// Gives an entry another token and interest, and arms it; whether there is such an entry.
    pub(super) fn reregister(&mut self, key: Key, token: Token, interest: Interest) -> bool {
        let Some(entry) = self.entry_mut(key) else { return false };
        entry.reregister(token, wanted(interest));
        true
    }

    /// Takes an entry out; whether there was one.
    pub(super) fn remove(&mut self, key: Key) -> bool {
        let Some(slot) = self.slot(key) else { return false };
        if let Some((fd, _)) = slot.file {
            if self.by_fd.get(&fd) == Some(&key) {
                self.by_fd.remove(&fd);
            }
        }
        self.slots[key.index] = None;
        self.free.push(key.index);
        true
    }

    /// Arms a direction of an owned source again; whether that changes what the kernel is asked.
    pub(super) fn rearm(&mut self, key: Key, direction: Interest) -> bool {
        self.entry_mut(key).is_some_and(|entry| entry.rearm(wanted(direction)))
    }

    /// Sets a waker's flag.
    pub(super) fn wake(&mut self, key: Key) {
        if let Some(entry) = self.entry_mut(key) {
            entry.wake();
        }
    }

    /// Whether there is something to report without asking the kernel again.
    pub(super) fn has_news(&self) -> bool {
        self.entries().any(|(_, entry)| entry.is_news())
    }

    pub(super) fn key_of(&self, fd: RawFd) -> Option<Key> {
        self.by_fd.get(&fd).copied()
    }

    fn slot(&self, key: Key) -> Option<&Slot> {
        self.slots.get(key.index)?.as_ref().filter(|slot| slot.generation == key.generation)
    }

    fn entry_mut(&mut self, key: Key) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(key.index)?.as_mut().filter(|slot| slot.generation == key.generation);
        slot.map(|slot| &mut slot.entry)
    }

    fn entries(&self) -> impl Iterator<Item = (Key, &Entry)> {
        let slots = self.slots.iter().enumerate().filter_map(|(index, slot)| Some((index, slot.as_ref()?)));
        slots.map(|(index, slot)| (Key { index, generation: slot.generation }, &slot.entry))
    }

    /// What the kernel is asked while waiting.
    pub(super) fn questions(&self) -> impl Iterator<Item = Question> + '_ {
        self.entries()
            .filter_map(|(key, entry)| Some(Question { key, descriptor: entry.question()? }))
            .filter(|question| question.descriptor.events != 0 || kernel::TELLS_UNASKED)
    }

    /// What the kernel is asked before waiting, without waiting: whether what was reported is over.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = Question> + '_ {
        self.entries().filter_map(|(key, entry)| Some(Question { key, descriptor: entry.unsettled()? }))
    }

    /// The question of [`unsettled`](Table::unsettled) for one entry, when a hang-up or error of it stands.
    pub(super) fn standing(&self, key: Key) -> Option<Question> {
        let entry = &self.slot(key)?.entry;
        let descriptor = entry.unsettled().filter(|_| entry.is_standing())?;
        Some(Question { key, descriptor })
    }

    /// Takes the answer to a question of [`unsettled`](Table::unsettled). Whether the entry is to be asked again soon.
    pub(super) fn settle(
        &mut self,
        key: Key,
        answer: Bits,
        now: Instant,
        unread: impl Fn(RawFd) -> Option<c_int>,
    ) -> bool {
        if is_closed(answer) {
            // Closed without a word: as with epoll, the registration ends.
            self.remove(key);
            return false;
        }
        self.entry_mut(key).is_some_and(|entry| entry.settle(answer, now, unread))
    }

    /// Takes the answer to a question of [`questions`](Table::questions).
    pub(super) fn answer(&mut self, key: Key, answer: Bits) {
        if is_closed(answer) {
            self.remove(key);
        } else if let Some(entry) = self.entry_mut(key) {
            entry.answer(answer);
        }
    }

    /// Reports what is ready, as far as there is room, and takes back what the kernel said of the rest: it will say it
    /// again.
    pub(super) fn report(&mut self, events: &mut Vec<Record>, now: Instant, unread: impl Fn(RawFd) -> Option<c_int>) {
        let length = self.slots.len();
        let start = self.next.min(length);
        for index in (start..length).chain(0..start) {
            let Some(Slot { entry, file, .. }) = &mut self.slots[index] else { continue };
            if events.len() < events.capacity() {
                if let Some(event) = entry.report(now, &unread) {
                    events.push(event);
                    self.next = index + 1;
                }
            } else if file.is_some() {
                // Nobody sets a waker's flag again.
                entry.answer(0);
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
