//! The commands of the house: `cargo xtask test` is the one the README names, the others are its steps alone.
//!
//! Each step calls cargo as a person would; what fails is shown with the command that repeats it. Nothing here is
//! published, and nothing needs more than Rust and the registries.

// A command line tool talks through standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod accept;
mod api;
mod arches;
mod cmd;
mod configs;
mod faults;
mod generated;
mod nextest;
mod outcome;
mod platforms;
mod runner;
mod setup;
mod steps;
mod suite;
mod targets;
mod tidy;
mod wasi;
mod windows;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::steps::Selection;
use crate::workspace::Workspace;

/// The commands of the house. `cargo xtask test` runs every check; the others run one kind of it.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Show the output of each command while it runs
    #[arg(long, short, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every check, in order, up to the first that fails
    Test {
        /// Formatting, clippy, tidy and the tests on both backends: two minutes on a warm machine
        #[arg(long)]
        quick: bool,
        /// One step alone, by its name (see --list); may be given several times
        #[arg(long, value_name = "STEP")]
        only: Vec<String>,
        /// The steps for Windows alone, which run under Wine
        #[arg(long, conflicts_with_all = ["quick", "only"])]
        windows: bool,
        /// Print the names of the steps
        #[arg(long)]
        list: bool,
    },
    /// Install what is missing for the other commands
    Setup,
    /// rustfmt, without changing anything
    Fmt,
    /// clippy, warnings denied, in each configuration
    Clippy,
    /// The house rules that a program can check
    Tidy,
    /// The tests with nextest, in each configuration
    Tests,
    /// The doc tests
    Doctests,
    /// The documentation, warnings denied
    Docs,
    /// Compare the public API of crates/mio with that of mio from the registry
    Api(api::Options),
    /// Count what a message and a socket cost on Windows, under Wine, and compare with the bounds
    Count,
    /// Show which promise holds on which backend, from the last runs
    Platforms(platforms::Options),
    /// Check that the crate compiles for every target of the table
    Targets(targets::Options),
    /// Run software written for mio on crates/mio, on each backend
    Accept(accept::Options),
    /// Run the tests on other processors and over musl
    Arches(arches::Options),
    /// Run the tests on a kernel that lacks a system call, by a filter, for each of some calls
    Faults,
    /// Run a program on a kernel that lacks a system call, by a filter
    #[command(hide = true)]
    Without(faults::Options),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    if let Command::Without(options) = &cli.command {
        // It stands between nextest and a test, with the environment of that.
        return faults::become_program(options);
    }
    let workspace = Workspace::find(cli.verbose)?;
    let group = |name: &str| steps::run(&workspace, &Selection::Group(name.to_owned()));
    match cli.command {
        Command::Test { list: true, .. } => steps::list(),
        Command::Test { quick: true, .. } => steps::run(&workspace, &Selection::Quick),
        Command::Test { only, .. } if !only.is_empty() => steps::run(&workspace, &Selection::Only(only)),
        Command::Test { windows: true, .. } => group("windows"),
        Command::Test { .. } => steps::run(&workspace, &Selection::All),
        Command::Setup => group("setup"),
        Command::Fmt => group("fmt"),
        Command::Clippy => group("clippy"),
        Command::Tidy => group("tidy"),
        Command::Tests => group("tests"),
        Command::Doctests => group("doctests"),
        Command::Docs => group("docs"),
        Command::Api(options) => api::run(&workspace, &options),
        Command::Count => windows::count(&workspace),
        Command::Platforms(options) => platforms::run(&workspace, &options),
        Command::Targets(options) => targets::run(&workspace, &options),
        Command::Accept(options) => accept::run(&workspace, &options),
        Command::Arches(options) => arches::run(&workspace, &options),
        Command::Faults => group("faults"),
        // Done above.
        Command::Without(_) => Ok(()),
    }
}
