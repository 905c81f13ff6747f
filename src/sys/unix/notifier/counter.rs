//! [eventfd(2)](https://man7.org/linux/man-pages/man2/eventfd.2.html).

use std::fs::File;
use std::io;
use std::os::fd::FromRawFd;

use crate::sys::unix::check;

pub(super) fn new() -> io::Result<File> {
    #[cfg(not(target_os = "espidf"))]
    let flags = libc::EFD_CLOEXEC | libc::EFD_NONBLOCK;
    // It never blocks there, and asking for that is an error (esp_vfs_eventfd).
    #[cfg(target_os = "espidf")]
    let flags = 0;
    // SAFETY: takes plain numbers.
    let fd = check(unsafe { libc::eventfd(0, flags) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    Ok(unsafe { File::from_raw_fd(fd) })
}
