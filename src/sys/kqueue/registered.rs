//! What was registered, and the changes that make it so.
//!
//! To the kernel, adding a note twice is to change it, and it does not tell which notes there are. So this is remembered:
//! for the errors that say what was wrong, for removing notes that are not wanted any more, and for an error to leave
//! everything as it was. It is a hint. A descriptor may have been closed since, which the kernel sees and this does not:
//! whenever the answer depends on it, the kernel is asked.

use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;

use super::event::{Record, READER_GONE};
use super::kernel::Queue;
use super::types::{self, Filter, Flags};
use crate::sys::error;
use crate::{Interest, Token};

/// The registrations of a queue, each of one descriptor.
#[derive(Debug, Default)]
pub(super) struct Registered {
    entries: HashMap<RawFd, Entry>,
}

/// What a descriptor was registered as.
#[derive(Clone, Copy, Debug)]
struct Entry {
    token: Token,
    interest: Interest,
    /// Whether it is a pipe without a reader, which the kernel does not watch for writing: see [`Registered::set`].
    reader_gone: bool,
}

impl Registered {
    /// Registers a descriptor that is not registered. Whether it has a stand-in.
    pub(super) fn add(&mut self, queue: &Queue, fd: RawFd, token: Token, interest: Interest) -> io::Result<bool> {
        if let Some(entry) = self.entries.get(&fd) {
            if !entry.has_note(queue, fd)? && entry.lost_its_reader(queue, fd)? {
                return Err(error::already_registered());
            }
        }
        self.add_owned(queue, fd, token, interest)
    }

    /// The same of one whose owner knows that it is not registered: then a pipe that has lost its reader is another one than was
    /// registered by this number.
    pub(super) fn add_owned(&mut self, queue: &Queue, fd: RawFd, token: Token, interest: Interest) -> io::Result<bool> {
        refuse(interest)?;
        if let Some(entry) = self.entries.get(&fd) {
            if entry.has_note(queue, fd)? {
                return Err(error::already_registered());
            }
            self.entries.remove(&fd);
        }
        self.set(queue, fd, token, interest)
    }

    /// Changes a registration. Whether it has a stand-in. `owned` says that the descriptor can't have been closed.
    pub(super) fn change(
        &mut self,
        queue: &Queue,
        (fd, owned): (RawFd, bool),
        token: Token,
        interest: Interest,
    ) -> io::Result<bool> {
        refuse(interest)?;
        let entry = self.entries.get(&fd).ok_or_else(error::not_registered)?;
        if !owned && !entry.has_note(queue, fd)? && !entry.lost_its_reader(queue, fd)? {
            self.entries.remove(&fd);
            return Err(error::not_registered());
        }
        self.set(queue, fd, token, interest)
    }

    /// Ends a registration. After an error there is none either. `owned` is as for [`change`](Registered::change).
    pub(super) fn remove(&mut self, queue: &Queue, (fd, owned): (RawFd, bool)) -> io::Result<()> {
        let entry = self.entries.remove(&fd).ok_or_else(error::not_registered)?;
        let mut changes = Changes::default();
        filters(entry.interest).for_each(|(filter, _)| changes.delete(fd, filter));
        if entry.reader_gone {
            changes.delete(fd, types::EVFILT_USER);
        }
        let again = changes.apply(queue)?;
        // One filter may be gone before the other, or have never been there: enough that there was one.
        let mut errors = changes.receipts().iter().map(Record::error);
        if owned || again || entry.reader_gone || errors.clone().any(|error| error.is_none()) {
            return Ok(());
        }
        match errors.next().flatten() {
            Some(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
            _ if entry.lost_its_reader(queue, fd)? => Ok(()),
            _ => Err(error::not_registered()),
        }
    }

    /// Ends what stands in for the write filter, if anything does.
    pub(super) fn remove_stand_in(&mut self, queue: &Queue, fd: RawFd) -> io::Result<()> {
        let mut changes = Changes::default();
        changes.delete(fd, types::EVFILT_USER);
        changes.apply(queue).map(drop)
    }

    /// Makes the notes those of `interest`, or leaves them as they were. Whether one has a stand-in.
    ///
    /// The kernel refuses to watch for writing a pipe whose reader is gone, though that is what the program wants to be told:
    /// `EPIPE` on FreeBSD, DragonFly, OpenBSD and macOS, `EBADF` on NetBSD (sys_pipe.c, pipe_kqfilter). A user event stands
    /// in for the note; since no reader ever comes back, it needs to happen only once.
    fn set(&mut self, queue: &Queue, fd: RawFd, token: Token, interest: Interest) -> io::Result<bool> {
        let old = self.entries.get(&fd).copied();
        let mut changes = Changes::default();
        for (filter, fflags) in filters(interest) {
            changes.add(fd, filter, fflags, token);
        }
        let added = changes.length;
        changes.delete_all_but(fd, old.map(|old| old.interest), interest);
        changes.apply(queue)?;

        let mut reader_gone = false;
        let mut failure = None;
        for ((filter, _), receipt) in filters(interest).zip(&changes.receipts()[..added]) {
            match receipt.error() {
                None => {}
                Some(error) if filter == types::EVFILT_WRITE && means_reader_gone(&error, fd) => reader_gone = true,
                Some(error) => failure = failure.or(Some(error)),
            }
        }
        if failure.is_none() && reader_gone {
            failure = stand_in(queue, fd, token).err();
        }
        if let Some(error) = failure {
            restore(queue, fd, interest, old);
            return Err(explain(error));
        }
        if !reader_gone && old.is_some_and(|old| old.reader_gone) {
            self.remove_stand_in(queue, fd)?;
        }
        self.entries.insert(fd, Entry { token, interest, reader_gone });
        Ok(reader_gone)
    }
}

impl Entry {
    /// Whether the kernel still has the registration, which is unchanged by being asked: `EV_ENABLE` finds the note, or not.
    fn has_note(&self, queue: &Queue, fd: RawFd) -> io::Result<bool> {
        let mut changes = Changes::default();
        if let Some((filter, fflags)) = filters(self.interest).next() {
            changes.push(fd, filter, types::EV_ENABLE, self.token);
            changes.last_with(fflags);
        }
        changes.apply(queue)?;
        match changes.receipts().first().and_then(Record::error) {
            None => Ok(true),
            Some(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EBADF)) => Ok(false),
            Some(error) => Err(error),
        }
    }

    /// Whether there is no note because it is one for writing to a pipe whose reader is gone: FreeBSD removes it when it has told
    /// so (sys_pipe.c, pipeclose), and a new one is refused. To see that, one is added, disabled.
    fn lost_its_reader(&self, queue: &Queue, fd: RawFd) -> io::Result<bool> {
        if !self.interest.is_writable() {
            return Ok(false);
        }
        let mut changes = Changes::default();
        changes.push(fd, types::EVFILT_WRITE, types::EV_ADD | types::EV_DISABLE, self.token);
        changes.delete(fd, types::EVFILT_WRITE);
        changes.apply(queue)?;
        Ok(changes.receipts()[0].error().is_some_and(|error| means_reader_gone(&error, fd)))
    }
}

/// A list of changes, and their receipts.
struct Changes {
    // Three filters to add and three to delete, or the stand-in as well.
    room: [Record; 6],
    receipts: [Record; 6],
    length: usize,
}

impl Default for Changes {
    fn default() -> Changes {
        let empty = [Record::change(0, types::EVFILT_READ, 0, Token(0)); 6];
        Changes { room: empty, receipts: empty, length: 0 }
    }
}

impl Changes {
    fn push(&mut self, fd: RawFd, filter: Filter, flags: Flags, token: Token) {
        // What is below zero has no number that the kernel would find, and EBADF is its answer.
        let ident = usize::try_from(fd).unwrap_or(usize::MAX);
        self.room[self.length] = Record::change(ident, filter, flags, token);
        self.length += 1;
    }

    fn last_with(&mut self, fflags: u32) {
        let last = self.length - 1;
        self.room[last] = self.room[last].with(fflags);
    }

    fn add(&mut self, fd: RawFd, filter: Filter, fflags: u32, token: Token) {
        self.push(fd, filter, types::EV_ADD | types::EV_CLEAR, token);
        self.last_with(fflags);
    }

    fn delete(&mut self, fd: RawFd, filter: Filter) {
        self.push(fd, filter, types::EV_DELETE, Token(0));
    }

    fn delete_all_but(&mut self, fd: RawFd, old: Option<Interest>, kept: Interest) {
        if let Some(gone) = old.and_then(|old| old.remove(kept)) {
            filters(gone).for_each(|(filter, _)| self.delete(fd, filter));
        }
    }

    /// Whether what was to be deleted was so, perhaps, before the receipts were written.
    fn apply(&mut self, queue: &Queue) -> io::Result<bool> {
        apply(queue, &self.room[..self.length], &mut self.receipts[..self.length])
    }

    /// A receipt of each change, in their order.
    fn receipts(&self) -> &[Record] {
        &self.receipts[..self.length]
    }
}

/// Applies changes, and writes the receipt of each.
///
/// When a signal comes, all of them have been applied and the receipts are lost (kqueue(2) of FreeBSD and NetBSD). Doing it once
/// more tells them, but for what is deleted: that is not there any more. Whether that was so.
pub(super) fn apply(queue: &Queue, changes: &[Record], receipts: &mut [Record]) -> io::Result<bool> {
    let mut again = false;
    loop {
        match queue.apply(changes, receipts) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => again = true,
            result => return result.map(|()| again),
        }
    }
}

/// The filters of an interest, with their flags.
fn filters(interest: Interest) -> impl Iterator<Item = (Filter, u32)> + Clone {
    let readable = interest.is_readable().then_some((types::EVFILT_READ, 0));
    let writable = interest.is_writable().then_some((types::EVFILT_WRITE, 0));
    let priority = types::EXCEPT.filter(|_| interest.is_priority());
    [readable, writable, priority].into_iter().flatten()
}

fn refuse(interest: Interest) -> io::Result<()> {
    error::refuse(interest, Interest::ASYNC_IO)?;
    match types::EXCEPT {
        Some(_) => Ok(()),
        None => error::refuse(interest, Interest::PRIORITY),
    }
}

/// After a failed change: removes what it added, and brings back what was there.
fn restore(queue: &Queue, fd: RawFd, interest: Interest, old: Option<Entry>) {
    let mut changes = Changes::default();
    match old {
        None => filters(interest).for_each(|(filter, _)| changes.delete(fd, filter)),
        Some(old) => {
            filters(old.interest).for_each(|(filter, fflags)| changes.add(fd, filter, fflags, old.token));
            changes.delete_all_but(fd, Some(interest), old.interest);
        }
    }
    // Of two errors, the one that caused this is the one to tell.
    drop(changes.apply(queue));
}

/// Makes a user event happen that says of a pipe that its reader is gone. `EINVAL` becomes `EPIPE`, which was the kernel's
/// answer before: one that is too old for user events can't be helped.
fn stand_in(queue: &Queue, fd: RawFd, token: Token) -> io::Result<()> {
    let mut changes = Changes::default();
    changes.push(fd, types::EVFILT_USER, types::EV_ADD | types::EV_CLEAR | types::EV_ONESHOT, token);
    changes.last_with(READER_GONE);
    changes.push(fd, types::EVFILT_USER, 0, token);
    changes.last_with(types::NOTE_TRIGGER | types::NOTE_FFCOPY | READER_GONE);
    changes.apply(queue)?;
    match changes.receipts().iter().find_map(Record::error) {
        Some(error) if error.raw_os_error() == Some(libc::EINVAL) => Err(io::Error::from_raw_os_error(libc::EPIPE)),
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Whether the error of a write filter says that the pipe has no reader.
fn means_reader_gone(error: &io::Error, fd: RawFd) -> bool {
    match error.raw_os_error() {
        Some(libc::EPIPE) => true,
        // NetBSD, unless it means what it says.
        // SAFETY: takes plain numbers.
        Some(libc::EBADF) => (unsafe { libc::fcntl(fd, libc::F_GETFD) }) != -1,
        _ => false,
    }
}

/// `EINVAL` and its like are what a kernel says of descriptors that it can't watch.
#[cold]
fn explain(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EINVAL | libc::ENODEV | libc::EOPNOTSUPP) => error::not_in_queue(error),
        _ => error,
    }
}
