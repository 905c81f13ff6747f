//! What users ran into on Windows, once each: sockets (`sockets`; the numbers are those of `tests/regressions`) and named
//! pipes (`scenario_01` to `scenario_10` in `scenarios`); and what `poised::windows::NamedPipe` promises besides.
//!
//! They run under Wine as well. Each test of pipes counts the handles of the process before and after, and so they take
//! turns, and repeat when something else was opened meanwhile.

#![cfg(windows)]
// A test binary has no outside that `pub` could reach.
#![allow(unreachable_pub, unsafe_code)]

#[path = "../util/mod.rs"]
mod util;

mod pipes;
mod scenarios;
mod sockets;
mod types;
