//! What users of mio and wepoll ran into with sockets on Windows, once each; the numbers are those of `tests/regressions`.

#![cfg(windows)]
// A test binary has no outside that `pub` could reach.
#![allow(unreachable_pub)]

#[path = "../util/mod.rs"]
mod util;

mod sockets;
