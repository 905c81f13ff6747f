//! The system calls of this mechanism.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use libc::{c_int, c_uint, c_void, nfds_t, pollfd, uintptr_t};

use super::event::Notice;
use crate::sys::edges::Bits;
use crate::sys::unix::{check, timespec};

pub(super) use libc::{port_event, PORT_SOURCE_ALERT, PORT_SOURCE_FD, PORT_SOURCE_USER};

/// sys/port.h: sets the alert whether or not there is one.
const PORT_ALERT_SET: c_int = 0x01;

/// A port of the kernel.
#[derive(Debug)]
pub(super) struct Port(OwnedFd);

impl Port {
    /// Makes a port that is not inherited.
    pub(super) fn new() -> io::Result<Port> {
        // SAFETY: takes nothing.
        let fd = check(unsafe { libc::port_create() })?;
        // SAFETY: the call made this descriptor, and nobody else has it.
        let port = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: takes plain numbers.
        check(unsafe { libc::fcntl(port.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) })?;
        Ok(Port(port))
    }

    /// Asks for one event of a descriptor, when it has one of `events`, or hangs up. Replaces what was asked before, and
    /// takes back an event that nobody has taken.
    pub(super) fn associate(&self, fd: RawFd, events: Bits, user: usize) -> io::Result<()> {
        let (port, object, user) = (self.0.as_raw_fd(), object(fd), cookie(user));
        // SAFETY: takes plain numbers, of which `user` is one: the kernel gives it back, and follows it nowhere.
        check(unsafe { libc::port_associate(port, PORT_SOURCE_FD, object, events.into(), user) }).map(drop)
    }

    /// Asks no more. An event that nobody has taken is taken back.
    pub(super) fn dissociate(&self, fd: RawFd) -> io::Result<()> {
        // SAFETY: takes plain numbers.
        check(unsafe { libc::port_dissociate(self.0.as_raw_fd(), PORT_SOURCE_FD, object(fd)) }).map(drop)
    }

    /// Sends an event of the user's. `EAGAIN` when the port has no room for it.
    pub(super) fn send(&self, user: usize) -> io::Result<()> {
        // SAFETY: takes plain numbers, as above.
        check(unsafe { libc::port_send(self.0.as_raw_fd(), 1, cookie(user)) }).map(drop)
    }

    /// Makes all waits end at once with an alert alone, or puts an end to that.
    pub(super) fn alert(&self, on: bool) -> io::Result<()> {
        // SAFETY: takes plain numbers.
        check(unsafe { libc::port_alert(self.0.as_raw_fd(), PORT_ALERT_SET, on.into(), ptr::null_mut()) }).map(drop)
    }

    /// Waits for `count` events, or as long as `timeout` says, and writes to `count` how many are in `list`; on an error it
    /// may have written, or not.
    pub(super) fn getn(&self, list: &mut [Notice], count: &mut c_uint, timeout: Option<Duration>) -> io::Result<()> {
        let mut timespec = timeout.map(timespec);
        let timespec = timespec.as_mut().map_or(ptr::null_mut(), |timespec| timespec as *mut libc::timespec);
        let (room, most) = (list.as_mut_ptr().cast(), c_uint::try_from(list.len()).unwrap_or(c_uint::MAX));
        // SAFETY: the kernel writes at most `most` records, for which there is room, each of which is what the kernel's is,
        // and a number; it reads a timespec that lives for the call or none.
        check(unsafe { libc::port_getn(self.0.as_raw_fd(), room, most, count, timespec) }).map(drop)
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Asks what descriptors have, without waiting.
pub(super) fn look(descriptors: &mut [pollfd]) -> io::Result<()> {
    let length = nfds_t::try_from(descriptors.len()).unwrap_or(nfds_t::MAX);
    // SAFETY: the kernel reads and writes `length` structs, which are there.
    check(unsafe { libc::poll(descriptors.as_mut_ptr(), length, 0) }).map(drop)
}

/// A descriptor as the object of an association. It is open, so not negative.
fn object(fd: RawFd) -> uintptr_t {
    uintptr_t::try_from(fd).unwrap_or(uintptr_t::MAX)
}

/// A number as what a program gives to an event. Not a pointer to anything, and never followed.
fn cookie(user: usize) -> *mut c_void {
    ptr::null_mut::<u8>().wrapping_add(user).cast()
}
