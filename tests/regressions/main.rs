//! What users of mio, polling, libuv and wepoll ran into, once each, so that it does not happen again. The numbers are
//! those of a collection of such reports, and keep their meaning; each test says what went wrong, and in which thread
//! that was told.
//!
//! Here are the scenarios that concern Linux, poll(2) or every platform; on Windows those run that concern it too.
//! Not here, and why:
//!
//! - 1-10, 13-27: Windows alone; `tests/windows` has them, and the socket state machine is tested beside its code.
//! - 37, second half (a wait that goes on with the remaining time): `poll` has no variant that retries.
//! - 43, /proc/self/mounts: changing a mount needs a namespace of one's own; an out-of-band byte says the same.
//! - 52: registrations exclusive to one `Poll` are not built yet.
//! - 53, and 74's accepting one connection an event: oneshot and level mode are not built yet.
//! - 54, a type of its own for processes, and 55: not built yet; 54 runs with the pidfd in a `SourceFd`.
//! - 56: no ring batches the registrations.
//! - 57-68: kqueue and event ports.
//! - 72, second half (an event of the same batch held back): guarded registrations are not built yet.
//! - 84: Android on x86; `p18_accepted_where_the_kernel_lacks_accept4` has what its sockets are accepted by.
//! - 85 on Windows: `tests/promises`, P06, has what a connection's end looks like there.

// Other Unix systems have no target that compiles this.
#![cfg(any(target_os = "linux", windows))]

#[path = "../util/mod.rs"]
mod util;

mod accept_connect;
mod api;
mod sockets;
mod waker;

#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(target_os = "linux")]
mod fault;
#[cfg(target_os = "linux")]
mod flags;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod poll2;
#[cfg(target_os = "linux")]
mod raw;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod timeouts;
#[cfg(target_os = "linux")]
mod unix_sockets;
#[cfg(target_os = "linux")]
mod wakes;
