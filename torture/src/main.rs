//! Load and faults: an answering server and its clients on poised, as many connections as the limit of descriptors allows, for
//! minutes, with resets, half-closes, slow readers, descriptors used up, storms of signals, forks, lost packets.
//!
//! Every byte is checked in both directions, a connection that is ready without having had an event is found, and between
//! two rounds nothing may cost time, stay open or stay in memory. The exit code is 1 if anything is wrong.

// A program reports to its user.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[cfg(target_os = "linux")]
mod conductor;
#[cfg(target_os = "linux")]
mod connection;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod lossy;
#[cfg(target_os = "linux")]
mod pattern;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod side;
#[cfg(target_os = "linux")]
mod socket;
#[cfg(target_os = "linux")]
mod tally;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
use clap::Parser;

/// Tortures poised: connections with faults of all kinds, every byte checked.
#[cfg(target_os = "linux")]
#[derive(Debug, Parser)]
struct Options {
    /// How long
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// How many connections at a time [default: what the limit of descriptors allows]
    #[arg(long)]
    connections: Option<usize>,
    /// Seconds of talk between two checks of what is left
    #[arg(long, default_value_t = 40)]
    round: u64,
    /// What the random choices begin with
    #[arg(long)]
    seed: Option<u64>,
    /// A network of its own for each side, where packets are lost: takes root
    #[arg(long)]
    lossy: bool,
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    match conductor::run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("left out: the faults are Linux's");
    ExitCode::SUCCESS
}
