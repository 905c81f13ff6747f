//! What users of mio, polling, libuv and wepoll ran into, once each, so that it does not happen again. The numbers are
//! those of a collection of such reports, and keep their meaning; each test says what went wrong, and in which thread
//! that was told.
//!
//! Here are the scenarios that concern Linux, poll(2) or every platform. Not here, and why:
//!
//! - 1-10, 13-27: Windows; the socket state machine is tested beside its code, the rest needs Windows or Wine.
//! - 37, second half (a wait that goes on with the remaining time): `poll` has no variant that retries.
//! - 43, /proc/self/mounts: changing a mount needs a namespace of one's own; an out-of-band byte says the same.
//! - 52: registrations exclusive to one `Poll` are not built yet.
//! - 53, and 74's accepting one connection an event: oneshot and level mode are not built yet.
//! - 54, a type of its own for processes, and 55: not built yet; 54 runs with the pidfd in a `SourceFd`.
//! - 56: no ring batches the registrations.
//! - 57-68: kqueue and event ports.
//! - 72, second half (an event of the same batch held back): guarded registrations are not built yet.
//! - 84: Android on x86.

#![cfg(target_os = "linux")]

#[path = "../util/mod.rs"]
mod util;

mod accept_connect;
mod api;
mod descriptors;
mod fault;
mod flags;
mod limits;
mod poll2;
mod sockets;
mod table;
mod timeouts;
mod waker;
