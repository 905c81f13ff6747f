//! The commands of the house: `cargo xtask test` is the one the README names, the others are its steps alone.
//!
//! Each step calls cargo as a person would; what fails is shown with the command that repeats it. Nothing here is
//! published, and nothing needs more than Rust and the registries.

// A command line tool talks through standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod accept;
mod api;
mod arches;
mod bench;
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
mod toolchain;
mod torture;
mod wasi;
mod windows;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::runner::AfterFailure;
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
    #[command(flatten)]
    House(House),
    /// Run a program under Wine: what the steps for Windows have cargo do with each test
    #[command(hide = true)]
    Wine {
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        program: Vec<OsString>,
    },
    /// Run a program on a kernel that lacks a system call, by a filter: what `faults` has cargo do with each test
    #[command(hide = true)]
    Without(faults::Options),
}

/// What a person runs.
#[derive(Debug, Subcommand)]
enum House {
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
        /// Run the steps behind one that failed, too
        #[arg(long)]
        no_fail_fast: bool,
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
    /// Measure poised beside raw epoll, mio and polling, and write the figures down
    Bench(bench::Options),
    /// Run the tests on a kernel that lacks a system call, by a filter, for each of some calls
    Faults,
    /// Try to break the crate: models, fuzzing, sanitizers, load and faults, mutants
    Torture(torture::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let end = match cli.command {
        Command::Wine { program } => windows::start(&program),
        Command::Without(options) => faults::become_program(&options).map(|()| ExitCode::SUCCESS),
        Command::House(command) => run(command, cli.verbose).map(|()| ExitCode::SUCCESS),
    };
    end.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(command: House, verbose: bool) -> Result<()> {
    let workspace = Workspace::find(verbose)?;
    let group = |name: &str| steps::run(&workspace, &Selection::Group(name.to_owned()), AfterFailure::Stop);
    match command {
        House::Test { list: true, .. } => steps::list(),
        House::Test { quick, only, windows, no_fail_fast, .. } => {
            let after_failure = if no_fail_fast { AfterFailure::GoOn } else { AfterFailure::Stop };
            steps::run(&workspace, &Selection::of(quick, only, windows), after_failure)
        }
        House::Setup => group("setup"),
        House::Fmt => group("fmt"),
        House::Clippy => group("clippy"),
        House::Tidy => group("tidy"),
        House::Tests => group("tests"),
        House::Doctests => group("doctests"),
        House::Docs => group("docs"),
        House::Api(options) => api::run(&workspace, &options),
        House::Count => windows::count(&workspace),
        House::Platforms(options) => platforms::run(&workspace, &options),
        House::Targets(options) => targets::run(&workspace, &options),
        House::Accept(options) => accept::run(&workspace, &options),
        House::Arches(options) => arches::run(&workspace, &options),
        House::Bench(options) => bench::run(&workspace, &options),
        House::Faults => group("faults"),
        House::Torture(options) => torture::run(&workspace, &options),
    }
}
