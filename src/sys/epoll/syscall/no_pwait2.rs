//! Systems that took epoll over from Linux before it had epoll_pwait2(2).

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::Record;

/// The error of a kernel without the call: the selector remembers it, and rounds timeouts up.
#[cold]
pub(crate) fn wait_exactly(_: BorrowedFd<'_>, _: &mut Vec<Record>, _: Duration) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}
