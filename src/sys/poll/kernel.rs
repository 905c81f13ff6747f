//! The system calls of this mechanism, but for waiting, which is `call`.

use std::io;
use std::mem;
#[cfg(not(target_os = "horizon"))]
use std::os::fd::AsRawFd as _;
use std::os::fd::RawFd;

use libc::{c_int, pollfd};

use crate::sys::unix::check;
use crate::Interest;

pub(super) use super::call::poll;
pub(super) use crate::sys::unix::notifier::Notifier;
pub(super) use crate::sys::unix::readiness::PollBits;

/// Conditions in the bits of poll(2).
#[cfg(not(target_os = "horizon"))]
pub(crate) type Bits = libc::c_short;
#[cfg(target_os = "horizon")]
pub(crate) type Bits = c_int;

/// Bits that not every system has.
pub(super) const PRI: Bits = libc::POLLPRI;
#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "emscripten",
    target_os = "hermit",
    target_os = "illumos",
    target_os = "l4re",
    target_os = "nuttx"
))]
pub(super) const RDHUP: Bits = libc::POLLRDHUP;
/// The others tell of a peer that has shut its sending half down as bytes to read, and no more: reading gives 0.
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "emscripten",
    target_os = "hermit",
    target_os = "illumos",
    target_os = "l4re",
    target_os = "nuttx"
)))]
pub(super) const RDHUP: Bits = 0;
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

/// Whether this is the answer for a descriptor that is not open.
#[cfg(not(target_os = "espidf"))]
pub(super) fn is_closed(answer: Bits) -> bool {
    answer & libc::POLLNVAL != 0
}

/// ESP-IDF has no word for it.
#[cfg(target_os = "espidf")]
pub(super) fn is_closed(_: Bits) -> bool {
    false
}

/// Which file a descriptor stands for. `EPERM`, as epoll_ctl(2) has it, for what is always ready.
// Numbers that systems have in different widths, some with a sign: what differs before differs after.
#[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)]
pub(super) fn identify(fd: RawFd) -> io::Result<Identity> {
    // SAFETY: it is made of integers, for which zero is a value.
    let mut stat: libc::stat = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes a `struct stat`, for which there is room. A number that is not open gives EBADF.
    check(unsafe { libc::fstat(fd, &mut stat) })?;
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG | libc::S_IFDIR => Err(io::Error::from_raw_os_error(libc::EPERM)),
        _ => Ok(Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 }),
    }
}

/// How many bytes can be read from a descriptor, where it can say so (`FIONREAD`).
#[cfg(not(any(
    target_os = "espidf",
    target_os = "hermit",
    target_os = "horizon",
    target_os = "nuttx",
    target_os = "vita"
)))]
pub(super) fn unread(fd: RawFd) -> Option<c_int> {
    let mut unread: c_int = 0;
    // SAFETY: the kernel writes a C int, for which there is room. What has no such question gives an error.
    check(unsafe { libc::ioctl(fd, libc::FIONREAD, &mut unread as *mut c_int) }).ok().map(|_| unread)
}

/// These systems have no such question, or libc does not know it.
#[cfg(any(target_os = "espidf", target_os = "hermit", target_os = "horizon", target_os = "nuttx", target_os = "vita"))]
pub(super) fn unread(_: RawFd) -> Option<c_int> {
    None
}

/// What is polled to learn that the table changed.
#[cfg(not(target_os = "horizon"))]
pub(super) fn notes(notifier: &Notifier) -> Option<pollfd> {
    Some(pollfd { fd: notifier.as_raw_fd(), events: libc::POLLIN, revents: 0 })
}

/// Nothing is: who waits looks for itself, see `call`.
#[cfg(target_os = "horizon")]
pub(super) fn notes(_: &Notifier) -> Option<pollfd> {
    None
}
