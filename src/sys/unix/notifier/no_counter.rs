//! Systems without eventfd(2).

use std::fs::File;
use std::io;

/// The error of a kernel without the call.
pub(super) fn new() -> io::Result<File> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}
