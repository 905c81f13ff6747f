//! Readiness through event ports, on Solaris: [port_create(3C)](https://docs.oracle.com/cd/E88353_01/html/E37843/port-create-3c.html)
//! and its sisters.
//!
//! A descriptor is associated with a port for conditions of poll(2), and sends one event when it has one of them: at once
//! when it has it already. Who takes the event ends the association. So a port tells levels, once, and forgets:
//!
//! * `sys/edges` knows which directions of a registration are armed, as it does for poll(2).
//! * `registered` keeps the registrations by descriptor, and associates each anew for what is armed: nothing is done for
//!   those that are silent.
//! * `selector` waits; `event` says what a record of the port means.
//! * `waker` wakes by an event of the user's; a port that has no room for one is alerted.
//! * `kernel` has the system calls.
//!
//! What another thread registers while one waits is associated then and there, and the waiting thread gets its event.
//!
//! On Linux all of this is tested over `model`, an event port made after the manuals; `--cfg poised_backend="event-ports"`
//! puts the whole crate on it, for the public test suite.

mod event;
#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "model/mod.rs")]
mod kernel;
mod registered;
#[cfg(all(test, target_os = "linux"))]
mod scenarios;
mod selector;
mod waker;

pub(crate) use selector::Selector;
