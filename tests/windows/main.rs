//! Named pipes on Windows: each of the known bugs of their kind (`scenario_01` to `scenario_10`), and what
//! `poised::windows::NamedPipe` promises besides.
//!
//! They run under Wine as well. Each test counts the handles of the process before and after, and so they take turns.

#![cfg(windows)]
// A test binary has no outside that `pub` could reach.
#![allow(unreachable_pub, unsafe_code)]

#[path = "../util/mod.rs"]
mod util;

mod pipes;
mod scenarios;
mod types;
