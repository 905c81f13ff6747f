//! The state of a named pipe's operations, apart from the system: what is submitted, what came back, and what is owed to
//! the one who registered.
//!
//! Windows has no readiness for pipes. An operation is submitted with memory of its own, and some time later a packet
//! says how it ended. Readiness is made of that: a read is submitted ahead, and its packet says "readable"; a write is
//! copied and submitted, and its packet says "writable" once more.
//!
//! It relies on a [`Kernel`] that keeps one rule: when `submit` gives `Ok`, the memory is the kernel's, and a packet
//! *will* come that brings it back, whatever happens meanwhile; when it gives `Err`, no packet comes, and the memory is
//! back at once. Since memory is moved, nobody can touch or free it in between, and nothing needs to be asked of an
//! operation under way.
//!
//! It promises that:
//!
//! * no direction has more than one operation that it waits for. Each has a serial number: what was submitted for a
//!   connection that has ended, or for a pipe that was dropped, comes back to nobody, and its bytes with it;
//! * who saw `WouldBlock` gets an event when trying again makes sense;
//! * what is not registered has no events. An event is made of the state when the packet is taken from the port.

use std::io;
use std::mem;

use crate::{Interest, Token};

/// The system's error codes ([System Error Codes]) that decide a transition.
///
/// [System Error Codes]: https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes
pub(crate) mod code {
    /// Less was written than asked for, and nothing at all.
    pub(crate) const WRITE_FAULT: u32 = 29;
    /// The other end is closed. Said to who reads.
    pub(crate) const BROKEN_PIPE: u32 = 109;
    /// The other end is closed. Said to who writes, and to a server that waits for a client that came and went.
    pub(crate) const NO_DATA: u32 = 232;
    /// The server has disconnected.
    pub(crate) const PIPE_NOT_CONNECTED: u32 = 233;
    /// A message is longer than the memory to read it into: a part of it was read.
    pub(crate) const MORE_DATA: u32 = 234;
    /// A client is there already.
    pub(crate) const PIPE_CONNECTED: u32 = 535;
    /// No client is there yet.
    pub(crate) const PIPE_LISTENING: u32 = 536;
}

/// How many bytes are read ahead at first, and at most: a reader who is behind gets more at a time.
const ROOM: (usize, usize) = (4 << 10, 64 << 10);

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Connect,
    Read,
    Write,
}

/// The memory of an operation: the system's own part, and bytes.
pub(crate) trait Memory: Sized {
    /// Memory without bytes.
    fn new() -> Self;
    /// Forgets the bytes, and makes room for so many to be read.
    fn make_room(&mut self, capacity: usize);
    /// Takes a copy of `bytes`, to be written.
    fn fill(&mut self, bytes: &[u8]);
    /// What was read and not taken yet, or is left to be written.
    fn bytes(&self) -> &[u8];
    /// Leaves the first `count` bytes behind.
    fn skip(&mut self, count: usize);
}

/// The system, for one pipe.
pub(crate) trait Kernel {
    type Memory: Memory;

    /// Submits an operation; the address identifies it to [`cancel`](Kernel::cancel). `Ok` means that a packet will come.
    /// On an error, given by its code, none will, and the memory is handed back.
    fn submit(&mut self, kind: Kind, serial: u64, memory: Self::Memory) -> Result<usize, (u32, Self::Memory)>;

    /// Asks that an operation should end soon. Its packet comes all the same.
    fn cancel(&mut self, address: usize);

    /// Ends the connection: operations under way end.
    fn disconnect(&mut self) -> Result<(), u32>;

    /// Posts a packet that leads to [`PipeIo::noticed`].
    fn post(&mut self) -> io::Result<()>;
}

/// An operation that was submitted and whose packet has not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ticket {
    serial: u64,
    address: usize,
}

/// Waiting for a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Connect {
    /// Nobody waits.
    Idle,
    /// Asked for before the pipe was registered: submitted when it is.
    Wanted,
    Submitted(Ticket),
    /// It failed, and `take_error` will tell.
    Failed(u32),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Read<M> {
    Idle,
    Submitted(Ticket),
    /// There are bytes, or there is an empty message.
    Completed(M),
    /// It failed, and the next read will tell.
    Failed(u32),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Write {
    Idle,
    Submitted(Ticket),
    /// It failed after `write` had returned; the next one will tell.
    Failed(u32),
}

/// What is known of the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Link {
    /// Somebody is there, or was, or nothing is known.
    Open,
    /// A server that nobody has connected to.
    Listening,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) token: Token,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) error: bool,
    pub(crate) closed: bool,
}

/// What came to be ready and was not reported yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Owed {
    read: bool,
    write: bool,
}

/// All operations of one pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PipeIo<M> {
    registration: Option<(Token, Interest)>,
    link: Link,
    connect: Connect,
    read: Read<M>,
    write: Write,
    /// The number of the operation submitted last. It does not come round in a lifetime.
    serial: u64,
    owed: Owed,
    /// Whether a packet is in the queue that leads to `noticed`: one is enough.
    noticed: bool,
    /// Whether bytes come in messages, which may be empty.
    messages: bool,
    /// How many bytes the next read is for.
    room: usize,
    /// Memory of a write that is over, for the next.
    spare: Option<M>,
}

fn would_block<T>() -> io::Result<T> {
    Err(io::ErrorKind::WouldBlock.into())
}

// The system's codes are small, and `io::Error` has them signed.
#[allow(clippy::cast_possible_wrap)]
fn error(code: u32) -> io::Error {
    io::Error::from_raw_os_error(code as i32)
}

/// What reading says when it failed: the end of the stream is no error.
fn end_or_error(code: u32) -> io::Result<usize> {
    match code {
        code::BROKEN_PIPE => Ok(0),
        code => Err(error(code)),
    }
}

fn is_hang_up(code: u32) -> bool {
    matches!(code, code::BROKEN_PIPE | code::NO_DATA | code::PIPE_NOT_CONNECTED)
}

impl<M: Memory> PipeIo<M> {
    /// A pipe without operations. `messages` says whether its bytes come in messages.
    pub(crate) fn new(messages: bool) -> PipeIo<M> {
        PipeIo {
            registration: None,
            link: Link::Open,
            connect: Connect::Idle,
            read: Read::Idle,
            write: Write::Idle,
            serial: 0,
            owed: Owed::default(),
            noticed: false,
            messages,
            room: ROOM.0,
            spare: None,
        }
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.registration.is_some()
    }

    /// Whether an empty write means something.
    pub(crate) fn has_messages(&self) -> bool {
        self.messages
    }

    /// Registers, also over a registration that there is. What is ready is owed; reading ahead begins.
    ///
    /// On an error the registration is what it was.
    pub(crate) fn register<K>(&mut self, kernel: &mut K, token: Token, interest: Interest) -> io::Result<()>
    where
        K: Kernel<Memory = M>,
    {
        let before = self.registration.replace((token, interest));
        if self.connect == Connect::Wanted {
            self.connect = Connect::Idle;
            // An error stays there for `take_error`.
            if let Err(code) = self.submit_connect(kernel) {
                self.connect = Connect::Failed(code);
            }
        }
        if matches!(self.read, Read::Idle) {
            self.read_ahead(kernel, None);
        }
        self.owed = Owed { read: self.read_is_ready(), write: self.write_is_ready() };
        let result = self.settle(kernel);
        if result.is_err() {
            self.registration = before;
        }
        result
    }

    /// Ends the registration. What is under way goes on, and its result is kept.
    pub(crate) fn deregister(&mut self) {
        self.registration = None;
        self.owed = Owed::default();
    }

    /// Remembers to wait for a client as soon as the pipe is registered: before, no packet would tell.
    pub(crate) fn connect_later(&mut self) -> io::Result<()> {
        self.connect = Connect::Wanted;
        would_block()
    }

    /// Waits for a client.
    pub(crate) fn connect<K: Kernel<Memory = M>>(&mut self, kernel: &mut K) -> io::Result<()> {
        if let Connect::Submitted(_) = self.connect {
            return would_block();
        }
        self.submit_connect(kernel).map_err(error)?;
        if let Connect::Submitted(_) = self.connect {
            return would_block();
        }
        // A failing post loses nothing for who reads until `WouldBlock`: the same holds below.
        let _ = self.settle(kernel);
        Ok(())
    }

    fn submit_connect<K: Kernel<Memory = M>>(&mut self, kernel: &mut K) -> Result<(), u32> {
        match self.submit(kernel, Kind::Connect, M::new()) {
            Ok(ticket) => {
                self.connect = Connect::Submitted(ticket);
                self.link = Link::Listening;
                Ok(())
            }
            // The client that came and went may have left bytes.
            Err((code::PIPE_CONNECTED | code::NO_DATA, _)) => {
                self.connect = Connect::Idle;
                self.connected(kernel);
                Ok(())
            }
            Err((code, _)) => Err(code),
        }
    }

    fn connected<K: Kernel<Memory = M>>(&mut self, kernel: &mut K) {
        self.link = Link::Open;
        self.owed.write = self.write_is_ready();
        if matches!(self.read, Read::Idle) {
            self.read_ahead(kernel, None);
        }
    }

    /// Ends the connection. Bytes of it that were not read are thrown away, here and on their way.
    pub(crate) fn disconnect<K: Kernel<Memory = M>>(&mut self, kernel: &mut K) -> io::Result<()> {
        kernel.disconnect().map_err(error)?;
        // The system has ended what was under way.
        self.forget();
        self.link = Link::Listening;
        Ok(())
    }

    /// The error of a connection attempt that had been under way.
    pub(crate) fn take_error(&mut self) -> Option<io::Error> {
        match self.connect {
            Connect::Failed(code) => {
                self.connect = Connect::Idle;
                Some(error(code))
            }
            _ => None,
        }
    }

    pub(crate) fn read<K>(&mut self, kernel: &mut K, buffer: &mut [u8]) -> io::Result<usize>
    where
        K: Kernel<Memory = M>,
    {
        if buffer.is_empty() {
            return Ok(0);
        }
        match mem::replace(&mut self.read, Read::Idle) {
            Read::Completed(mut memory) => {
                let count = memory.bytes().len().min(buffer.len());
                buffer[..count].copy_from_slice(&memory.bytes()[..count]);
                memory.skip(count);
                if memory.bytes().is_empty() {
                    self.read_ahead(kernel, Some(memory));
                } else {
                    self.read = Read::Completed(memory);
                }
                let _ = self.settle(kernel);
                Ok(count)
            }
            Read::Failed(code) => end_or_error(code),
            Read::Submitted(ticket) => {
                self.read = Read::Submitted(ticket);
                would_block()
            }
            Read::Idle => match self.submit_read(kernel, None) {
                Ok(()) | Err(code::PIPE_LISTENING) => would_block(),
                Err(code) => end_or_error(code),
            },
        }
    }

    /// Submits a read without being asked, for who wants to be told of what comes.
    fn read_ahead<K: Kernel<Memory = M>>(&mut self, kernel: &mut K, memory: Option<M>) {
        let wanted = self.registration.is_some_and(|(_, interest)| interest.is_readable());
        if !wanted || self.link == Link::Listening {
            return;
        }
        match self.submit_read(kernel, memory) {
            Ok(()) | Err(code::PIPE_LISTENING) => {}
            Err(code) => {
                self.read = Read::Failed(code);
                self.owed.read = true;
            }
        }
    }

    fn submit_read<K: Kernel<Memory = M>>(&mut self, kernel: &mut K, memory: Option<M>) -> Result<(), u32> {
        let mut memory = memory.unwrap_or_else(M::new);
        memory.make_room(self.room);
        match self.submit(kernel, Kind::Read, memory) {
            Ok(ticket) => {
                self.read = Read::Submitted(ticket);
                Ok(())
            }
            Err((code, _)) => {
                if code == code::PIPE_LISTENING {
                    self.link = Link::Listening;
                }
                Err(code)
            }
        }
    }

    pub(crate) fn write<K>(&mut self, kernel: &mut K, bytes: &[u8]) -> io::Result<usize>
    where
        K: Kernel<Memory = M>,
    {
        match self.write {
            Write::Submitted(_) => would_block(),
            Write::Failed(code) => {
                self.write = Write::Idle;
                Err(error(code))
            }
            Write::Idle => {
                let mut memory = self.spare.take().unwrap_or_else(M::new);
                memory.fill(bytes);
                match self.submit(kernel, Kind::Write, memory) {
                    Ok(ticket) => {
                        self.write = Write::Submitted(ticket);
                        Ok(bytes.len())
                    }
                    Err((code, memory)) => {
                        self.spare = Some(memory);
                        Err(error(code))
                    }
                }
            }
        }
    }

    fn submit<K>(&mut self, kernel: &mut K, kind: Kind, memory: M) -> Result<Ticket, (u32, M)>
    where
        K: Kernel<Memory = M>,
    {
        self.serial += 1;
        let serial = self.serial;
        kernel.submit(kind, serial, memory).map(|address| Ticket { serial, address })
    }

    /// An operation has ended and its packet was taken; what `memory` has for bytes is what was read, or what is left to
    /// write. The event that follows, if any.
    pub(crate) fn completed<K>(
        &mut self,
        kernel: &mut K,
        (kind, serial): (Kind, u64),
        outcome: Result<usize, u32>,
        memory: M,
    ) -> Option<Ready>
    where
        K: Kernel<Memory = M>,
    {
        if self.awaited(kind) != Some(serial) {
            return None;
        }
        match kind {
            Kind::Connect => self.connect_ended(kernel, outcome),
            Kind::Read => self.read_ended(kernel, outcome, memory),
            Kind::Write => self.write_ended(kernel, outcome, memory),
        }
        self.report()
    }

    /// The serial number of the operation that a direction waits for.
    fn awaited(&self, kind: Kind) -> Option<u64> {
        let ticket = match (kind, &self.connect, &self.read, &self.write) {
            (Kind::Connect, Connect::Submitted(ticket), _, _) => ticket,
            (Kind::Read, _, Read::Submitted(ticket), _) => ticket,
            (Kind::Write, _, _, Write::Submitted(ticket)) => ticket,
            _ => return None,
        };
        Some(ticket.serial)
    }

    fn connect_ended<K: Kernel<Memory = M>>(&mut self, kernel: &mut K, outcome: Result<usize, u32>) {
        match outcome {
            Ok(_) => {
                self.connect = Connect::Idle;
                self.connected(kernel);
            }
            Err(code) => {
                self.connect = Connect::Failed(code);
                self.owed.write = true;
            }
        }
    }

    fn read_ended<K: Kernel<Memory = M>>(&mut self, kernel: &mut K, outcome: Result<usize, u32>, memory: M) {
        self.read = Read::Idle;
        match outcome {
            // Somebody wrote nothing, which would look like the end of the stream.
            Ok(0) if !self.messages => self.read_ahead(kernel, Some(memory)),
            Ok(count) => self.read_came(count, memory),
            Err(code::MORE_DATA) => self.read_came(memory.bytes().len(), memory),
            Err(code) => {
                self.read = Read::Failed(code);
                self.owed.read = true;
            }
        }
    }

    fn read_came(&mut self, count: usize, memory: M) {
        if count == self.room {
            self.room = (self.room * 2).min(ROOM.1);
        }
        self.read = Read::Completed(memory);
        self.owed.read = true;
    }

    fn write_ended<K: Kernel<Memory = M>>(&mut self, kernel: &mut K, outcome: Result<usize, u32>, memory: M) {
        let result = match outcome {
            Ok(_) if memory.bytes().is_empty() => {
                self.spare = Some(memory);
                Ok(Write::Idle)
            }
            // Pipes write all or nothing; a device behind the handle may write a part.
            Ok(0) => Err(code::WRITE_FAULT),
            Ok(_) => self.submit(kernel, Kind::Write, memory).map(Write::Submitted).map_err(|(code, _)| code),
            Err(code) => Err(code),
        };
        self.write = result.unwrap_or_else(Write::Failed);
        self.owed.write = self.write_is_ready();
    }

    /// The packet of [`Kernel::post`] was taken.
    pub(crate) fn noticed(&mut self) -> Option<Ready> {
        self.noticed = false;
        self.report()
    }

    fn read_is_ready(&self) -> bool {
        matches!(self.read, Read::Completed(_) | Read::Failed(_))
    }

    fn write_is_ready(&self) -> bool {
        match (&self.connect, &self.write) {
            (Connect::Failed(_), _) => true,
            (_, Write::Submitted(_)) => false,
            (_, Write::Idle | Write::Failed(_)) => self.link == Link::Open,
        }
    }

    /// Has what is owed reported, by a packet that is posted for it.
    fn settle<K: Kernel<Memory = M>>(&mut self, kernel: &mut K) -> io::Result<()> {
        if self.owed != Owed::default() && self.registration.is_some() && !self.noticed {
            kernel.post()?;
            self.noticed = true;
        }
        Ok(())
    }

    /// The event of what is owed and still so. What was used up meanwhile is not: who did that either saw `WouldBlock`,
    /// and then an operation is under way, or has not tried to the end.
    fn report(&mut self) -> Option<Ready> {
        let owed = mem::take(&mut self.owed);
        let (token, interest) = self.registration?;
        let codes = [
            match self.read {
                Read::Failed(code) => Some(code),
                _ => None,
            },
            match self.write {
                Write::Failed(code) => Some(code),
                _ => None,
            },
        ];
        let failures = || codes.iter().flatten().copied();
        let ready = Ready {
            token,
            readable: owed.read && self.read_is_ready() && interest.is_readable(),
            writable: owed.write && self.write_is_ready() && interest.is_writable(),
            error: matches!(self.connect, Connect::Failed(_)) || !failures().all(is_hang_up),
            closed: failures().any(is_hang_up),
        };
        let says_something = ready.readable || ready.writable || ready.error || ready.closed;
        ((owed.read || owed.write) && says_something).then_some(ready)
    }

    /// The pipe is dropped: reads end, a write that is under way does not. Their memory comes back to nobody.
    pub(crate) fn close<K: Kernel<Memory = M>>(&mut self, kernel: &mut K) {
        if let Connect::Submitted(ticket) = self.connect {
            kernel.cancel(ticket.address);
        }
        if let Read::Submitted(ticket) = self.read {
            kernel.cancel(ticket.address);
        }
        self.forget();
        self.registration = None;
    }

    /// Waits for nothing: what the packets bring has a serial number that nobody asks for.
    fn forget(&mut self) {
        self.connect = Connect::Idle;
        self.read = Read::Idle;
        self.write = Write::Idle;
        self.owed = Owed::default();
    }
}

// Exploring takes its time, and comes to the same everywhere.
#[cfg(all(any(test, fuzzing), not(windows)))]
pub(super) mod model;
#[cfg(all(test, not(windows)))]
mod tests;
