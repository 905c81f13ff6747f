//! Helper handles of AFD.

use std::io;
use std::sync::Arc;

use super::iocp::CompletionPort;
use super::kernel::Machine;
use crate::sys::windows::afd::{PollInfo, Status, StatusBlock};

/// A helper handle.
#[derive(Debug)]
pub(crate) struct Device {
    machine: Arc<Machine>,
    number: usize,
}

impl Device {
    pub(crate) fn open(port: &CompletionPort, key: usize) -> io::Result<Device> {
        let machine = Machine::here();
        let number = machine.open_device(port.number(), key)?;
        Ok(Device { machine, number })
    }

    /// # Safety
    ///
    /// As for the system's: the memory is the kernel's until the packet came.
    pub(crate) unsafe fn poll(&self, block: *mut StatusBlock, info: *mut PollInfo, context: usize) -> Status {
        // SAFETY: the caller's promise.
        unsafe { self.machine.poll(self.number, block, info, context) }
    }

    pub(crate) fn cancel(&self, block: *mut StatusBlock) {
        self.machine.cancel(self.number, block);
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.machine.close_device(self.number);
    }
}

pub(crate) fn error_of(status: Status) -> io::Error {
    io::Error::from_raw_os_error(status)
}
