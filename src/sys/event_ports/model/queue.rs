//! The events of a port, and what it knows of its associations.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::process;
use std::ptr;

use libc::{c_int, c_uint};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

use super::{port_event, PORT_SOURCE_ALERT, PORT_SOURCE_FD, PORT_SOURCE_USER};
use crate::sys::event_ports::event::Notice;
use crate::sys::unix::borrow;

/// The default of `process.max-port-events`.
const MOST: usize = 65_536;

#[derive(Debug)]
struct Association {
    /// What of its epoll entry tells that it is this one.
    stamp: u64,
    user: usize,
    /// "The process performing the first association with a port … is designated as the owner of the association."
    owner: u32,
    /// "When an event for a PORT_SOURCE_FD object is retrieved, the object no longer has an association with the port." Its
    /// place stays taken (illumos, port_fd.c).
    active: bool,
}

#[derive(Debug)]
pub(in crate::sys::event_ports) struct Queue {
    associations: HashMap<RawFd, Association>,
    /// Never waited for. epoll knows a descriptor by its number and its file: a change of what is there tells whether the
    /// number still stands for that file.
    files: OwnedFd,
    notices: VecDeque<Notice>,
    pub(in crate::sys::event_ports) alerted: bool,
    /// How often something was associated.
    pub(in crate::sys::event_ports) stamps: u32,
    /// How often somebody waited.
    pub(in crate::sys::event_ports) calls: usize,
    pub(in crate::sys::event_ports) faults: Faults,
}

/// What a test makes go wrong.
#[derive(Debug)]
pub(in crate::sys::event_ports) struct Faults {
    /// How many events and associations there may be.
    pub(in crate::sys::event_ports) most: usize,
    /// What the next wait that has events says beside them.
    pub(in crate::sys::event_ports) beside: Option<i32>,
}

impl Queue {
    pub(super) fn new() -> io::Result<Queue> {
        let (associations, notices) = (HashMap::new(), VecDeque::new());
        let files = epoll::create(CreateFlags::CLOEXEC)?;
        let faults = Faults { most: MOST, beside: None };
        Ok(Queue { associations, files, notices, alerted: false, stamps: 0, calls: 0, faults })
    }

    /// Makes or changes an association, and takes back its event: what its epoll entry is to be stamped with.
    pub(super) fn associate(&mut self, fd: RawFd, user: usize) -> io::Result<u64> {
        self.check_open(fd)?;
        if !self.associations.contains_key(&fd) {
            self.has_room()?;
            match epoll::add(&self.files, borrow(fd)?, EventData::new_u64(0), EventFlags::empty()) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.take_back(fd);
        self.stamps += 1;
        let stamp = u64::from(self.stamps) << 32 | u64::from(fd.unsigned_abs());
        let owner = self.associations.get(&fd).map_or_else(process::id, |known| known.owner);
        self.associations.insert(fd, Association { stamp, user, owner, active: true });
        Ok(stamp)
    }

    pub(super) fn dissociate(&mut self, fd: RawFd) -> io::Result<()> {
        self.check_open(fd)?;
        let association = self.associations.get(&fd).ok_or_else(|| error(libc::ENOENT))?;
        // "Only the owner of an association is allowed to dissociate the file descriptor from a port."
        if association.owner != process::id() {
            return Err(error(libc::EACCES));
        }
        let active = association.active;
        self.associations.remove(&fd);
        self.take_back(fd);
        epoll::delete(&self.files, borrow(fd)?)?;
        // "The specified object is not associated with the port."
        active.then_some(()).ok_or_else(|| error(libc::ENOENT))
    }

    pub(super) fn send(&mut self, user: usize) -> io::Result<()> {
        self.has_room()?;
        self.notices.push_back(notice(PORT_SOURCE_USER, 1, 0, user));
        Ok(())
    }

    /// Puts the event of an epoll entry into the queue, if it is of an association that still is.
    pub(super) fn put(&mut self, stamp: u64, events: u32) {
        let Ok(fd) = RawFd::try_from(stamp & u64::from(u32::MAX)) else { return };
        if let Some(association) = self.associations.get(&fd).filter(|association| association.stamp == stamp) {
            let events = c_int::try_from(events).unwrap_or(0);
            self.notices.push_back(notice(PORT_SOURCE_FD, events, fd, association.user));
        }
    }

    /// Takes events, the first to be sent first; an alert alone when there is one.
    pub(super) fn take(&mut self, list: &mut [Notice]) -> usize {
        if self.alerted {
            list[0] = notice(PORT_SOURCE_ALERT, 1, 0, 0);
            return 1;
        }
        let mut taken = 0;
        while taken < list.len() {
            let Some(notice) = self.notices.pop_front() else { break };
            let of_user = c_int::from(notice.0.portev_source) == PORT_SOURCE_USER;
            let fd = RawFd::try_from(notice.0.portev_object).unwrap_or(-1);
            // "If an associated file descriptor is closed then the file descriptor will be dissociated" (illumos, port.c).
            if !of_user && self.check_open(fd).is_err() {
                continue;
            }
            if let Some(association) = self.associations.get_mut(&fd).filter(|_| !of_user) {
                association.active = false;
            } else if !of_user {
                continue;
            }
            list[taken] = notice;
            taken += 1;
        }
        taken
    }

    /// Says how many events were taken, or fails beside them, as a test wants it.
    pub(super) fn hand_over(&mut self, taken: usize, count: &mut c_uint) -> io::Result<()> {
        *count = c_uint::try_from(taken).unwrap_or(c_uint::MAX);
        self.faults.beside.take().map_or(Ok(()), |code| Err(error(code)))
    }

    pub(super) fn is_readable(&self) -> bool {
        self.alerted || !self.notices.is_empty()
    }

    /// "The maximum number of objects associated with the port was exceeded": events of the user's count as well, and a
    /// descriptor from its first association on (illumos, port_fd.c).
    fn has_room(&self) -> io::Result<()> {
        let sent = self.notices.iter().filter(|notice| c_int::from(notice.0.portev_source) == PORT_SOURCE_USER);
        if self.associations.len() + sent.count() < self.faults.most {
            Ok(())
        } else {
            Err(error(libc::EAGAIN))
        }
    }

    /// Whether a descriptor is open. When it is closed, or another file has its number, its association is forgotten.
    fn check_open(&mut self, fd: RawFd) -> io::Result<()> {
        let open = borrow(fd).is_ok_and(|fd| rustix::io::fcntl_getfd(fd).is_ok());
        let (nothing, files) = (EventData::new_u64(0), &self.files);
        let same = open && borrow(fd).is_ok_and(|fd| epoll::modify(files, fd, nothing, EventFlags::empty()).is_ok());
        if !same && self.associations.remove(&fd).is_some() {
            self.take_back(fd);
        }
        // "The source argument is of type PORT_SOURCE_FD and the object argument is not a valid file descriptor."
        open.then_some(()).ok_or_else(|| error(libc::EBADFD))
    }

    fn take_back(&mut self, fd: RawFd) {
        let object = usize::try_from(fd).unwrap_or(usize::MAX);
        let stays =
            |notice: &Notice| c_int::from(notice.0.portev_source) != PORT_SOURCE_FD || notice.0.portev_object != object;
        self.notices.retain(stays);
    }
}

fn error(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

fn notice(source: c_int, events: c_int, fd: RawFd, user: usize) -> Notice {
    Notice(port_event {
        portev_events: events,
        portev_source: u16::try_from(source).unwrap_or(0),
        portev_pad: 0,
        portev_object: usize::try_from(fd).unwrap_or(usize::MAX),
        portev_user: ptr::null_mut::<u8>().wrapping_add(user).cast(),
    })
}
