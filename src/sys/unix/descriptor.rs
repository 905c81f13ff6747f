//! `Poll` and `Registry` as the descriptor that they hold, where the mechanism is one: it can be registered with another poll,
//! or, kqueue's, be named in the `sigevent` of an AIO operation.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use crate::{Poll, Registry};

impl AsRawFd for Poll {
    fn as_raw_fd(&self) -> RawFd {
        self.registry().as_raw_fd()
    }
}

impl AsRawFd for Registry {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl AsFd for Registry {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.selector().as_fd()
    }
}
