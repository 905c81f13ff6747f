//! A Windows made of values, for the shell to run on where there is none.
//!
//! [`kernel`] is the machine: sockets with conditions, polls of AFD, completion ports, a clock. `device`, `iocp`, `net`,
//! `named_pipe`, `timer` and `clock` have the names and signatures of what the shell uses of the system, so that the very same
//! code is compiled over them. In tests locks are shuttle's, which picks the order of all threads' steps by chance, and
//! notices when all of them sleep; under `--cfg loom` they are loom's, which tries all orders; to a fuzzer there is one
//! thread, and chance is its bytes (`schedule`).
//!
//! The machine behaves as AFD was seen to (docs of the modules say where), and keeps an eye on the memory that is lent to
//! it: it complains by a panic when a rule is broken. [`program`] has a program that uses two selectors, and knows what it
//! is owed; `random` has it do anything, `threads` has several do something at once, and `scenarios` are single stories.
//! `orders` has two or three threads do one thing each, for loom.

pub(super) mod clock;
pub(super) mod device;
pub(super) mod iocp;
pub(super) mod named_pipe;
pub(super) mod net;
pub(super) mod schedule;
pub(super) mod timer;

#[cfg(fuzzing)]
pub(super) mod choices;
mod kernel;
#[cfg(test)]
mod orders;
#[cfg(not(loom))]
mod program;
#[cfg(all(test, not(loom)))]
mod random;
#[cfg(all(test, not(loom)))]
mod scenarios;
#[cfg(all(test, not(loom)))]
mod threads;
