//! Operations, and the memory that they lend to the kernel.
//!
//! The rule: *while an operation is pending the kernel owns its memory, and nobody holds a reference to it.* It is kept
//! by two types for the same memory. An [`Operation`] is ours: a box with the system's record and the bytes. [`Lent`] is
//! the kernel's: it can name the address, and nothing else. To submit is to turn the one into the other; there are two
//! ways back, a submission that failed, and the packet.
//!
//! Lent memory belongs to the port where the packet will come, in its [`Loans`], and not to the one who submitted: that
//! one may be dropped at any time. An address that a packet brings is looked up there before it is followed, so that a
//! packet of somebody else's is for nobody.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windows_sys::Win32::Foundation::{RtlNtStatusToDosError, ERROR_IO_PENDING, STATUS_BUFFER_OVERFLOW};
use windows_sys::Win32::Storage::FileSystem::{ReadFile, WriteFile};
use windows_sys::Win32::System::Pipes::ConnectNamedPipe;
use windows_sys::Win32::System::IO::{CancelIoEx, OVERLAPPED};

use super::event::Event;
use super::iocp::{CompletionPort, CompletionStatus};
use super::pipe_io::{code, Kind, Memory};

/// The memory of one operation, at an address that does not change.
struct Block {
    overlapped: OVERLAPPED,
    bytes: Vec<u8>,
    /// How many of the bytes were taken or written.
    start: usize,
}

/// Memory that is ours.
pub(super) struct Operation {
    block: Box<Block>,
}

// SAFETY: the record's addresses and handles are zero while the memory is ours, see `lend`; the rest is plain.
unsafe impl Send for Operation {}

impl Memory for Operation {
    fn new() -> Operation {
        Operation { block: Box::new(Block { overlapped: OVERLAPPED::default(), bytes: Vec::new(), start: 0 }) }
    }

    fn make_room(&mut self, capacity: usize) {
        self.block.start = 0;
        self.block.bytes.clear();
        self.block.bytes.reserve_exact(capacity);
    }

    fn fill(&mut self, bytes: &[u8]) {
        self.block.start = 0;
        self.block.bytes.clear();
        self.block.bytes.extend_from_slice(bytes);
    }

    fn bytes(&self) -> &[u8] {
        &self.block.bytes[self.block.start..]
    }

    fn skip(&mut self, count: usize) {
        self.block.start = self.block.bytes.len().min(self.block.start + count);
    }
}

impl Operation {
    /// Gives the memory away, for the kernel to read or to fill.
    fn lend(mut self, kind: Kind) -> Lent {
        self.block.overlapped = OVERLAPPED::default();
        let start = self.block.start;
        let (bytes, length) = match kind {
            Kind::Connect => (NonNull::dangling().as_ptr(), 0),
            Kind::Read => (self.block.bytes.as_mut_ptr(), self.block.bytes.capacity()),
            Kind::Write => (self.block.bytes[start..].as_mut_ptr(), self.block.bytes.len() - start),
        };
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        Lent { block: NonNull::from(Box::leak(self.block)), bytes, length }
    }

    /// Notes what an operation that has ended did to the bytes.
    fn ended(&mut self, kind: Kind, count: usize) {
        match kind {
            Kind::Connect => {}
            Kind::Read => {
                let count = count.min(self.block.bytes.capacity());
                // SAFETY: the kernel has written `count` bytes from the start of the vector's memory on.
                unsafe { self.block.bytes.set_len(count) }
            }
            Kind::Write => self.skip(count),
        }
    }
}

/// Memory that is the kernel's. Dropping it leaks it, which is what must be done with memory that never comes back.
struct Lent {
    block: NonNull<Block>,
    /// Where the kernel reads or writes: within the bytes of the block.
    bytes: *mut u8,
    length: u32,
}

// SAFETY: it is an address to the one who has it; turning it back into memory is `unsafe` of its own.
unsafe impl Send for Lent {}

impl Lent {
    fn overlapped(&self) -> *mut OVERLAPPED {
        // SAFETY: the block is allocated as long as this exists; no reference is made.
        unsafe { std::ptr::addr_of_mut!((*self.block.as_ptr()).overlapped) }
    }

    fn address(&self) -> usize {
        self.overlapped() as usize
    }

    /// # Safety
    ///
    /// The kernel is done with the memory: its packet was taken from the port, or it was never submitted.
    unsafe fn take_back(self) -> Operation {
        // SAFETY: the block came from a box, and nobody else has it any more.
        Operation { block: unsafe { Box::from_raw(self.block.as_ptr()) } }
    }
}

/// The system's code of the last error of this thread.
fn last_error() -> u32 {
    io::Error::last_os_error().raw_os_error().map_or(0, i32::unsigned_abs)
}

/// An operation was submitted, and a packet will come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Submitted {
    /// It goes on.
    Pending,
    /// It has ended already.
    Ended,
}

/// Starts the operation. `Ok` when a packet will come: it is pending, or it has ended and its packet is on the way. The
/// system posts one for a warning too, which a message that is too long is ([`ReadFile`]).
///
/// # Safety
///
/// `overlapped`, and `length` bytes at `bytes`, are the kernel's until the packet comes.
///
/// [`ReadFile`]: https://learn.microsoft.com/en-us/windows/win32/api/fileapi/nf-fileapi-readfile
unsafe fn start(
    kind: Kind,
    handle: &OwnedHandle,
    overlapped: *mut OVERLAPPED,
    (bytes, length): (*mut u8, u32),
) -> Result<Submitted, u32> {
    let handle = handle.as_raw_handle();
    let no_count = std::ptr::null_mut();
    let result = match kind {
        // SAFETY: the handle is open, and the caller has lent the memory.
        Kind::Connect => unsafe { ConnectNamedPipe(handle, overlapped) },
        // SAFETY: as above.
        Kind::Read => unsafe { ReadFile(handle, bytes, length, no_count, overlapped) },
        // SAFETY: as above.
        Kind::Write => unsafe { WriteFile(handle, bytes, length, no_count, overlapped) },
    };
    if result != 0 {
        return Ok(Submitted::Ended);
    }
    match last_error() {
        ERROR_IO_PENDING => Ok(Submitted::Pending),
        code::MORE_DATA => Ok(Submitted::Ended),
        code => Err(code),
    }
}

/// Who submits operations, and is told how they end.
pub(super) trait Borrower: Send + Sync {
    /// The operation has ended, and its memory is back.
    fn ended(
        self: Arc<Self>,
        port: &CompletionPort,
        what: (Kind, u64),
        outcome: Result<usize, u32>,
        memory: Operation,
    ) -> Option<Event>;

    /// A packet came that was posted by [`Loans::notice`].
    fn noticed(&self) -> Option<Event>;
}

/// What a packet is for.
enum Loan {
    Operation {
        lent: Lent,
        borrower: Arc<dyn Borrower>,
        what: (Kind, u64),
        /// Kept open until the operation has ended, where it must outlive its pipe.
        handle: Option<Arc<OwnedHandle>>,
    },
    Notice(Arc<dyn Borrower>),
}

/// All that is lent to the kernel until packets come at one port, by address.
#[derive(Default)]
pub(super) struct Loans {
    // A leaf: nothing else is locked while this lock is held.
    loans: Mutex<HashMap<usize, Loan>>,
}

impl Loans {
    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Loan>> {
        // A map is whole whenever the lock is free.
        self.loans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, address: usize) -> Option<Loan> {
        self.lock().remove(&address)
    }

    /// Submits an operation on `handle`, which is tied to the port of these loans. `Ok` with its address means that a
    /// packet will come and lead to [`Borrower::ended`]; otherwise the memory is back, with the system's code. The caller
    /// holds the lock that `ended` takes.
    ///
    /// With `outlives` the handle of an operation that is pending stays open until the packet is there.
    pub(super) fn submit(
        &self,
        handle: &Arc<OwnedHandle>,
        borrower: Arc<dyn Borrower>,
        what: (Kind, u64),
        memory: Operation,
        outlives: bool,
    ) -> Result<usize, (u32, Operation)> {
        let lent = memory.lend(what.0);
        let (overlapped, bytes, address) = (lent.overlapped(), (lent.bytes, lent.length), lent.address());
        // Before the call: another thread may take the packet before it returns.
        self.lock().insert(address, Loan::Operation { lent, borrower, what, handle: None });
        // SAFETY: the memory is in the table, where nobody touches it until its packet has come.
        match unsafe { start(what.0, handle, overlapped, bytes) } {
            Ok(submitted) => {
                if outlives && submitted == Submitted::Pending {
                    self.keep_open(address, handle);
                }
                Ok(address)
            }
            Err(code) => match self.take(address) {
                // SAFETY: the submission failed, so that the kernel does not have the memory, and no packet comes.
                Some(Loan::Operation { lent, .. }) => Err((code, unsafe { lent.take_back() })),
                // Nobody takes what has no packet; memory that is not there is not needed either.
                _ => Err((code, Operation::new())),
            },
        }
    }

    /// Keeps the handle of an operation open. Its packet may be there already, and have found the loan; its memory is not
    /// free for another one, since the caller holds the borrower's lock.
    fn keep_open(&self, address: usize, kept: &Arc<OwnedHandle>) {
        if let Some(Loan::Operation { handle, .. }) = self.lock().get_mut(&address) {
            *handle = Some(Arc::clone(kept));
        }
    }

    /// Posts a packet that leads to [`Borrower::noticed`]. One at a time for each borrower: its address is the packet's.
    pub(super) fn notice(&self, port: &CompletionPort, key: usize, borrower: Arc<dyn Borrower>) -> io::Result<()> {
        let overlapped = Arc::as_ptr(&borrower).cast::<OVERLAPPED>().cast_mut();
        self.lock().insert(overlapped as usize, Loan::Notice(borrower));
        let result = port.post(CompletionStatus::new(0, key, overlapped));
        if result.is_err() {
            drop(self.take(overlapped as usize));
        }
        result
    }

    /// Hands the packet to the one who waits for it.
    pub(super) fn complete(&self, port: &CompletionPort, status: &CompletionStatus) -> Option<Event> {
        match self.take(status.overlapped() as usize)? {
            Loan::Notice(borrower) => borrower.noticed(),
            Loan::Operation { lent, borrower, what, handle } => {
                // SAFETY: this is the packet; the kernel has no use for the memory any more.
                let mut memory = unsafe { lent.take_back() };
                let count = status.bytes_transferred() as usize;
                let outcome = outcome(status);
                if matches!(outcome, Ok(_) | Err(code::MORE_DATA)) {
                    memory.ended(what.0, count);
                }
                let event = borrower.ended(port, what, outcome, memory);
                // Open until here: closing it could end what the borrower has just submitted.
                drop(handle);
                event
            }
        }
    }

    /// Whether there is memory that the kernel has.
    pub(super) fn is_empty(&self) -> bool {
        !self.lock().values().any(|loan| matches!(loan, Loan::Operation { .. }))
    }

    /// Asks for the end of everything that outlives its pipe. The packets come all the same.
    pub(super) fn cancel_all(&self) {
        for (address, loan) in self.lock().iter() {
            if let Loan::Operation { handle: Some(handle), .. } = loan {
                cancel(handle, *address);
            }
        }
    }

    /// Takes the packet's memory back for nobody.
    pub(super) fn discard(&self, status: &CompletionStatus) {
        if let Some(Loan::Operation { lent, .. }) = self.take(status.overlapped() as usize) {
            // SAFETY: this is the packet; the kernel has no use for the memory any more.
            drop(unsafe { lent.take_back() });
        }
    }
}

impl fmt::Debug for Loans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loans").field("count", &self.lock().len()).finish()
    }
}

/// Asks the system to end an operation soon; it may have ended already.
pub(super) fn cancel(handle: &OwnedHandle, address: usize) {
    // SAFETY: the address serves the system to find the operation, and is not followed.
    unsafe { CancelIoEx(handle.as_raw_handle(), address as *const OVERLAPPED) };
}

/// How the operation ended, by the packet alone.
fn outcome(status: &CompletionStatus) -> Result<usize, u32> {
    match status.status() {
        STATUS_BUFFER_OVERFLOW => Err(code::MORE_DATA),
        0.. => Ok(status.bytes_transferred() as usize),
        // SAFETY: the call translates a number.
        error => Err(unsafe { RtlNtStatusToDosError(error) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use windows_sys::Win32::Foundation;

    #[test]
    fn the_codes_are_the_systems() {
        assert_eq!(code::WRITE_FAULT, Foundation::ERROR_WRITE_FAULT);
        assert_eq!(code::BROKEN_PIPE, Foundation::ERROR_BROKEN_PIPE);
        assert_eq!(code::NO_DATA, Foundation::ERROR_NO_DATA);
        assert_eq!(code::PIPE_NOT_CONNECTED, Foundation::ERROR_PIPE_NOT_CONNECTED);
        assert_eq!(code::MORE_DATA, Foundation::ERROR_MORE_DATA);
        assert_eq!(code::PIPE_CONNECTED, Foundation::ERROR_PIPE_CONNECTED);
        assert_eq!(code::PIPE_LISTENING, Foundation::ERROR_PIPE_LISTENING);
        // SAFETY: the calls translate numbers.
        let broken = unsafe { RtlNtStatusToDosError(Foundation::STATUS_PIPE_BROKEN) };
        assert_eq!(broken, code::BROKEN_PIPE);
    }

    #[test]
    fn memory_goes_and_comes_back() {
        let mut memory = Operation::new();
        memory.fill(b"hello");
        memory.skip(1);
        let lent = memory.lend(Kind::Write);
        assert_eq!(lent.length, 4);
        // SAFETY: it was not submitted.
        let mut memory = unsafe { lent.take_back() };
        memory.ended(Kind::Write, 3);
        assert_eq!(memory.bytes(), b"o");
        memory.skip(7);
        assert_eq!(memory.bytes(), b"");
        memory.make_room(100);
        let lent = memory.lend(Kind::Read);
        assert!(lent.length >= 100);
        // SAFETY: it was not submitted.
        let mut memory = unsafe { lent.take_back() };
        memory.ended(Kind::Read, 0);
        assert_eq!(memory.bytes(), b"");
    }

    #[test]
    fn a_packet_of_somebody_else_is_for_nobody() {
        let port = CompletionPort::new(1).unwrap();
        let status = CompletionStatus::new(1, 2, 0x1000 as *mut OVERLAPPED);
        assert!(port.loans().complete(&port, &status).is_none());
        port.loans().discard(&status);
        assert!(port.loans().is_empty());
    }
}
