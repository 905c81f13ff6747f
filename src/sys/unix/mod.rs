//! How Unix makes sockets and pipes, and what its selectors share. Everything here goes through libc.

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use libc::{c_int, c_long};

use crate::sys::timeout;

mod address;
// Where a selector is a descriptor.
#[cfg(not(any(
    poised_backend = "poll",
    mio_unsupported_force_poll_poll,
    target_os = "aix",
    target_os = "cygwin",
    target_os = "emscripten",
    target_os = "espidf",
    target_os = "fuchsia",
    target_os = "haiku",
    target_os = "hermit",
    target_os = "horizon",
    target_os = "hurd",
    target_os = "l4re",
    target_os = "nto",
    target_os = "nuttx",
    target_os = "vita",
    target_os = "vxworks"
)))]
mod descriptor;
#[allow(dead_code)] // Only for selectors that remember what the kernel does not.
pub(crate) mod file;
// Where wakes go through descriptors that a child inherits.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "illumos", target_os = "redox"))]
#[allow(dead_code)] // Not every mechanism wakes across processes.
pub(crate) mod forks;
mod make;
pub(crate) mod net;
#[cfg_attr(target_os = "horizon", path = "../wasi/notifier.rs")]
// Event ports have events of the user's.
#[cfg(not(target_os = "solaris"))]
pub(crate) mod notifier;
#[cfg(unix)]
pub(crate) mod pipe;
pub(crate) mod readiness;
pub(crate) mod tcp;
pub(crate) mod udp;
#[cfg(unix)]
pub(crate) mod uds;

#[cfg(all(fuzzing, target_os = "linux"))]
pub(super) use address::Address;
pub(crate) use std::os::fd::AsRawFd as AsRawSource;

/// What a selector knows a source by. It may be any number: see [`borrow`].
pub(crate) type RawSource = RawFd;

#[inline]
pub(crate) fn raw_source(io: &impl AsRawSource) -> RawSource {
    io.as_raw_fd()
}

/// In debug builds, warns of a source that would block the thread that uses it after an event.
pub(crate) fn check_source(source: RawSource) {
    if cfg!(debug_assertions) && matches!(is_blocking(source), Ok(true)) {
        crate::diagnostics::warning!(
            "descriptor {source} is registered but blocking: call set_nonblocking(true) before handing it to poised"
        );
    }
}

fn is_blocking(fd: RawFd) -> io::Result<bool> {
    // SAFETY: takes plain numbers, and a descriptor that is not open gives EBADF.
    let flags = check(unsafe { libc::fcntl(fd, libc::F_GETFL, 0) })?;
    Ok(flags & libc::O_NONBLOCK == 0)
}

/// The number of a descriptor for the length of a system call. `EBADF` for a number that no descriptor can have.
#[inline]
#[allow(dead_code)] // Not every mechanism takes handles.
pub(crate) fn borrow<'fd>(fd: RawFd) -> io::Result<BorrowedFd<'fd>> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: it is not -1. It is handed to system calls that register or look at a file by number and touch no memory
    // through it; a number that is not open makes them fail with EBADF.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// The result of a call that gives -1 for "see errno".
#[inline]
pub(crate) fn check(result: c_int) -> io::Result<c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// The result of a call that counts, or gives -1 for "see errno".
#[inline]
#[allow(dead_code)] // Not every mechanism has the kernel fill its list.
pub(crate) fn count(result: impl Into<c_long>) -> io::Result<usize> {
    usize::try_from(result.into()).map_err(|_| io::Error::last_os_error())
}

/// A number of things as a C int, or as many as it holds.
#[allow(dead_code)] // Not every mechanism counts in C ints.
pub(crate) fn count_of(things: usize) -> c_int {
    c_int::try_from(things).unwrap_or(c_int::MAX)
}

/// Lets `call` write into the spare room of `list`, and takes over as many as it says. The one place that sets a length
/// after the kernel wrote.
///
/// `call` gets the room and how much there is, and must have written as many values as it counts.
#[inline]
#[allow(dead_code)] // Not every mechanism has the kernel fill its list.
pub(crate) fn fill<T>(list: &mut Vec<T>, call: impl FnOnce(*mut T, usize) -> io::Result<usize>) -> io::Result<()> {
    let room: &mut [MaybeUninit<T>] = list.spare_capacity_mut();
    let written = call(room.as_mut_ptr().cast(), room.len())?;
    let length = list.len() + written;
    // SAFETY: `call` has written that many values behind the old length, within the capacity.
    unsafe { list.set_len(length) };
    Ok(())
}

/// A duration as C has it, saturated.
#[cfg(not(target_os = "hermit"))] // Its fields are narrower, and nobody asks for them.
#[allow(dead_code)] // Not every mechanism counts in nanoseconds.
pub(crate) fn timespec(timeout: Duration) -> libc::timespec {
    let (seconds, nanoseconds) = timeout::timespec(timeout);
    // SAFETY: it is made of integers, for which zero is a value.
    let mut timespec: libc::timespec = unsafe { mem::zeroed() };
    // musl's is to become wider on 32 bits, which libc calls deprecating it.
    #[allow(deprecated)]
    let seconds = libc::time_t::try_from(seconds).unwrap_or(libc::time_t::MAX);
    timespec.tv_sec = seconds;
    // Below a second, which fits the type on every system.
    #[allow(clippy::cast_possible_truncation, clippy::unnecessary_cast)]
    let nanoseconds = nanoseconds as c_long;
    timespec.tv_nsec = nanoseconds;
    timespec
}

/// The size of a C type as socket calls take it.
fn size_of<T>() -> libc::socklen_t {
    // The types of socket calls are small.
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    let size = mem::size_of::<T>() as libc::socklen_t;
    size
}
