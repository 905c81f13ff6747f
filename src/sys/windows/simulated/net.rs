//! What is asked of sockets themselves.

use std::io;

use super::kernel::Machine;
use crate::sys::RawSource;

/// `WSAENOTSOCK`.
pub(super) const NO_SOCKET: i32 = 10038;

pub(crate) fn base_socket(socket: RawSource) -> io::Result<RawSource> {
    if Machine::here().is_open(socket) {
        Ok(socket)
    } else {
        Err(io::Error::from_raw_os_error(NO_SOCKET))
    }
}
