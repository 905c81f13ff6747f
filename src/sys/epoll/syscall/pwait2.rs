//! Waiting to the nanosecond, by [epoll_pwait2(2)](https://man7.org/linux/man-pages/man2/epoll_pwait2.2.html), Linux
//! 5.11. It goes through libc's `syscall`: who calls it is about to sleep, and glibc has a wrapper since 2.35 only.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

use super::Record;
use crate::sys::timeout;
use crate::sys::unix::{count, count_of, fill};

/// The kernel's timespec, which has 64 bits on every architecture.
#[repr(C)]
struct KernelTimespec {
    seconds: i64,
    nanoseconds: i64,
}

/// Waits into the spare capacity of `records`, for exactly `timeout`.
pub(crate) fn wait_exactly(epoll: BorrowedFd<'_>, records: &mut Vec<Record>, timeout: Duration) -> io::Result<()> {
    let (seconds, nanoseconds) = timeout::timespec(timeout);
    let timespec = KernelTimespec { seconds, nanoseconds };
    fill(records, |room, capacity| {
        // SAFETY: the kernel writes at most `capacity` records, and there is room for them; it reads `timespec`, which
        // lives for the call, and no signal mask.
        count(unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                epoll.as_raw_fd(),
                room,
                count_of(capacity),
                &timespec as *const KernelTimespec,
                ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        })
    })
}
