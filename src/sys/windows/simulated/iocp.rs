//! Completion ports.

use std::ffi::c_void;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::kernel::Machine;
use crate::sys::windows::afd::Status;

/// A port, closed when dropped.
#[derive(Debug)]
pub(crate) struct CompletionPort {
    machine: Arc<Machine>,
    number: usize,
}

impl CompletionPort {
    pub(crate) fn new(_threads: u32) -> io::Result<CompletionPort> {
        let machine = Machine::here();
        let number = machine.open_port();
        Ok(CompletionPort { machine, number })
    }

    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn get_many<'a>(
        &self,
        list: &'a mut [CompletionStatus],
        timeout: Option<Duration>,
    ) -> io::Result<&'a mut [CompletionStatus]> {
        let packets = self.machine.take(self.number, list.len(), timeout)?;
        let list = &mut list[..packets.len()];
        list.copy_from_slice(&packets);
        Ok(list)
    }

    pub(crate) fn post(&self, packet: CompletionStatus) -> io::Result<()> {
        self.machine.post(self.number, packet)
    }
}

impl Drop for CompletionPort {
    fn drop(&mut self) {
        self.machine.close_port(self.number);
    }
}

/// A packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompletionStatus {
    bytes: u32,
    token: usize,
    overlapped: usize,
    status: Status,
}

impl CompletionStatus {
    pub(crate) fn new(bytes: u32, token: usize, overlapped: *mut c_void) -> CompletionStatus {
        CompletionStatus { bytes, token, overlapped: overlapped as usize, status: 0 }
    }

    /// The packet of an operation that ended with `status`.
    pub(super) fn of_operation(token: usize, overlapped: usize, status: Status) -> CompletionStatus {
        CompletionStatus { bytes: 0, token, overlapped, status }
    }

    pub(crate) const fn zero() -> CompletionStatus {
        CompletionStatus { bytes: 0, token: 0, overlapped: 0, status: 0 }
    }

    pub(crate) fn bytes_transferred(&self) -> u32 {
        self.bytes
    }

    pub(crate) fn token(&self) -> usize {
        self.token
    }

    pub(crate) fn overlapped(&self) -> *mut c_void {
        self.overlapped as *mut c_void
    }

    pub(crate) fn status(&self) -> Status {
        self.status
    }
}
