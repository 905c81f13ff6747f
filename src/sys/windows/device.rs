//! The device of AFD, as the system has it: a handle, two calls, and the meaning of their statuses.

use std::io;
use std::mem::{size_of, size_of_val};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{NtCancelIoFileEx, NtCreateFile, FILE_OPEN};
use windows_sys::Wdk::System::IO::NtDeviceIoControlFile;
use windows_sys::Win32::Foundation::{RtlNtStatusToDosError, UNICODE_STRING};
use windows_sys::Win32::Storage::FileSystem::{
    SetFileCompletionNotificationModes, FILE_SHARE_READ, FILE_SHARE_WRITE, SYNCHRONIZE,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

use super::afd::{PollInfo, Status, StatusBlock};
use super::iocp::CompletionPort;
use super::syscall;

/// `IOCTL_AFD_POLL`.
const POLL: u32 = 0x0001_2024;

/// `FILE_SKIP_SET_EVENT_ON_HANDLE`: nobody waits on a helper handle itself, so its event need not be set.
const NO_EVENT: u8 = 2;

// Their addresses are taken for one another.
const _: () = assert!(size_of::<StatusBlock>() == size_of::<IO_STATUS_BLOCK>());

/// A handle of the device.
#[derive(Debug)]
pub(super) struct Device {
    handle: OwnedHandle,
}

impl Device {
    /// Opens the device; its packets come to `port` with `key`.
    pub(super) fn open(port: &CompletionPort, key: usize) -> io::Result<Device> {
        // What follows the device's name is the program's own to choose.
        let name: Vec<u16> = r"\Device\Afd\Poised".encode_utf16().collect();
        let handle = open(&name)?;
        port.add_handle(key, &handle)?;
        // SAFETY: takes plain values.
        let set = unsafe { SetFileCompletionNotificationModes(handle.as_raw_handle(), NO_EVENT) };
        syscall!(set, PartialEq::eq, 0)?;
        Ok(Device { handle })
    }

    /// Submits a poll. Unless its status is an error one packet will come, with `context` for its address.
    ///
    /// # Safety
    ///
    /// Both addresses are valid, and without an error the memory is the kernel's until the packet came.
    pub(super) unsafe fn poll(&self, block: *mut StatusBlock, info: *mut PollInfo, context: usize) -> Status {
        // SAFETY: the status block and the buffer, which is as long as said, are lent: the caller's promise. The context
        // is a number to the kernel.
        unsafe {
            NtDeviceIoControlFile(
                self.handle.as_raw_handle(),
                ptr::null_mut(),
                None,
                context as *const _,
                block.cast::<IO_STATUS_BLOCK>(),
                POLL,
                info.cast_const().cast(),
                PollInfo::SIZE,
                info.cast(),
                PollInfo::SIZE,
            )
        }
    }

    /// Cancels the poll with this status block, if it goes on.
    pub(super) fn cancel(&self, block: *mut StatusBlock) {
        let mut status = IO_STATUS_BLOCK::default();
        let block = block.cast::<IO_STATUS_BLOCK>();
        // SAFETY: the address of the block names the operation, and is not followed; the call's own status is here.
        let status = unsafe { NtCancelIoFileEx(self.handle.as_raw_handle(), block, &mut status) };
        // STATUS_NOT_FOUND where it has ended.
        let _ = status;
    }
}

/// The error of a status.
pub(super) fn error_of(status: Status) -> io::Error {
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
    let mut block = IO_STATUS_BLOCK::default();
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

#[cfg(test)]
mod tests {
    use windows_sys::Win32::Foundation;

    use super::super::afd::status;

    #[test]
    fn the_statuses_are_the_systems() {
        assert_eq!(status::PENDING, Foundation::STATUS_PENDING);
        assert_eq!(status::CANCELLED, Foundation::STATUS_CANCELLED);
        assert_eq!(status::INVALID_HANDLE, Foundation::STATUS_INVALID_HANDLE);
        assert_eq!(status::OBJECT_TYPE_MISMATCH, Foundation::STATUS_OBJECT_TYPE_MISMATCH);
    }
}
