//! poised beside raw epoll, mio and polling, in one process: `cargo xtask bench` builds and starts it.
//!
//! `table` says what is measured and what is asked, `loads` does it, `rounds`, `callgrind` and `trace` take the figures, and
//! `report` writes them down.

// A benchmark speaks on standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod callgrind;
mod clock;
mod delays;
mod heap;
mod loads;
mod machine;
mod measure;
mod peers;
mod place;
mod report;
mod rounds;
mod table;
mod trace;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{ensure, Context, Result};
use clap::{Parser, Subcommand};

use crate::machine::Machine;
use crate::measure::Part;
use crate::report::Report;
use crate::rounds::Effort;
use crate::table::{loads, Load};

/// Measures poised beside raw epoll, mio and polling.
#[derive(Debug, Parser)]
#[command(subcommand_negates_reqs = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// Shorter loads and fewer rounds: within a minute
    #[arg(long)]
    quick: bool,
    /// As short as can be: shows that it works, not how fast
    #[arg(long, hide = true, conflicts_with = "quick")]
    smoke: bool,
    /// One load alone, by its name (see --list); may be given several times
    #[arg(long, value_name = "LOAD")]
    only: Vec<String>,
    /// Print the names of the loads
    #[arg(long)]
    list: bool,
    /// Write results, table and plots into this folder
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// So many turns of a load and nothing else: what is run below valgrind, and traced
    #[command(hide = true)]
    Turns { load: String, part: Part, turns: usize },
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let mut loads = loads();
    if let Some(Command::Turns { load, part, turns }) = &options.command {
        let load = loads.iter().find(|it| it.name == load).context("there is no such load")?;
        return measure::turns(load, *part, *turns);
    }
    if options.list {
        let line = |load: &Load| format!("{:<24} {}\n", load.name, load.title);
        // At once: who reads the first lines alone, as `head` does, is gone by the next write.
        print!("{}", loads.iter().map(line).collect::<String>());
        return Ok(());
    }
    if !options.only.is_empty() {
        loads.retain(|load| options.only.iter().any(|name| name == load.name));
        ensure!(loads.len() == options.only.len(), "not all of {:?} are loads: see --list", options.only);
    }
    let effort = match (options.smoke, options.quick) {
        (true, _) => Effort::SMOKE,
        (_, true) => Effort::QUICK,
        _ => Effort::FULL,
    };
    let report = measure_all(&loads, &effort)?;
    print!("{}", report.text());
    match &options.write {
        Some(folder) => report.write(folder),
        None => Ok(()),
    }
}

fn measure_all(loads: &[Load], effort: &Effort) -> Result<Report> {
    let start = Instant::now();
    place::cpus();
    let mut report = Report::new(Machine::look()?);
    for load in loads {
        eprint!("{:<24}", load.name);
        let begun = Instant::now();
        match measure::load(load, effort).with_context(|| format!("load {} failed", load.name))? {
            measure::Outcome::Figures(figures) => report.add(load, &figures),
            measure::Outcome::LeftOut(why) => report.leave_out(load, why),
        }
        eprintln!(" {:>6.1} s", begun.elapsed().as_secs_f64());
    }
    report.finish(start.elapsed());
    Ok(report)
}
