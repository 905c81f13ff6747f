//! An event port for Linux, made after the manuals of Solaris and illumos, with the functions of `kernel.rs`.
//!
//! It is no event port for programs: it exists so that `selector`, `registered` and `waker` run, as they are, where tests run.
//!
//! * An association is an entry of an epoll set with `EPOLLONESHOT`, which is level-triggered when it is made, and silent
//!   after its event; an event goes to the queue as soon as the port looks, and stays until it is taken or taken back.
//! * `queue` has the events, the associations with their owners, and what is given back when there is an error.
//!
//! Relies on epoll for what is ready, and for knowing that a number stands for another file. Differs from the real one,
//! as far as known, in: when hang-ups and errors are told, which is as Linux has it; and events, which are queued when
//! somebody looks at the port rather than when they happen, so that what was drained before is not told.

mod queue;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libc::{c_int, c_uint, c_ushort, c_void, pollfd, uintptr_t};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec};

use self::queue::Queue;
use super::event::Notice;
use crate::sys::edges::Bits;
use crate::sys::timeout::{self, Deadline};
use crate::sys::unix::notifier::Notifier;
use crate::sys::unix::{borrow, check};

/// sys/port.h.
pub(super) const PORT_SOURCE_USER: c_int = 3;
pub(super) const PORT_SOURCE_FD: c_int = 4;
pub(super) const PORT_SOURCE_ALERT: c_int = 5;

/// port_get(3C).
#[allow(non_camel_case_types)] // As the system names it.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct port_event {
    pub portev_events: c_int,
    pub portev_source: c_ushort,
    pub portev_pad: c_ushort,
    pub portev_object: uintptr_t,
    pub portev_user: *mut c_void,
}

/// A port.
#[derive(Debug)]
pub(super) struct Port {
    queue: Mutex<Queue>,
    /// The associations.
    watch: OwnedFd,
    /// Readable while there is something in the queue, or an alert.
    bell: Notifier,
    /// Both: readable when there is something to take.
    top: OwnedFd,
}

impl Port {
    pub(super) fn new() -> io::Result<Port> {
        let set = || epoll::create(CreateFlags::CLOEXEC);
        let port = Port { queue: Mutex::new(Queue::new()?), watch: set()?, bell: Notifier::new()?, top: set()? };
        let bell = borrow(std::os::fd::AsRawFd::as_raw_fd(&port.bell))?;
        for fd in [port.watch.as_fd(), bell] {
            epoll::add(&port.top, fd, EventData::new_u64(0), EventFlags::IN)?;
        }
        Ok(port)
    }

    /// "If the specified object is already associated with the specified port, the port_associate() function serves to update
    /// the events and user arguments of the association."
    pub(super) fn associate(&self, fd: RawFd, events: Bits, user: usize) -> io::Result<()> {
        let mut queue = self.queue();
        let stamp = queue.associate(fd, user)?;
        // epoll has poll(2)'s numbers.
        let asked = EventFlags::from_bits_truncate(u32::from(events.unsigned_abs())) | EventFlags::ONESHOT;
        let (fd, stamp) = (borrow(fd)?, EventData::new_u64(stamp));
        match epoll::add(&self.watch, fd, stamp, asked) {
            Err(rustix::io::Errno::EXIST) => epoll::modify(&self.watch, fd, stamp, asked)?,
            result => result?,
        }
        self.take_events(&mut queue)
    }

    pub(super) fn dissociate(&self, fd: RawFd) -> io::Result<()> {
        let mut queue = self.queue();
        let result = queue.dissociate(fd);
        // Whatever it says, nothing is watched; but for its parent's, in a forked child.
        if !matches!(&result, Err(error) if error.raw_os_error() == Some(libc::EACCES)) {
            // It may be closed.
            drop(borrow(fd).map(|fd| epoll::delete(&self.watch, fd)));
        }
        self.ring(&queue)?;
        result
    }

    pub(super) fn send(&self, user: usize) -> io::Result<()> {
        let mut queue = self.queue();
        // What was ready before comes first.
        self.take_events(&mut queue)?;
        queue.send(user)?;
        self.ring(&queue)
    }

    /// "A port in alert mode immediately awakens all threads blocked in port_get(3C) or port_getn(3C)."
    pub(super) fn alert(&self, on: bool) -> io::Result<()> {
        let mut queue = self.queue();
        queue.alerted = on;
        self.ring(&queue)
    }

    pub(super) fn getn(&self, list: &mut [Notice], count: &mut c_uint, timeout: Option<Duration>) -> io::Result<()> {
        let deadline = Deadline::after(timeout);
        let mut left = timeout;
        self.queue().calls += 1;
        loop {
            let mut queue = self.queue();
            self.take_events(&mut queue)?;
            let taken = queue.take(list);
            self.ring(&queue)?;
            if taken > 0 {
                return queue.hand_over(taken, count);
            }
            drop(queue);
            match left {
                // "To poll for an event without waiting, timeout should point to a zeroed timespec."
                Some(Duration::ZERO) if timeout == left => *count = 0,
                // "The time interval expired before the expected number of events have been posted to the port (original
                // value in nget)".
                Some(Duration::ZERO) => return Err(io::Error::from_raw_os_error(libc::ETIME)),
                _ => {
                    self.wait(left)?;
                    left = deadline.left();
                    continue;
                }
            }
            return Ok(());
        }
    }

    /// Waits until there is something to take, or the time is over.
    fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        let timespec = timeout.map(timeout::timespec).map(|(tv_sec, tv_nsec)| Timespec { tv_sec, tv_nsec });
        rustix::event::poll(&mut [PollFd::new(&self.top, PollFlags::IN)], timespec.as_ref())?;
        Ok(())
    }

    /// Moves what is ready into the queue.
    fn take_events(&self, queue: &mut Queue) -> io::Result<()> {
        let mut events = Vec::with_capacity(64);
        loop {
            events.clear();
            epoll::wait(&self.watch, rustix::buffer::spare_capacity(&mut events), Some(&Timespec::default()))?;
            for event in &events {
                let flags = event.flags;
                queue.put(event.data.u64(), flags.bits());
            }
            if events.len() < events.capacity() {
                return self.ring(queue);
            }
        }
    }

    fn ring(&self, queue: &Queue) -> io::Result<()> {
        if queue.is_readable() {
            self.bell.notify()
        } else {
            self.bell.clear()
        }
    }

    /// The queue, for one call of one thread: the kernel's lock of a port.
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.top.as_fd()
    }
}

/// Asks what descriptors have, without waiting.
pub(super) fn look(descriptors: &mut [pollfd]) -> io::Result<()> {
    let length = libc::nfds_t::try_from(descriptors.len()).unwrap_or(libc::nfds_t::MAX);
    // SAFETY: the kernel reads and writes `length` structs, which are there.
    check(unsafe { libc::poll(descriptors.as_mut_ptr(), length, 0) }).map(drop)
}
