//! The driver of sockets, `\Device\Afd`, asked directly: a handle to it polls any socket, and the answers come to a
//! completion port.
//!
//! Its requests are not documented by Microsoft, and have been the same since Windows NT 4: `select` and `WSAPoll` are
//! made of the one that is used here. A helper handle serves up to [`Afd::SOCKETS`] sockets, since cancelling takes the
//! longer the more polls a handle has outstanding (measured in python-trio, issue 1280).

use std::ffi::c_void;
use std::io;
use std::mem::size_of;
use std::ptr;

use super::device::{error_of, Device};
use super::event::Conditions;
use super::handle::Lent;
use super::iocp::{CompletionPort, CompletionStatus};
use super::socket::Outcome;
use super::AFD_KEY;
use crate::sys::RawSource;

/// How a call or an operation went, an `NTSTATUS`.
pub(super) type Status = i32;

/// The ones that are known here.
pub(super) mod status {
    use super::Status;

    pub(in super::super) const PENDING: Status = 0x103;
    pub(in super::super) const CANCELLED: Status = of(0xC000_0120);
    pub(in super::super) const INVALID_HANDLE: Status = of(0xC000_0008);
    pub(in super::super) const OBJECT_TYPE_MISMATCH: Status = of(0xC000_0024);

    /// The number as the system's headers write it.
    pub(in super::super) const fn of(number: u32) -> Status {
        Status::from_ne_bytes(number.to_ne_bytes())
    }
}

/// `IO_STATUS_BLOCK`: how an operation ended. Its address names the operation as long as it goes on.
#[repr(C)]
pub(super) struct StatusBlock {
    /// A [`Status`], or an address.
    pub(super) status: usize,
    information: usize,
}

/// `AFD_POLL_INFO` with room for one handle. The kernel reads the question there, and writes its answer.
// Its alignment is Windows' of a 64-bit number: 32-bit Linux, where this is tested as well, has a smaller one.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(super) struct PollInfo {
    /// When to give up, in units of 100 ns; the greatest number for never.
    pub(super) timeout: i64,
    pub(super) handles: u32,
    /// Whether this poll ends an earlier one of the same socket.
    pub(super) exclusive: u32,
    pub(super) handle: *mut c_void,
    pub(super) conditions: u32,
    pub(super) status: Status,
}

impl PollInfo {
    pub(super) const SIZE: u32 = 32;
}

// As the driver has it: 32 bytes on 32 and on 64 bits.
const _: () = assert!(size_of::<PollInfo>() == PollInfo::SIZE as usize);
const _: () = assert!(size_of::<StatusBlock>() == 2 * size_of::<usize>());

/// What the kernel needs memory for during a poll.
#[repr(C)]
pub(super) struct Poll {
    status: StatusBlock,
    info: PollInfo,
}

// SAFETY: numbers and a handle, which any thread may use.
unsafe impl Send for Poll {}

impl Poll {
    pub(super) const fn new() -> Poll {
        const PENDING: usize = status::PENDING.unsigned_abs() as usize;
        let status = StatusBlock { status: PENDING, information: 0 };
        let info =
            PollInfo { timeout: i64::MAX, handles: 1, exclusive: 0, handle: ptr::null_mut(), conditions: 0, status: 0 };
        Poll { status, info }
    }

    fn of(socket: RawSource, conditions: Conditions) -> Poll {
        let mut poll = Poll::new();
        poll.info.handle = handle_of(socket);
        poll.info.conditions = conditions.bits();
        poll
    }
}

/// A socket as the handle that it is; the types of the two differ in sign and shape only.
pub(super) fn handle_of(socket: RawSource) -> *mut c_void {
    // A socket is as wide as a pointer on the system that it comes from, or narrower.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let number = socket as usize;
    number as *mut c_void
}

/// Why the kernel took no poll.
#[derive(Debug)]
pub(super) struct Refused {
    /// The socket is closed, or never was one.
    pub(super) closed: bool,
    pub(super) error: io::Error,
}

/// A helper handle.
#[derive(Debug)]
pub(super) struct Afd {
    device: Device,
}

impl Afd {
    /// How many sockets share a helper handle.
    pub(super) const SOCKETS: usize = 32;

    /// Opens the device; answers come to `port`.
    pub(super) fn open(port: &CompletionPort) -> io::Result<Afd> {
        Device::open(port, AFD_KEY).map(|device| Afd { device })
    }

    /// Submits a poll of `socket`. With `Ok` one packet will come, with `context` for its address.
    ///
    /// # Safety
    ///
    /// No operation has `memory` now; and with `Ok` it stays where it is, and is left alone, until the packet came.
    pub(super) unsafe fn poll(
        &self,
        memory: &Lent<Poll>,
        socket: RawSource,
        conditions: Conditions,
        context: usize,
    ) -> Result<(), Refused> {
        let poll = memory.address();
        // SAFETY: the memory is ours until the call (the caller's promise).
        unsafe { poll.write(Poll::of(socket, conditions)) };
        let (block, info) = parts(poll);
        // SAFETY: the status block and the question are lent until the packet came: the caller's promise.
        let status = unsafe { self.device.poll(block, info, context) };
        if is_error(status) {
            // No packet comes for what fails at once; anything else, pending or not, has one.
            let closed = matches!(status, status::INVALID_HANDLE | status::OBJECT_TYPE_MISMATCH);
            return Err(Refused { closed, error: error_of(status) });
        }
        Ok(())
    }

    /// Cancels the poll that has `memory`. When it has ended already there is nothing to cancel: either way its packet
    /// comes, so there is nothing to tell.
    pub(super) fn cancel(&self, memory: &Lent<Poll>) {
        let (block, _) = parts(memory.address());
        self.device.cancel(block);
    }

    /// What the poll that has `memory` came to, when `packet` is its packet.
    ///
    /// # Safety
    ///
    /// The packet is the one of the poll that had `memory` last.
    pub(super) unsafe fn outcome(memory: &Lent<Poll>, packet: &CompletionStatus) -> Outcome {
        match packet.status() {
            status::CANCELLED => return Outcome::Cancelled,
            status if is_error(status) => return Outcome::Failed,
            _ => {}
        }
        // SAFETY: the packet is there, so the kernel has given the memory back (the caller's promise).
        let info = unsafe { parts(memory.address()).1.read() };
        match info.handles {
            0 => Outcome::Ready(Conditions::NONE),
            _ => Outcome::Ready(Conditions::from_bits(info.conditions)),
        }
    }
}

/// The addresses of the two parts of the memory of a poll.
fn parts(poll: *mut Poll) -> (*mut StatusBlock, *mut PollInfo) {
    // SAFETY: the address is one of a whole `Poll`, and nothing is read or written.
    let block = unsafe { ptr::addr_of_mut!((*poll).status) };
    // SAFETY: as above.
    (block, unsafe { ptr::addr_of_mut!((*poll).info) })
}

/// Whether a status has the severity of an error (`NT_ERROR`): both upper bits.
fn is_error(status: Status) -> bool {
    u32::from_ne_bytes(status.to_ne_bytes()) >> 30 == 3
}
