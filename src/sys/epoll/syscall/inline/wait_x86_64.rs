//! Waiting by the instruction itself, since each poll comes through here. rustix takes six instructions to tell a number of
//! events from an error, where the sign tells; and it waits by epoll_pwait(2), which has an argument more than epoll_wait(2).
//! The latter is the call of glibc here, so that a filter of system calls that was made for a program over glibc has it.
//! Other libcs make the former, Android's filter may have no other, and there rustix waits.

use std::arch::asm;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use crate::sys::epoll::syscall::Record;
use crate::sys::timeout;
use crate::sys::unix::fill;

/// Waits into the spare capacity of `records`; for whole milliseconds, of which a C int holds as many, or without an end.
#[inline(always)] // Where the timeout is known, nothing is left of it but a number.
pub(crate) fn wait(epoll: BorrowedFd<'_>, records: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
    let millis = timeout.map_or(-1, timeout::saturated_millis);
    fill(records, |room, capacity| {
        let result: isize;
        // SAFETY: the kernel writes at most `capacity` records, and there is room for them. It keeps all registers but the
        // three that are named (syscall(2)), leaves the stack alone, and of the numbers looks at the lower 32 bits.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") libc::SYS_epoll_wait => result,
                in("rdi") epoll.as_raw_fd(),
                in("rsi") room,
                in("rdx") capacity,
                in("r10") millis,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
        usize::try_from(result).map_err(|_| error(result))
    })
}

/// The error of a negative result, which is its number, negated.
#[cold]
fn error(result: isize) -> io::Error {
    io::Error::from_raw_os_error(i32::try_from(-result).unwrap_or_default())
}
