//! What a message and a registration cost on Windows, counted and not timed: calls of the kernel and of the
//! allocator, of poised and of mio in one run, with the bounds that poised keeps. `cargo xtask count` runs it.
//!
//! Each call of the kernel goes through the program's import table, whoever makes it; `calls` puts itself in between.
//! A count does not depend on how fast the machine is, but in part on how busy: two threads may find each other late.
//! So a load is run again when a bound is passed, and its best run counts.

// A program that counts speaks on standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]
// It stands between the program and the system, which is nothing that the types of the language know of.
#![cfg_attr(windows, allow(unsafe_code))]

#[cfg(windows)]
mod calls;
#[cfg(windows)]
mod figures;
#[cfg(windows)]
mod heap;
#[cfg(windows)]
mod imports;
#[cfg(windows)]
mod loads;
#[cfg(windows)]
mod report;

#[cfg(windows)]
fn main() -> std::process::ExitCode {
    match calls::hook().and_then(|()| report::run()) {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(windows))]
fn main() -> std::process::ExitCode {
    eprintln!("this program counts calls of Windows: `cargo xtask count` builds it for there, and runs it");
    std::process::ExitCode::FAILURE
}
