//! The notes of a queue, and what changes and events do to them.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;

use super::constants::{
    kevent, EVFILT_READ, EVFILT_USER, EVFILT_WRITE, EV_ADD, EV_CLEAR, EV_DELETE, EV_DISABLE, EV_ENABLE, EV_EOF,
    EV_ONESHOT, EXCEPT, NOTE_FFCOPY, NOTE_FFCTRLMASK, NOTE_FFLAGSMASK, NOTE_TRIGGER,
};
use super::level::{self, Level};
use super::watch::{self, Watch};
use crate::sys::kqueue::event::Record;
use crate::sys::unix::borrow;

/// "A kevent is identified by the (ident, filter) pair; there may only be one unique kevent per kqueue."
type Key = (usize, i16);

#[derive(Debug)]
struct Note {
    flags: u16,
    udata: usize,
    /// The flags of the filter that it was given.
    fflags: u32,
    stamp: u64,
    disabled: bool,
    /// In the list of active notes.
    active: bool,
    triggered: bool,
}

/// All notes, and which are active, the first to become so first.
#[derive(Debug)]
pub(in crate::sys::kqueue) struct Notes {
    notes: HashMap<Key, Note>,
    active: VecDeque<Key>,
    generation: u32,
    watch: Arc<Watch>,
    pub(in crate::sys::kqueue) faults: Faults,
}

/// What a test makes go wrong.
#[derive(Debug, Default)]
pub(in crate::sys::kqueue) struct Faults {
    /// Attaching this filter to this descriptor gives this error.
    pub(in crate::sys::kqueue) refused: HashMap<Key, i32>,
    /// A kernel from before `EVFILT_USER`.
    pub(in crate::sys::kqueue) no_user_events: bool,
    /// As many calls that change something are interrupted after the changes.
    pub(in crate::sys::kqueue) interrupted: usize,
}

impl Notes {
    pub(super) fn new(watch: Arc<Watch>) -> Notes {
        Notes { notes: HashMap::new(), active: VecDeque::new(), generation: 0, watch, faults: Faults::default() }
    }

    /// Applies one change: what its receipt says went wrong.
    pub(super) fn change(&mut self, change: &kevent) -> Result<(), i32> {
        let key = (change.ident, change.filter);
        match change.filter {
            EVFILT_READ | EVFILT_WRITE => self.check_open(change.ident)?,
            filter if filter == EXCEPT.0 => self.check_open(change.ident)?,
            EVFILT_USER if !self.faults.no_user_events => {}
            // "The specified … filter is invalid." "Events for this filter are not registered with kevent() directly".
            _ => return Err(libc::EINVAL),
        }
        let known = self.notes.contains_key(&key);
        match change.flags & (EV_ADD | EV_DELETE) {
            // "The event could not be found to be modified or deleted."
            flags if !known && flags != EV_ADD => return Err(libc::ENOENT),
            EV_ADD if !known => self.attach(key, change)?,
            EV_DELETE => {
                self.detach(key);
                return Ok(());
            }
            _ => {}
        }
        if let Some(note) = self.notes.get_mut(&key) {
            note.udata = change.udata as usize;
            if known {
                note.touch(change);
            }
            // "Adding an event automatically enables it, unless overridden by the EV_DISABLE flag."
            if change.flags & EV_DISABLE != 0 {
                note.disabled = true;
            } else if change.flags & (EV_ENABLE | EV_ADD) != 0 {
                note.disabled = false;
            }
        }
        // "The filter is executed upon the initial registration of a kevent in order to detect whether a preexisting condition
        // is present", and by any change.
        self.evaluate(key);
        Ok(())
    }

    fn attach(&mut self, key: Key, change: &kevent) -> Result<(), i32> {
        if let Some(error) = self.faults.refused.get(&key) {
            return Err(*error);
        }
        let mut own = 0;
        if let Some(fd) = descriptor(key) {
            level::attach(fd, key.1)?;
            self.generation += 1;
            own = watch::stamp(number(key), self.generation);
            if !level::is_vnode(fd) {
                let failed = self.watch.add(fd, key.1, own).err();
                failed.map_or(Ok(()), |error| Err(error.raw_os_error().unwrap_or(libc::EINVAL)))?;
            }
        }
        // FreeBSD's NOTE_TRIGGER is for a note that is there: with the change that adds it, it is nothing.
        let note = Note {
            flags: change.flags & !(EV_ADD | EV_ENABLE | EV_DISABLE),
            udata: 0,
            fflags: change.fflags & NOTE_FFLAGSMASK,
            stamp: own,
            disabled: false,
            active: false,
            triggered: false,
        };
        self.notes.insert(key, note);
        Ok(())
    }

    fn detach(&mut self, key: Key) {
        self.notes.remove(&key);
        self.active.retain(|active| *active != key);
        if let Some(fd) = descriptor(key) {
            self.watch.remove(fd, key.1);
        }
    }

    /// "Calling close() on a file descriptor will remove any kevents that reference the descriptor."
    fn check_open(&mut self, ident: usize) -> Result<(), i32> {
        let fd = descriptor((ident, EVFILT_READ)).ok_or(libc::EBADF)?;
        let there = |filter| self.notes.contains_key(&(ident, filter));
        let watched = [EVFILT_READ, EVFILT_WRITE, EXCEPT.0].into_iter().any(there);
        let open = rustix::io::fcntl_getfd(fd).is_ok();
        if watched && !(open && (level::is_vnode(fd) || self.watch.is_same(fd))) {
            self.watch.forget(fd);
            let stays = |(other, filter): &Key| *other != ident || *filter == EVFILT_USER;
            self.notes.retain(|key, _| stays(key));
            self.active.retain(stays);
        }
        if open {
            Ok(())
        } else {
            Err(libc::EBADF)
        }
    }

    /// What the filter sees of a note's object, when the condition holds.
    fn level(&self, key: Key) -> Option<Level> {
        let note = self.notes.get(&key)?;
        match descriptor(key) {
            Some(fd) => level::look(fd, key.1),
            None => note.triggered.then_some(Level { fflags: note.fflags, ..Level::default() }),
        }
    }

    /// Runs the filter, and puts the note among the active ones when the condition holds.
    fn evaluate(&mut self, key: Key) {
        let holds = self.level(key).is_some();
        if let Some(note) = self.notes.get_mut(&key).filter(|note| holds && !note.disabled && !note.active) {
            note.active = true;
            self.active.push_back(key);
            self.watch.set_active(true);
        }
    }

    /// Runs the filters of all descriptors that something happened to.
    pub(super) fn take_edges(&mut self) -> io::Result<()> {
        let mut edges = Vec::new();
        self.watch.take(|filter, stamp| edges.push((filter, stamp)))?;
        for (filter, stamp) in edges {
            let key = (watch::ident(stamp), filter);
            // What is closed has no notes; what has the number now has others.
            if self.check_open(key.0).is_ok() && self.notes.get(&key).is_some_and(|note| note.stamp == stamp) {
                self.evaluate(key);
            }
        }
        Ok(())
    }

    /// Moves active notes to `events`, as many as there is room for.
    pub(super) fn report(&mut self, events: &mut Vec<Record>) {
        for _ in 0..self.active.len() {
            if events.len() == events.capacity() {
                break;
            }
            let Some(key) = self.active.pop_front() else { break };
            if let Some(event) = self.retrieve(key) {
                events.push(Record(event));
            }
        }
        if self.active.is_empty() {
            self.watch.set_active(false);
        }
    }

    /// "The filter is also run when the user attempts to retrieve the kevent from the kqueue. If the filter indicates that the
    /// condition that triggered the event no longer holds, the kevent is removed from the kqueue and is not returned."
    fn retrieve(&mut self, key: Key) -> Option<kevent> {
        if key.1 != EVFILT_USER {
            self.check_open(key.0).ok()?;
        }
        let level = self.level(key);
        let note = self.notes.get_mut(&key)?;
        note.active = false;
        let level = level.filter(|_| !note.disabled)?;
        let end = if level.end { EV_EOF } else { 0 };
        let udata = note.udata as *mut libc::c_void;
        let (ident, filter) = key;
        let event = kevent { ident, filter, flags: note.flags | end, fflags: level.fflags, data: level.data, udata };
        // FreeBSD, sys_pipe.c, pipeclose: the note for writing goes with the reader, when it has been told.
        let last = filter == EVFILT_WRITE && level.end && descriptor(key).is_some_and(level::is_pipe);
        if last || note.flags & EV_ONESHOT != 0 {
            self.detach(key);
        } else if note.flags & EV_CLEAR != 0 {
            note.triggered = false;
        } else {
            // Not an edge: it stays until the condition does not hold.
            note.active = true;
            self.active.push_back(key);
        }
        Some(event)
    }
}

impl Note {
    /// What a change says to a user event: the control bits tell what to do with its flags.
    fn touch(&mut self, change: &kevent) {
        if change.filter != EVFILT_USER {
            self.fflags = change.fflags;
            return;
        }
        if change.fflags & NOTE_FFCTRLMASK == NOTE_FFCOPY {
            self.fflags = change.fflags & NOTE_FFLAGSMASK;
        }
        if change.fflags & NOTE_TRIGGER != 0 {
            self.triggered = true;
        }
        // FreeBSD, kern_event.c, filt_usertouch.
        if change.flags & EV_CLEAR != 0 {
            self.triggered = false;
        }
    }
}

/// The descriptor of a note; none for a user event, and for a number that none can have.
fn descriptor<'fd>(key: Key) -> Option<BorrowedFd<'fd>> {
    if key.1 == EVFILT_USER {
        return None;
    }
    RawFd::try_from(key.0).ok().and_then(|fd| borrow(fd).ok())
}

fn number(key: Key) -> RawFd {
    RawFd::try_from(key.0).unwrap_or(-1)
}
