//! Makes pipes.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use super::{check, make};

/// A pipe, non-blocking and not inherited by children: the end to read from, and the end to write to.
pub(crate) fn new() -> io::Result<(File, File)> {
    let (reader, writer) = make::pipe()?;
    Ok((File::from(reader), File::from(writer)))
}

/// Changes whether operations on this end give `WouldBlock` or wait.
pub(crate) fn set_nonblocking(file: &File, nonblocking: bool) -> io::Result<()> {
    let fd = file.as_raw_fd();
    // SAFETY: takes plain numbers.
    let flags = check(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    let wanted = if nonblocking { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
    if wanted != flags {
        // SAFETY: likewise.
        check(unsafe { libc::fcntl(fd, libc::F_SETFL, wanted) })?;
    }
    Ok(())
}
