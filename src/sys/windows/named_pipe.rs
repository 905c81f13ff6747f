//! Named pipes: the state machine of `pipe_io` over the system's calls.
//!
//! A [`NamedPipe`] and the packets of its operations share a `Shell`, whose lock makes the order of things: it is held
//! while an operation is submitted and noted, and while a packet is handled, so that a packet which comes before the
//! call has returned waits for the note.
//!
//! The handle belongs to the pipe. When the pipe is dropped it is closed at once, reads that are pending end, and their
//! memory stays lent until their packets come. A write that was pending when it was submitted goes on: it keeps the handle
//! open until its packet was taken, or the port is gone. Closing could throw its bytes away (seen with Wine 8), and without
//! a handle the port could not end the write, and get its memory back.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle, RawHandle};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use windows_sys::Win32::Foundation::{ERROR_INVALID_HANDLE, ERROR_INVALID_PARAMETER, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Storage::FileSystem::{FILE_FLAG_OVERLAPPED, PIPE_ACCESS_DUPLEX};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, DisconnectNamedPipe, GetNamedPipeInfo, PIPE_TYPE_BYTE, PIPE_TYPE_MESSAGE,
    PIPE_UNLIMITED_INSTANCES,
};

use super::event::{Event, Said};
use super::iocp::{CompletionPort, CompletionStatus};
use super::operation::{cancel, Borrower, Operation};
use super::pipe_io::{Kernel, Kind, PipeIo, Ready};
use crate::sys::error;
use crate::{Interest, Token};

/// The completion key of the operations of named pipes.
pub(super) const KEY: usize = 2;

/// How many bytes the system is asked to keep for each direction of a pipe that is made here.
const QUOTA: u32 = 64 << 10;

/// A packet with [`KEY`] was taken from `port`: the event that follows, if any.
pub(super) fn complete(port: &CompletionPort, status: &CompletionStatus) -> Option<Event> {
    port.loans().complete(port, status)
}

/// One end of a named pipe.
pub(crate) struct NamedPipe {
    handle: Arc<OwnedHandle>,
    shell: Arc<Shell>,
    /// The port that the handle is tied to, for good, by the first registration. Declared last: when this is the last
    /// one to have it, the port takes back what is lent, and the handle is closed by then.
    port: OnceLock<Arc<CompletionPort>>,
}

/// What a pipe shares with the operations that are under way.
struct Shell {
    state: Mutex<State>,
}

struct State {
    io: PipeIo<Operation>,
    /// Nothing when the pipe was dropped.
    handle: Option<Arc<OwnedHandle>>,
}

impl Shell {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No transition leaves the state half changed when it panics: they only do on an allocation that fails.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The system's calls, for the transitions.
struct Calls<'a> {
    handle: &'a Arc<OwnedHandle>,
    shell: &'a Arc<Shell>,
    /// Nothing before the first registration.
    port: Option<&'a CompletionPort>,
}

impl Kernel for Calls<'_> {
    type Memory = Operation;

    fn submit(&mut self, kind: Kind, serial: u64, memory: Operation) -> Result<usize, (u32, Operation)> {
        // Without a port no packet would come.
        let Some(port) = self.port else { return Err((ERROR_INVALID_HANDLE, memory)) };
        let borrower = Arc::clone(self.shell);
        port.loans().submit(self.handle, borrower, (kind, serial), memory, kind == Kind::Write)
    }

    fn cancel(&mut self, address: usize) {
        cancel(self.handle, address);
    }

    fn disconnect(&mut self) -> Result<(), u32> {
        // SAFETY: the handle is open, and the call takes no memory.
        if unsafe { DisconnectNamedPipe(self.handle.as_raw_handle()) } == 0 {
            return Err(io::Error::last_os_error().raw_os_error().map_or(0, i32::unsigned_abs));
        }
        Ok(())
    }

    fn post(&mut self) -> io::Result<()> {
        let Some(port) = self.port else { return Ok(()) };
        let borrower = Arc::clone(self.shell);
        port.loans().notice(port, KEY, borrower)
    }
}

impl Borrower for Shell {
    fn ended(
        self: Arc<Self>,
        port: &CompletionPort,
        what: (Kind, u64),
        outcome: Result<usize, u32>,
        memory: Operation,
    ) -> Option<Event> {
        let mut state = self.lock();
        let handle = state.handle.clone()?;
        let mut calls = Calls { handle: &handle, shell: &self, port: Some(port) };
        let ready = state.io.completed(&mut calls, what, outcome, memory);
        drop(state);
        ready.map(event)
    }

    fn noticed(&self) -> Option<Event> {
        self.lock().io.noticed().map(event)
    }
}

/// What is ready as the record of an event.
fn event(ready: Ready) -> Event {
    let flags = [
        (ready.readable, Said::READABLE),
        (ready.writable, Said::WRITABLE),
        (ready.error, Said::ERROR),
        (ready.closed, Said::READ_CLOSED | Said::WRITE_CLOSED),
    ];
    let set = flags.into_iter().filter(|(is_set, _)| *is_set);
    Event::new(ready.token, set.fold(Said::NOTHING, |said, (_, flag)| said | flag))
}

impl NamedPipe {
    /// Makes a server's end, in byte mode.
    pub(crate) fn create(name: &OsStr) -> io::Result<NamedPipe> {
        let mut name: Vec<u16> = name.encode_wide().collect();
        if name.contains(&0) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name of a pipe can't have a zero in it"));
        }
        name.push(0);
        // SAFETY: the name ends with a zero and outlives the call; without security attributes nobody inherits the handle.
        let handle = unsafe {
            CreateNamedPipeW(
                name.as_ptr(),
                PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                PIPE_TYPE_BYTE,
                PIPE_UNLIMITED_INSTANCES,
                QUOTA,
                QUOTA,
                0,
                ptr::null(),
            )
        };
        if handle == INVALID_HANDLE_VALUE {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is new, valid and nobody else's.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        Ok(NamedPipe::new(handle, false))
    }

    fn new(handle: OwnedHandle, messages: bool) -> NamedPipe {
        let handle = Arc::new(handle);
        let state = State { io: PipeIo::new(messages), handle: Some(Arc::clone(&handle)) };
        NamedPipe { handle, shell: Arc::new(Shell { state: Mutex::new(state) }), port: OnceLock::new() }
    }

    /// Runs a transition.
    fn with<R>(&self, transition: impl FnOnce(&mut PipeIo<Operation>, &mut Calls<'_>) -> R) -> R {
        let port = self.port.get().map(|port| &**port);
        let mut calls = Calls { handle: &self.handle, shell: &self.shell, port };
        transition(&mut self.shell.lock().io, &mut calls)
    }

    /// Registers with the poll that has `port`.
    pub(crate) fn register(&self, port: &Arc<CompletionPort>, token: Token, interest: Interest) -> io::Result<()> {
        check(interest)?;
        let mut state = self.shell.lock();
        if state.io.is_registered() {
            return Err(error::already_registered());
        }
        match self.port.get() {
            Some(own) if Arc::ptr_eq(own, port) => {}
            Some(_) => {
                let message = "a named pipe belongs to the poll that it was registered with first";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
            None => {
                port.add_handle(KEY, &*self.handle).map_err(explain)?;
                // The lock is held: nobody else has set it.
                let _ = self.port.set(Arc::clone(port));
            }
        }
        let mut calls = Calls { handle: &self.handle, shell: &self.shell, port: Some(port) };
        state.io.register(&mut calls, token, interest)
    }

    /// Changes token and interest.
    pub(crate) fn reregister(&self, port: &Arc<CompletionPort>, token: Token, interest: Interest) -> io::Result<()> {
        check(interest)?;
        self.with_registered(port, |io, calls| io.register(calls, token, interest))?
    }

    /// Ends the registration.
    pub(crate) fn deregister(&self, port: &Arc<CompletionPort>) -> io::Result<()> {
        self.with_registered(port, |io, _| io.deregister())
    }

    fn with_registered<R>(
        &self,
        port: &Arc<CompletionPort>,
        transition: impl FnOnce(&mut PipeIo<Operation>, &mut Calls<'_>) -> R,
    ) -> io::Result<R> {
        self.with(|io, calls| {
            let is_here = self.port.get().is_some_and(|own| Arc::ptr_eq(own, port));
            if !is_here || !io.is_registered() {
                return Err(error::not_registered());
            }
            Ok(transition(io, calls))
        })
    }

    /// Ends what need not be finished; the pipe is dropped next.
    pub(crate) fn close(&self) {
        self.with(|io, calls| io.close(calls));
        self.shell.lock().handle = None;
    }

    pub(crate) fn connect(&self) -> io::Result<()> {
        self.with(|io, calls| if calls.port.is_some() { io.connect(calls) } else { io.connect_later() })
    }

    pub(crate) fn disconnect(&self) -> io::Result<()> {
        self.with(|io, calls| io.disconnect(calls))
    }

    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.shell.lock().io.take_error()
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|io, calls| if calls.port.is_some() { io.read(calls, buffer) } else { would_block() })
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(u32::MAX as usize)];
        self.with(|io, calls| match calls.port {
            // Nothing is a message of its own; in a stream of bytes the reader would take it for the end.
            _ if bytes.is_empty() && !io.has_messages() => Ok(0),
            Some(_) => io.write(calls, bytes),
            None => would_block(),
        })
    }
}

/// Says what is wrong with a handle that can't be tied to a port.
fn explain(error: io::Error) -> io::Error {
    match error.raw_os_error().map(i32::unsigned_abs) {
        Some(ERROR_INVALID_PARAMETER) => error::not_tieable(error),
        _ => error,
    }
}

fn would_block<T>() -> io::Result<T> {
    Err(io::ErrorKind::WouldBlock.into())
}

fn check(interest: Interest) -> io::Result<()> {
    error::refuse(interest, Interest::PRIORITY.add(Interest::ASYNC_IO))
}

impl AsRawHandle for NamedPipe {
    fn as_raw_handle(&self) -> RawHandle {
        self.handle.as_raw_handle()
    }
}

impl FromRawHandle for NamedPipe {
    unsafe fn from_raw_handle(handle: RawHandle) -> NamedPipe {
        // SAFETY: the caller hands over a handle that is open and its own.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        let mut flags = 0;
        let (no_size, no_count) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the handle is open, `flags` outlives the call, and what is null is not asked for.
        let is_pipe = unsafe { GetNamedPipeInfo(handle.as_raw_handle(), &mut flags, no_size, no_size, no_count) } != 0;
        NamedPipe::new(handle, is_pipe && flags & PIPE_TYPE_MESSAGE != 0)
    }
}

impl fmt::Debug for NamedPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedPipe").field("handle", &self.as_raw_handle()).finish()
    }
}
