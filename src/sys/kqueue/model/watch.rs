//! Tells what happens to descriptors, by epoll: one set of edges for each filter, so that bytes that arrive are no news to
//! the filter for writing.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{eventfd, EventfdFlags, PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::constants::{EVFILT_READ, EVFILT_WRITE, EXCEPT};

const FILTERS: [(i16, EventFlags); 3] = [
    (EVFILT_READ, EventFlags::IN.union(EventFlags::RDHUP)),
    (EVFILT_WRITE, EventFlags::OUT),
    (EXCEPT.0, EventFlags::PRI.union(EventFlags::RDHUP)),
];

/// The edges of all watched descriptors.
#[derive(Debug)]
pub(super) struct Watch {
    sets: [OwnedFd; 3],
    /// Never waited for. epoll knows a descriptor by its number and its file: a change of what is there tells whether the
    /// number still stands for that file.
    identities: OwnedFd,
    /// Readable while notes are active.
    active: OwnedFd,
    /// The sets and `active`: readable when there is something to do.
    top: OwnedFd,
}

impl Watch {
    pub(super) fn new() -> io::Result<Watch> {
        let set = || epoll::create(CreateFlags::CLOEXEC);
        let watch = Watch {
            sets: [set()?, set()?, set()?],
            identities: set()?,
            active: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            top: set()?,
        };
        for fd in watch.sets.iter().chain([&watch.active]) {
            epoll::add(&watch.top, fd, EventData::new_u64(0), EventFlags::IN)?;
        }
        Ok(watch)
    }

    /// Begins to tell of `filter`; `stamp` comes with each edge.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, filter: i16, stamp: u64) -> io::Result<()> {
        replace(&self.identities, fd, 0, EventFlags::empty())?;
        let (set, (_, asked)) = self.set(filter);
        replace(set, fd, stamp, *asked | EventFlags::ET)
    }

    pub(super) fn remove(&self, fd: BorrowedFd<'_>, filter: i16) {
        // It may have been closed.
        let _ = epoll::delete(self.set(filter).0, fd);
    }

    /// Whether a number stands for the file that it was added with.
    pub(super) fn is_same(&self, fd: BorrowedFd<'_>) -> bool {
        epoll::modify(&self.identities, fd, EventData::new_u64(0), EventFlags::empty()).is_ok()
    }

    /// Forgets the file of a number, for the next one.
    pub(super) fn forget(&self, fd: BorrowedFd<'_>) {
        let _ = epoll::delete(&self.identities, fd);
    }

    /// Takes all edges: filter and stamp of each.
    pub(super) fn take(&self, mut edge: impl FnMut(i16, u64)) -> io::Result<()> {
        let mut events = Vec::with_capacity(64);
        for (set, (filter, _)) in self.sets.iter().zip(FILTERS) {
            loop {
                events.clear();
                epoll::wait(set, rustix::buffer::spare_capacity(&mut events), Some(&Timespec::default()))?;
                events.iter().for_each(|event| edge(filter, event.data.u64()));
                if events.len() < events.capacity() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Makes the queue readable, or not.
    pub(super) fn set_active(&self, active: bool) {
        // Full or empty is as good.
        if active {
            let _ = rustix::io::write(&self.active, &1_u64.to_ne_bytes());
        } else {
            let _ = rustix::io::read(&self.active, &mut [0; 8]);
        }
    }

    /// Waits until there is something to do, or the time is over.
    pub(super) fn wait(&self, timeout: Option<&Timespec>) -> io::Result<()> {
        rustix::event::poll(&mut [PollFd::new(&self.top, PollFlags::IN)], timeout)?;
        Ok(())
    }

    fn set(&self, filter: i16) -> (&OwnedFd, &(i16, EventFlags)) {
        let index = FILTERS.iter().position(|(own, _)| *own == filter).expect("a filter of descriptors");
        (&self.sets[index], &FILTERS[index])
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.top.as_fd()
    }
}

/// Adds a descriptor, or changes it.
fn replace(set: &OwnedFd, fd: BorrowedFd<'_>, stamp: u64, asked: EventFlags) -> io::Result<()> {
    match epoll::add(set, fd, EventData::new_u64(stamp), asked) {
        Err(Errno::EXIST) => Ok(epoll::modify(set, fd, EventData::new_u64(stamp), asked)?),
        result => Ok(result?),
    }
}

/// What [`Watch::add`] gives its edges to know their note by: the number, and which of those that had it.
pub(super) fn stamp(fd: RawFd, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(fd.unsigned_abs())
}

/// The number in a stamp.
pub(super) fn ident(stamp: u64) -> usize {
    usize::try_from(stamp & u64::from(u32::MAX)).unwrap_or(usize::MAX)
}
