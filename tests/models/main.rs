//! Random programs against a model of what they are owed: any order of registering, moving bytes, closing, waking and
//! polling, over each kind of source and over several at once.
//!
//! [`ops`] is what a program does, [`program`] does it and compares what comes with what [`ledger`] says; [`ends`] are the
//! sources, and [`random`] has the tests. Checked is what must be told of what is ready (P01, P03, P11, P14), and woken (P15); that no event is of a
//! registration that has ended, or of a token or an interest that it no longer has (P04, P05, P07, P08); which errors the
//! three verbs give (P09); threads that register, move and wake while another polls (P10, P16); and that polling comes to
//! rest (P02, P12). Spurious events are allowed, lost ones are not.
//!
//! A failure is shrunk, and its seed kept in `regressions/`, from where it is run again first. `PROPTEST_CASES` says how
//! many programs each test runs.

// WASI has one thread, and a build without proptest.
#![cfg(not(target_family = "wasm"))]
// A test binary has no outside that `pub` could reach.
#![allow(unreachable_pub)]

#[path = "../util/mod.rs"]
mod util;

mod ends;
mod ledger;
mod ops;
mod program;
mod random;
mod strategies;
