//! The registrations of an event port, and what the kernel is asked for each.
//!
//! The kernel knows a source by its descriptor, and forgets what it was asked when the event is taken or the descriptor is
//! closed. So does this: a source is associated for the conditions that are armed (`edges`), again whenever these are
//! others than it was asked for. One that was reported is *listed* until the next wait has put it in order: it is associated
//! again, or, where the kernel would repeat itself (a hang-up that stays, bytes that are left), looked at by poll(2) without
//! waiting, and stays in the list. What is silent costs nothing.
//!
//! Relies on the kernel having room for a descriptor from its first association to its end (illumos, port_fd.c), so that
//! only that can fail for want of it; promises that a record of the port that is out of date reports nothing: each
//! registration has its generation, which its events carry.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::os::fd::RawFd;
use std::time::Instant;

use libc::pollfd;

use super::event::{Meaning, Notice};
use super::kernel::{self, Port};
use crate::sys::edges::{is_closed, Bits, Entry, Outlook, Record};
use crate::sys::error;
use crate::sys::unix::file::{identify, unread, Identity};
use crate::Token;

/// Names a registration, and never another one of the same descriptor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    fd: RawFd,
    generation: usize,
}

#[derive(Debug)]
struct Source {
    entry: Entry,
    generation: usize,
    identity: Identity,
    /// What it is associated for; nothing when an event was taken.
    asked: Option<Bits>,
    listed: bool,
}

/// All of a port, under its lock.
#[derive(Debug, Default)]
pub(super) struct Registered {
    sources: HashMap<RawFd, Source>,
    wakers: HashMap<usize, Entry>,
    /// The sources that are put in order before the next wait.
    listed: Vec<RawFd>,
    /// The last generation, or number of a waker.
    last: usize,
}

impl Source {
    /// Associates the source for what is armed, when that is not what it was asked for last.
    fn ask(&mut self, port: &Port) -> io::Result<()> {
        let question = self.entry.question().map(|question| (question.fd, question.events));
        if let Some((fd, armed)) = question.filter(|(_, armed)| self.asked != Some(*armed)) {
            port.associate(fd, armed, self.generation)?;
            self.asked = Some(armed);
        }
        Ok(())
    }
}

impl Registered {
    /// Adds a descriptor.
    pub(super) fn add(&mut self, port: &Port, fd: RawFd, token: Token, wanted: Bits, owned: bool) -> io::Result<Key> {
        let identity = identify(fd).map_err(|error| match error.raw_os_error() {
            Some(libc::EPERM) => error::not_pollable(error),
            _ => error,
        })?;
        if self.is_there(port, fd, identity) {
            return Err(error::already_registered());
        }
        let generation = self.number();
        let entry = Entry::new(fd, token, wanted, owned);
        let mut source = Source { entry, generation, identity, asked: None, listed: false };
        source.ask(port).map_err(|error| match error.raw_os_error() {
            Some(libc::EAGAIN) => error::full_port(error),
            _ => error,
        })?;
        // When another had this number, its file was closed without a word.
        self.sources.insert(fd, source);
        Ok(Key { fd, generation })
    }

    /// Whether a descriptor is registered, and not another that had its number and was closed without a word. Not every kind
    /// of file has an inode of its own, so the kernel is asked as well: it ends no association that it has forgotten. After
    /// an event it has none, and the identity must do.
    fn is_there(&mut self, port: &Port, fd: RawFd, identity: Identity) -> bool {
        let Some(source) = self.sources.get_mut(&fd).filter(|source| source.identity == identity) else { return false };
        if source.asked.is_none() {
            return true;
        }
        match port.dissociate(fd) {
            Err(error) => error.raw_os_error() != Some(libc::ENOENT),
            Ok(()) => {
                source.asked = None;
                // When this fails, it will be asked before the next wait.
                drop(source.ask(port));
                self.list(fd);
                true
            }
        }
    }

    /// Gives a registration another token and other conditions.
    pub(super) fn change(&mut self, port: &Port, key: Option<Key>, token: Token, wanted: Bits) -> io::Result<()> {
        let source = key.and_then(|key| self.source_mut(key)).ok_or_else(error::not_registered)?;
        source.entry.reregister(token, wanted);
        // An association for the same is left as it is: its event, which may be queued, keeps its place.
        source.ask(port)
    }

    /// Ends a registration; whether there was one.
    pub(super) fn remove(&mut self, port: &Port, key: Option<Key>) -> bool {
        let Some(key) = key.filter(|key| self.source_mut(*key).is_some()) else { return false };
        self.sources.remove(&key.fd);
        // When there is no association, its event was taken, the descriptor is closed, or a forked child ends what is its
        // parent's, and mustn't.
        drop(port.dissociate(key.fd));
        true
    }

    /// Arms conditions of an owned source again.
    pub(super) fn rearm(&mut self, port: &Port, key: Key, conditions: Bits) -> io::Result<()> {
        let Some(source) = self.source_mut(key) else { return Ok(()) };
        source.entry.rearm(conditions);
        if let Some(question) = source.entry.unsettled().filter(|_| source.entry.is_standing()) {
            // The operation may have taken the error, and the next one must be news: now is the time to see it gone. When
            // a signal prevents that, the next wait looks.
            let mut answer = [question];
            if kernel::look(&mut answer).is_ok() {
                source.entry.settle(answer[0].revents, Instant::now(), unread);
            }
        }
        source.ask(port)
    }

    pub(super) fn key_of(&self, fd: RawFd) -> Option<Key> {
        self.sources.get(&fd).map(|source| Key { fd, generation: source.generation })
    }

    fn source_mut(&mut self, key: Key) -> Option<&mut Source> {
        self.sources.get_mut(&key.fd).filter(|source| source.generation == key.generation)
    }

    fn number(&mut self) -> usize {
        self.last += 1;
        self.last
    }

    /// Adds a waker: its number.
    pub(super) fn add_waker(&mut self, token: Token) -> usize {
        let number = self.number();
        self.wakers.insert(number, Entry::waker(token));
        number
    }

    pub(super) fn remove_waker(&mut self, number: usize) {
        self.wakers.remove(&number);
    }

    /// Wakes: sends the event of a waker, unless one is on its way.
    pub(super) fn wake(&mut self, port: &Port, number: usize) -> io::Result<()> {
        let Some(waker) = self.wakers.get_mut(&number).filter(|waker| !waker.is_news()) else { return Ok(()) };
        match port.send(number) {
            // As many descriptors are associated as the port has room for: an alert needs none.
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => port.alert(true),
            result => result,
        }?;
        waker.wake();
        Ok(())
    }

    /// Before a wait: asks the kernel whether what was reported is over, and associates again what can be. `looks` is room
    /// that is kept.
    pub(super) fn settle(&mut self, port: &Port, looks: &mut Vec<pollfd>) -> io::Result<Outlook> {
        let mut outlook = Outlook::default();
        looks.clear();
        looks.extend(self.listed.iter().filter_map(|fd| self.sources.get(fd)?.entry.unsettled()));
        if !looks.is_empty() {
            kernel::look(looks)?;
            let now = Instant::now();
            for look in looks.iter() {
                outlook.unsettled |= self.answer(look, now);
            }
        }
        let mut listed = mem::take(&mut self.listed);
        listed.retain(|fd| self.stays_listed(port, *fd, &mut outlook));
        self.listed = listed;
        Ok(outlook)
    }

    /// Takes the answer of a look at a source. Whether it is to be looked at again soon.
    fn answer(&mut self, look: &pollfd, now: Instant) -> bool {
        if is_closed(look.revents) {
            // Closed without a word: as with epoll, the registration ends.
            self.sources.remove(&look.fd);
            return false;
        }
        self.sources.get_mut(&look.fd).is_some_and(|source| source.entry.settle(look.revents, now, unread))
    }

    /// Associates a listed source again. Whether there is more to be done for it before the wait after this.
    fn stays_listed(&mut self, port: &Port, fd: RawFd, outlook: &mut Outlook) -> bool {
        let Some(source) = self.sources.get_mut(&fd) else { return false };
        source.listed = match source.ask(port) {
            Ok(()) => source.entry.unsettled().is_some(),
            // Closed without a word.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EBADF | libc::EBADFD)) => {
                self.sources.remove(&fd);
                return false;
            }
            // The system is short of something: the next look asks again.
            Err(_) => {
                outlook.unsettled = true;
                true
            }
        };
        outlook.news |= source.entry.is_news();
        source.listed
    }

    /// After a wait: reports what the port said, and what was found out before.
    pub(super) fn report(&mut self, port: &Port, notices: &[Notice], events: &mut Vec<Record>) -> io::Result<()> {
        let now = Instant::now();
        for notice in notices {
            match notice.meaning() {
                Meaning::Ready { fd, generation, bits } => {
                    if let Some(source) = self.source_mut(Key { fd, generation }) {
                        source.asked = None;
                        source.entry.answer(bits);
                        self.report_source(port, fd, now, events);
                    }
                }
                Meaning::Woken(number) => {
                    if let Some(waker) = self.wakers.get_mut(&number) {
                        waker.wake();
                        events.extend(waker.report(now, |_| None));
                    }
                }
                Meaning::Alerted => self.report_wakers(port, now, events)?,
                Meaning::Nothing => {}
            }
        }
        for index in 0..self.listed.len() {
            let fd = self.listed[index];
            let is_news = |source: &Source| source.entry.is_news();
            if events.len() < events.capacity() && self.sources.get(&fd).is_some_and(is_news) {
                self.report_source(port, fd, now, events);
            }
        }
        Ok(())
    }

    /// Reports a source, and lists it. What is armed still is associated at once, so that the port's own descriptor tells of
    /// it; the rest can wait until it is known what the program makes of the event.
    fn report_source(&mut self, port: &Port, fd: RawFd, now: Instant, events: &mut Vec<Record>) {
        let Some(source) = self.sources.get_mut(&fd) else { return };
        events.extend(source.entry.report(now, unread));
        if source.entry.question().is_some_and(|question| question.events != 0) {
            // When this fails, it will be asked before the next wait.
            drop(source.ask(port));
        }
        self.list(fd);
    }

    fn list(&mut self, fd: RawFd) {
        if self.sources.get_mut(&fd).is_some_and(|source| !mem::replace(&mut source.listed, true)) {
            self.listed.push(fd);
        }
    }

    /// Reports the wakers whose events the port had no room for; it stays alerted while there are more than fit.
    fn report_wakers(&mut self, port: &Port, now: Instant, events: &mut Vec<Record>) -> io::Result<()> {
        for waker in self.wakers.values_mut() {
            if events.len() < events.capacity() {
                events.extend(waker.report(now, |_| None));
            }
        }
        if self.wakers.values().any(Entry::is_news) {
            return Ok(());
        }
        port.alert(false)
    }
}
