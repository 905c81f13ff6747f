//! The system calls of epoll, in two forms with the same names: inline through rustix on Linux, or through libc.
//!
//! On 32-bit x86 the two disagree on how `struct epoll_event` is aligned, so that the records of the one can't be handed to
//! the other.

use std::mem;

#[cfg_attr(
    all(any(target_os = "linux", target_os = "android"), not(any(feature = "libc-syscalls", target_arch = "x86"))),
    path = "inline/mod.rs"
)]
#[cfg_attr(
    any(feature = "libc-syscalls", target_arch = "x86", target_os = "illumos", target_os = "redox"),
    path = "libc.rs"
)]
mod form;
#[cfg_attr(any(target_os = "illumos", target_os = "redox"), path = "no_pwait2.rs")]
mod pwait2;

pub(crate) use form::{add, create, delete, modify, wait};
pub(crate) use pwait2::wait_exactly;

/// The kernel's `struct epoll_event`.
pub(crate) type Record = libc::epoll_event;

/// Conditions and the data that travels with them.
#[inline]
pub(crate) fn record(conditions: u32, data: u64) -> Record {
    // SAFETY: it is made of integers, for which zero is a value. Redox has one more of them.
    let mut record: Record = unsafe { mem::zeroed() };
    record.events = conditions;
    record.u64 = data;
    record
}
