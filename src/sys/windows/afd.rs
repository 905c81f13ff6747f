//! The driver of sockets, `\Device\Afd`, asked directly: a handle to it polls any socket, and the answers come to a
//! completion port.
//!
//! Its requests are not documented by Microsoft, and have been the same since Windows NT 4: `select` and `WSAPoll` are
//! made of the one that is used here. A helper handle serves up to [`Afd::SOCKETS`] sockets, since cancelling takes the
//! longer the more polls a handle has outstanding (measured in python-trio, issue 1280).

use std::io;
use std::mem::{align_of, size_of, size_of_val};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle, RawSocket};
use std::ptr;

use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{NtCancelIoFileEx, NtCreateFile, FILE_OPEN};
use windows_sys::Wdk::System::IO::NtDeviceIoControlFile;
use windows_sys::Win32::Foundation::{
    RtlNtStatusToDosError, HANDLE, NTSTATUS, STATUS_CANCELLED, STATUS_INVALID_HANDLE, STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_PENDING, UNICODE_STRING,
};
use windows_sys::Win32::Storage::FileSystem::{
    SetFileCompletionNotificationModes, FILE_SHARE_READ, FILE_SHARE_WRITE, SYNCHRONIZE,
};
use windows_sys::Win32::System::IO::{IO_STATUS_BLOCK, IO_STATUS_BLOCK_0};

use super::event::Conditions;
use super::handle::Lent;
use super::iocp::{CompletionPort, CompletionStatus};
use super::socket::Outcome;
use super::{syscall, AFD_KEY};

/// `IOCTL_AFD_POLL`.
const POLL: u32 = 0x0001_2024;

/// `FILE_SKIP_SET_EVENT_ON_HANDLE`: nobody waits on a helper handle itself, so its event need not be set.
const NO_EVENT: u8 = 2;

/// `AFD_POLL_INFO` with room for one handle. The kernel reads the question there, and writes its answer.
#[repr(C)]
#[derive(Clone, Copy)]
struct PollInfo {
    /// When to give up, in units of 100 ns; the greatest number for never.
    timeout: i64,
    handles: u32,
    /// Whether this poll ends an earlier one of the same socket.
    exclusive: u32,
    handle: HANDLE,
    conditions: u32,
    status: NTSTATUS,
}

const INFO_SIZE: u32 = 32;

// As the driver has it: 32 bytes on 32 and on 64 bits, aligned as its 64-bit number.
const _: () = assert!(size_of::<PollInfo>() == INFO_SIZE as usize);
const _: () = assert!(align_of::<PollInfo>() == align_of::<i64>());
const _: () = assert!(size_of::<IO_STATUS_BLOCK>() == 2 * size_of::<usize>());

/// What the kernel needs memory for during a poll.
#[repr(C)]
pub(super) struct Poll {
    status: IO_STATUS_BLOCK,
    info: PollInfo,
}

// SAFETY: numbers and a handle, which any thread may use.
unsafe impl Send for Poll {}

impl Poll {
    pub(super) const fn new() -> Poll {
        let status = IO_STATUS_BLOCK { Anonymous: IO_STATUS_BLOCK_0 { Status: STATUS_PENDING }, Information: 0 };
        let info =
            PollInfo { timeout: i64::MAX, handles: 1, exclusive: 0, handle: ptr::null_mut(), conditions: 0, status: 0 };
        Poll { status, info }
    }

    fn of(socket: RawSocket, conditions: Conditions) -> Poll {
        let mut poll = Poll::new();
        poll.info.handle = handle_of(socket);
        poll.info.conditions = conditions.bits();
        poll
    }
}

/// A socket as the handle that it is; the types of the two differ in sign and shape only.
pub(super) fn handle_of(socket: RawSocket) -> HANDLE {
    // A `RawSocket` is as wide as a pointer on the system that it comes from.
    #[allow(clippy::cast_possible_truncation)]
    let number = socket as usize;
    number as HANDLE
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
    handle: OwnedHandle,
}

impl Afd {
    /// How many sockets share a helper handle.
    pub(super) const SOCKETS: usize = 32;

    /// Opens the device; answers come to `port`.
    pub(super) fn open(port: &CompletionPort) -> io::Result<Afd> {
        // What follows the device's name is the program's own to choose.
        let name: Vec<u16> = r"\Device\Afd\Poised".encode_utf16().collect();
        let handle = open(&name)?;
        port.add_handle(AFD_KEY, &handle)?;
        // SAFETY: takes plain values.
        let set = unsafe { SetFileCompletionNotificationModes(handle.as_raw_handle(), NO_EVENT) };
        syscall!(set, PartialEq::eq, 0)?;
        Ok(Afd { handle })
    }

    /// Submits a poll of `socket`. With `Ok` one packet will come, with `context` for its address.
    ///
    /// # Safety
    ///
    /// No operation has `memory` now; and with `Ok` it stays where it is, and is left alone, until the packet came.
    pub(super) unsafe fn poll(
        &self,
        memory: &Lent<Poll>,
        socket: RawSocket,
        conditions: Conditions,
        context: usize,
    ) -> Result<(), Refused> {
        let poll = memory.address();
        // SAFETY: the memory is ours until the call (the caller's promise).
        unsafe { poll.write(Poll::of(socket, conditions)) };
        let (block, info) = parts(poll);
        // SAFETY: the status block and the buffer, which is as long as said, are lent until the packet came: the
        // caller's promise. The context is a number to the kernel.
        let status = unsafe {
            NtDeviceIoControlFile(
                self.handle.as_raw_handle(),
                ptr::null_mut(),
                None,
                context as *const _,
                block,
                POLL,
                info.cast_const().cast(),
                INFO_SIZE,
                info.cast(),
                INFO_SIZE,
            )
        };
        if is_error(status) {
            // No packet comes for what fails at once; anything else, pending or not, has one.
            let closed = matches!(status, STATUS_INVALID_HANDLE | STATUS_OBJECT_TYPE_MISMATCH);
            return Err(Refused { closed, error: error_of(status) });
        }
        Ok(())
    }

    /// Cancels the poll that has `memory`. When it has ended already there is nothing to cancel: either way its packet
    /// comes, so there is nothing to tell.
    pub(super) fn cancel(&self, memory: &Lent<Poll>) {
        let (block, _) = parts(memory.address());
        let mut status = Poll::new().status;
        // SAFETY: the address of the block names the operation, and is not followed; the call's own status is here.
        let status = unsafe { NtCancelIoFileEx(self.handle.as_raw_handle(), block, &mut status) };
        // STATUS_NOT_FOUND where it has ended.
        let _ = status;
    }

    /// What the poll that has `memory` came to, when `packet` is its packet.
    ///
    /// # Safety
    ///
    /// The packet is the one of the poll that had `memory` last.
    pub(super) unsafe fn outcome(memory: &Lent<Poll>, packet: &CompletionStatus) -> Outcome {
        match packet.status() {
            STATUS_CANCELLED => return Outcome::Cancelled,
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
fn parts(poll: *mut Poll) -> (*mut IO_STATUS_BLOCK, *mut PollInfo) {
    // SAFETY: the address is one of a whole `Poll`, and nothing is read or written.
    let block = unsafe { ptr::addr_of_mut!((*poll).status) };
    // SAFETY: as above.
    (block, unsafe { ptr::addr_of_mut!((*poll).info) })
}

/// Whether a status has the severity of an error (`NT_ERROR`): both upper bits.
fn is_error(status: NTSTATUS) -> bool {
    u32::from_ne_bytes(status.to_ne_bytes()) >> 30 == 3
}

pub(super) fn error_of(status: NTSTATUS) -> io::Error {
    // SAFETY: takes a number.
    let code = unsafe { RtlNtStatusToDosError(status) };
    io::Error::from_raw_os_error(i32::from_ne_bytes(code.to_ne_bytes()))
}

fn open(name: &[u16]) -> io::Result<OwnedHandle> {
    // The name is ours, and short.
    #[allow(clippy::cast_possible_truncation)]
    let bytes = size_of_val(name) as u16;
    let name = UNICODE_STRING { Length: bytes, MaximumLength: bytes, Buffer: name.as_ptr().cast_mut() };
    // The size of a structure of six words.
    #[allow(clippy::cast_possible_truncation)]
    let length = size_of::<OBJECT_ATTRIBUTES>() as u32;
    let attributes = OBJECT_ATTRIBUTES {
        Length: length,
        RootDirectory: ptr::null_mut(),
        ObjectName: &name,
        Attributes: 0,
        SecurityDescriptor: ptr::null(),
        SecurityQualityOfService: ptr::null(),
    };
    let mut handle = ptr::null_mut();
    let mut block = Poll::new().status;
    // SAFETY: name and attributes live for the call, which reads them, and so do handle and block, which it writes.
    let status = unsafe {
        NtCreateFile(
            &mut handle,
            SYNCHRONIZE,
            &attributes,
            &mut block,
            ptr::null(),
            0,
            FILE_SHARE_READ | FILE_SHARE_WRITE,
            FILE_OPEN,
            0,
            ptr::null(),
            0,
        )
    };
    if status != 0 {
        return Err(error_of(status));
    }
    // SAFETY: the call made this handle, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}
