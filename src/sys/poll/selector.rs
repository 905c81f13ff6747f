//! Shows the table to poll(2), and interrupts itself when the table changes meanwhile.
//!
//! Threads that register take the lock, change the table, and write a note when somebody waits; the waiting thread holds
//! the lock before and after the system call, never during it. What it is told may be out of date then: keys have
//! generations, so that an answer for an entry that is gone is for nobody.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libc::pollfd;

use super::kernel;
use super::shared::Shared;
use super::table::{Key, Question, Table};
use super::waker::Waker;
use crate::sys::edges::{self, Outlook, Record};
use crate::sys::{error, RawSource, SelectDescriptor};
use crate::{Interest, Token};

/// A set of registrations, and the list that shows them to the kernel.
pub(crate) struct Selector {
    shared: Arc<Shared>,
    list: List,
}

/// The arguments of one system call; kept, so that waiting allocates nothing.
#[derive(Default)]
struct List {
    keys: Vec<Key>,
    descriptors: Vec<pollfd>,
}

/// The registration of a source that poised owns; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    shared: Arc<Shared>,
    key: Key,
}

impl Selector {
    fn owns(&self, registration: &Registration) -> io::Result<Key> {
        if Arc::ptr_eq(&self.shared, &registration.shared) {
            Ok(registration.key)
        } else {
            Err(error::not_registered())
        }
    }

    /// One system call: waits for at most `left`, and less when there is something to look at again within `nap`.
    fn turn(&mut self, events: &mut Vec<Record>, left: Option<Duration>, nap: Duration) -> io::Result<()> {
        let mut state = self.shared.lock();
        let unsettled = self.list.settle(&mut state.table)?;
        let timeout = Outlook { news: state.table.has_news(), unsettled }.timeout(left, nap);
        self.list.clear();
        self.list.descriptors.extend(kernel::notes(&self.shared.notifier));
        self.list.extend(state.table.questions());
        state.waiting = true;
        drop(state);

        let result = kernel::poll(&mut self.list.descriptors, timeout);

        let mut state = self.shared.lock();
        state.waiting = false;
        result?;
        let (notes, answers) = self.list.descriptors.split_at(self.list.descriptors.len() - self.list.keys.len());
        if notes.iter().any(|note| note.revents != 0) {
            self.shared.notifier.clear()?;
        }
        for (key, descriptor) in self.list.keys.iter().zip(answers) {
            if descriptor.revents != 0 {
                state.table.answer(*key, descriptor.revents);
            }
        }
        state.table.report(events, Instant::now(), kernel::unread);
        Ok(())
    }
}

impl List {
    fn clear(&mut self) {
        self.keys.clear();
        self.descriptors.clear();
    }

    fn extend(&mut self, questions: impl Iterator<Item = Question>) {
        for question in questions {
            self.keys.push(question.key);
            self.descriptors.push(question.descriptor);
        }
    }

    /// Asks the kernel whether what was reported is over, without waiting. Whether some of it is not, and must be looked
    /// at again.
    fn settle(&mut self, table: &mut Table) -> io::Result<bool> {
        self.clear();
        self.extend(table.unsettled());
        if self.keys.is_empty() {
            return Ok(false);
        }
        kernel::poll(&mut self.descriptors, Some(Duration::ZERO))?;
        let now = Instant::now();
        let mut unsettled = false;
        for (key, descriptor) in self.keys.iter().zip(&self.descriptors) {
            unsettled |= table.settle(*key, descriptor.revents, now, kernel::unread);
        }
        Ok(unsettled)
    }
}

impl crate::sys::Selector for Selector {
    type Registration = Registration;
    type Event = Record;
    type Waker = Waker;

    const EMULATES_EDGES: bool = true;

    fn new() -> io::Result<Selector> {
        Ok(Selector { shared: Arc::new(Shared::new()?), list: List::default() })
    }

    fn try_clone(&self) -> io::Result<Selector> {
        Ok(Selector { shared: Arc::clone(&self.shared), list: List::default() })
    }

    fn register(&self, source: RawSource, token: Token, interest: Interest) -> io::Result<Registration> {
        let key = self.shared.register(source, token, interest, true)?;
        Ok(Registration { shared: Arc::clone(&self.shared), key })
    }

    fn reregister(
        &self,
        registration: &mut Registration,
        _: RawSource,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.shared.reregister(Some(self.owns(registration)?), token, interest)
    }

    fn deregister(&self, registration: &Registration, _: RawSource) -> io::Result<()> {
        self.shared.deregister(Some(self.owns(registration)?))
    }

    fn rearm(registration: &Registration, direction: Interest) -> io::Result<()> {
        let mut state = registration.shared.lock();
        let mut changed = state.table.rearm(registration.key, direction);
        if let Some(Question { key, mut descriptor }) = state.table.standing(registration.key) {
            // The operation may have taken the error, and the next one must be news: now is the time to see it gone. When
            // a signal prevents that, the next wait looks.
            if kernel::poll(std::slice::from_mut(&mut descriptor), Some(Duration::ZERO)).is_ok() {
                state.table.settle(key, descriptor.revents, Instant::now(), kernel::unread);
                changed = true;
            }
        }
        if changed {
            registration.shared.interrupt(&mut state);
        }
        Ok(())
    }

    fn wait(&mut self, events: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
        edges::wait(events, timeout, |events, left, nap| self.turn(events, left, nap))
    }

    fn waker(&self, token: Token) -> io::Result<Waker> {
        Ok(Waker::new(Arc::clone(&self.shared), token))
    }

    fn wake(waker: &Waker) -> io::Result<()> {
        waker.wake();
        Ok(())
    }
}

impl SelectDescriptor for Selector {
    fn register_fd(&self, fd: RawSource, token: Token, interest: Interest) -> io::Result<()> {
        self.shared.register(fd, token, interest, false).map(drop)
    }

    fn reregister_fd(&self, fd: RawSource, token: Token, interest: Interest) -> io::Result<()> {
        let key = self.shared.lock().table.key_of(fd);
        self.shared.reregister(key, token, interest)
    }

    fn deregister_fd(&self, fd: RawSource) -> io::Result<()> {
        let key = self.shared.lock().table.key_of(fd);
        self.shared.deregister(key)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.shared.change(|table| table.remove(self.key));
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector").field("shared", &self.shared).finish()
    }
}
