//! Makes pipes.

use std::fs::File;
use std::io;
use std::os::fd::FromRawFd;

use super::check;

/// A pipe, non-blocking and not inherited by children: the end to read from, and the end to write to.
pub(crate) fn new() -> io::Result<(File, File)> {
    let mut fds = [-1; 2];
    // SAFETY: `fds` has room for the two numbers that the kernel writes.
    check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
    // SAFETY: the call made this descriptor, and nobody else has it.
    let reader = unsafe { File::from_raw_fd(fds[0]) };
    // SAFETY: likewise.
    let writer = unsafe { File::from_raw_fd(fds[1]) };
    Ok((reader, writer))
}

/// Changes whether operations on this end give `WouldBlock` or wait.
pub(crate) fn set_nonblocking(file: &File, nonblocking: bool) -> io::Result<()> {
    use std::os::fd::AsRawFd;

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
