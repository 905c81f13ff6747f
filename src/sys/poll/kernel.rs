//! The system calls of this mechanism.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::time::Duration;

use libc::{c_int, c_short, nfds_t, pollfd};

use crate::sys::unix::{check, count, timespec};
use crate::Interest;

pub(super) use crate::sys::unix::notifier::Notifier;
pub(super) use crate::sys::unix::readiness::PollBits;

/// Bits that not every system has.
pub(super) const PRI: c_short = libc::POLLPRI;
#[cfg(not(any(target_os = "cygwin", target_os = "hurd")))]
pub(super) const RDHUP: c_short = libc::POLLRDHUP;
/// These tell of a peer that has shut its sending half down as bytes to read, and no more.
#[cfg(any(target_os = "cygwin", target_os = "hurd"))]
pub(super) const RDHUP: c_short = 0;
/// What can't be asked for.
pub(super) const MISSING: Interest = Interest::ASYNC_IO;
/// Whether hang-ups and errors are told of what is asked for nothing.
pub(super) const TELLS_UNASKED: bool = true;

/// What tells a file from another that has the same descriptor later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

/// Waits until one of `descriptors` has what it asks for; `None` waits for ever.
pub(super) fn poll(descriptors: &mut [pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    let timespec = timeout.map(timespec);
    let timespec = timespec.as_ref().map_or(ptr::null(), |timespec| timespec as *const libc::timespec);
    let length = nfds_t::try_from(descriptors.len()).unwrap_or(nfds_t::MAX);
    // SAFETY: the kernel reads and writes `length` structs, which are there; it reads the timespec, which lives for the
    // call, or none, and no signal mask.
    count(unsafe { libc::ppoll(descriptors.as_mut_ptr(), length, timespec, ptr::null()) })
}

/// Which file a descriptor stands for. `EPERM`, as epoll_ctl(2) has it, for what is always ready.
pub(super) fn identify(fd: RawFd) -> io::Result<Identity> {
    // SAFETY: it is made of integers, for which zero is a value.
    let mut stat: libc::stat = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes a `struct stat`, for which there is room. A number that is not open gives EBADF.
    check(unsafe { libc::fstat(fd, &mut stat) })?;
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG | libc::S_IFDIR => Err(io::Error::from_raw_os_error(libc::EPERM)),
        _ => Ok(Identity { device: widened(stat.st_dev), inode: widened(stat.st_ino) }),
    }
}

/// A number that systems have in different widths, and the Hurd in another one than its own type's.
fn widened(number: impl Into<u64>) -> u64 {
    number.into()
}

/// How many bytes can be read from a descriptor, where it can say so (`FIONREAD`).
pub(super) fn unread(fd: RawFd) -> Option<c_int> {
    let mut unread: c_int = 0;
    // SAFETY: the kernel writes a C int, for which there is room. What has no such question gives an error.
    check(unsafe { libc::ioctl(fd, libc::FIONREAD, &mut unread as *mut c_int) }).ok().map(|_| unread)
}

/// What is polled to learn that the table changed.
pub(super) fn notes(notifier: &Notifier) -> Option<pollfd> {
    Some(pollfd { fd: notifier.as_raw_fd(), events: libc::POLLIN, revents: 0 })
}
