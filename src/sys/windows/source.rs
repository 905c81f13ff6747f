//! What a source is to the system: a socket, by its number.

pub(crate) use std::os::windows::io::{AsRawSocket as AsRawSource, RawSocket as RawSource};

#[inline]
pub(crate) fn raw_source(io: &impl AsRawSource) -> RawSource {
    io.as_raw_socket()
}

/// Would warn of a source that blocks, but WinSock does not tell of a socket whether it does.
pub(crate) fn check_source(_: RawSource) {}
