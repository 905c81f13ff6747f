//! How WASI makes sockets, and what poll(2) needs of it.
//!
//! Its sources are descriptors, as on Unix, and wasi-libc has poll(2) in both previews, so that the mechanism is that of
//! `sys/poll`. What differs is here: the standard library makes the sockets, but for the two things that it can't do
//! without waiting, which are `preview2`'s. Preview 1 makes no sockets at all: a listener comes open from the host, by
//! `from_std`, and says `Unsupported` to the rest.

use std::io;
use std::os::fd::RawFd;

pub(crate) mod notifier;
#[cfg_attr(target_env = "p1", path = "preview1.rs")]
#[cfg_attr(not(target_env = "p1"), path = "preview2.rs")]
pub(crate) mod preview;
#[path = "../unix/readiness.rs"]
pub(crate) mod readiness;
pub(crate) mod tcp;
pub(crate) mod udp;

pub(crate) use std::os::fd::AsRawFd as AsRawSource;

/// What a selector knows a source by.
pub(crate) type RawSource = RawFd;

pub(crate) fn raw_source(io: &impl AsRawSource) -> RawSource {
    io.as_raw_fd()
}

/// Would warn of a source that blocks, but wasi-libc does not tell of a socket whether it does.
pub(crate) fn check_source(_: RawSource) {}

/// The result of a call that gives -1 for "see errno".
pub(crate) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
