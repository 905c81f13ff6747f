//! Readiness through [poll(2)](https://man7.org/linux/man-pages/man2/poll.2.html), for systems that have nothing better.
//!
//! poll(2) is told all descriptors at each call, and says for as long as it is so that they are ready. Edges, and
//! registrations that outlive a call, are made here:
//!
//! * `table` keeps the registrations, and `sys/edges` knows which of their directions are armed: what was reported is
//!   silent until it is armed again.
//! * `selector` shows the table to the kernel; `shared` interrupts it when the table changes while it waits.
//! * A source that poised owns is armed again by its `WouldBlock`. A descriptor that it does not own is looked at again,
//!   every few milliseconds while it was reported and not seen drained.
//!
//! WASI has poll(2), too, with calls of its own: `wasi` stands for `kernel` there.
//!
//! Relies on poll(2) holding the files of the descriptors that it waits for, so that another thread may close one.

#[cfg(not(target_os = "wasi"))]
mod call;
#[cfg_attr(target_os = "wasi", path = "wasi.rs")]
mod kernel;
mod selector;
mod shared;
mod table;
mod waker;

pub(crate) use selector::Selector;
