//! What users ran into on Windows, once each (the numbers are those of `tests/regressions`): named pipes (`scenario_01`
//! to `scenario_10` in `scenarios`), sockets (`sockets`, `udp`), children (`children`); what is handed over wrongly
//! (`bad_input`); and what `poised::windows::NamedPipe` promises besides (`types`).
//!
//! They run under Wine as well. Each test of pipes counts the handles of the process before and after, and so they take
//! turns, and repeat when something else was opened meanwhile; for the others see `util::leak`.

#![cfg(windows)]
// A test binary has no outside that `pub` could reach.
#![allow(unreachable_pub, unsafe_code)]

#[path = "../util/mod.rs"]
mod util;

mod bad_input;
mod children;
mod memory;
mod pipes;
mod scenarios;
mod sockets;
mod types;
mod udp;
