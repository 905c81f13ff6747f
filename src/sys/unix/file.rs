//! What the kernel tells of the file behind a descriptor, for selectors that remember descriptors.

use std::io;
use std::mem;
use std::os::fd::RawFd;

use libc::c_int;

use super::check;

/// What tells a file from another that has the same descriptor later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

/// Which file a descriptor stands for. `EPERM`, as epoll_ctl(2) has it, for what is always ready.
// Numbers that systems have in different widths, some with a sign: what differs before differs after.
#[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)]
pub(crate) fn identify(fd: RawFd) -> io::Result<Identity> {
    // SAFETY: it is made of integers, for which zero is a value.
    let mut stat: libc::stat = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes a `struct stat`, for which there is room. A number that is not open gives EBADF.
    check(unsafe { libc::fstat(fd, &mut stat) })?;
    let kind = stat.st_mode as u64 & libc::S_IFMT as u64;
    if kind == libc::S_IFREG as u64 || kind == libc::S_IFDIR as u64 {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    Ok(Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 })
}

/// How many bytes can be read from a descriptor, where it can say so (`FIONREAD`).
#[cfg(not(any(
    target_os = "espidf",
    target_os = "hermit",
    target_os = "horizon",
    target_os = "nuttx",
    target_os = "vita"
)))]
pub(crate) fn unread(fd: RawFd) -> Option<c_int> {
    let mut unread: c_int = 0;
    // SAFETY: the kernel writes a C int, for which there is room. What has no such question gives an error.
    check(unsafe { libc::ioctl(fd, libc::FIONREAD, &mut unread as *mut c_int) }).ok().map(|_| unread)
}

/// These systems have no such question, or libc does not know it.
#[cfg(any(target_os = "espidf", target_os = "hermit", target_os = "horizon", target_os = "nuttx", target_os = "vita"))]
pub(crate) fn unread(_: RawFd) -> Option<c_int> {
    None
}
