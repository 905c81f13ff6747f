//! The system calls of epoll, in two forms with the same names: inline through rustix, or through libc.

#[cfg_attr(not(feature = "libc-syscalls"), path = "inline.rs")]
#[cfg_attr(feature = "libc-syscalls", path = "libc.rs")]
mod form;
mod pwait2;

pub(crate) use form::{add, create, delete, modify, wait};
pub(crate) use pwait2::wait_exactly;

/// The kernel's `struct epoll_event`.
pub(crate) type Record = libc::epoll_event;
