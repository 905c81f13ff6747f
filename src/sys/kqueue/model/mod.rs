//! kevent(2) for Linux, made after the manuals of FreeBSD and macOS, with the functions of `kernel.rs`.
//!
//! It is no kqueue for programs: it exists so that `selector`, `event` and `waker` run, as they are, where tests run.
//!
//! * `notes` are the kernel's: by ident and filter, with `EV_ADD` to `EV_ONESHOT`, an error for each change, `EV_CLEAR`, user
//!   events, and the end of all notes of a descriptor that is closed.
//! * `level` is what a filter sees of a descriptor when it is run.
//! * `watch` tells when it must be run: something arrived, or there is room again.
//!
//! Relies on epoll for edges, which it has for the same reasons as BSD's sockets and pipes wake their notes, and for
//! knowing that a number stands for another file. Differs from the real ones, as far as known, in: room for writing (less
//! often told again than BSD does), the error of a socket that failed (always the same one), and files (told of when
//! registered, not when they grow).

pub(super) mod constants;
mod level;
mod notes;
mod watch;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::Timespec;

use self::constants::{EV_ERROR, EV_RECEIPT};
use self::notes::Notes;
use self::watch::Watch;
use super::event::Record;
use crate::sys::timeout::{self, Deadline};

/// A queue.
#[derive(Debug)]
pub(super) struct Queue {
    notes: Mutex<Notes>,
    watch: Arc<Watch>,
    /// "The queue is not inherited by a child created with fork(2)."
    process: u32,
}

impl Queue {
    pub(super) fn new() -> io::Result<Queue> {
        let watch = Arc::new(Watch::new()?);
        Ok(Queue { notes: Mutex::new(Notes::new(Arc::clone(&watch))), watch, process: process::id() })
    }

    /// Applies changes, and writes the receipt of each; there is room for them all.
    pub(super) fn apply(&self, changes: &[Record], receipts: &mut [Record]) -> io::Result<()> {
        let mut notes = self.notes()?;
        for (change, receipt) in changes.iter().zip(receipts) {
            assert!(change.0.flags & EV_RECEIPT != 0, "each change asks for its receipt");
            *receipt = *change;
            receipt.0.data = notes.change(&change.0).err().unwrap_or(0).into();
            receipt.0.flags = EV_ERROR;
        }
        // "When kevent() call fails with EINTR error, all changes in the changelist have been applied."
        if notes.faults.interrupted > 0 {
            notes.faults.interrupted -= 1;
            return Err(io::Error::from_raw_os_error(libc::EINTR));
        }
        Ok(())
    }

    /// Waits into the spare capacity of `events`; `None` is without an end.
    pub(super) fn wait(&self, events: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
        let deadline = Deadline::after(timeout);
        loop {
            let mut notes = self.notes()?;
            notes.take_edges()?;
            notes.report(events);
            drop(notes);
            let left = if timeout.is_some() { deadline.left() } else { None };
            if !events.is_empty() || left == Some(Duration::ZERO) {
                return Ok(());
            }
            let timespec = left.map(|left| {
                let (tv_sec, tv_nsec) = timeout::timespec(left);
                Timespec { tv_sec, tv_nsec }
            });
            // Another thread may change notes meanwhile, which makes it readable; so the lock is not held.
            self.watch.wait(timespec.as_ref())?;
        }
    }

    /// The notes, for one call of one thread: the kernel's lock of a queue.
    pub(super) fn notes(&self) -> io::Result<MutexGuard<'_, Notes>> {
        if process::id() != self.process {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        Ok(self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watch.as_fd()
    }
}
