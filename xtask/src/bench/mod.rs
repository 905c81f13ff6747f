//! `cargo xtask bench`: measures poised beside raw epoll, mio and polling, and brings docs/bench up to date.
//!
//! `benches` is the program that measures; its `table.rs` says what is measured and what is asked. Here it is built as users
//! build, valgrind is installed for the loads that count instructions, and its output goes straight to the person who waits.

use std::process::Command;

use anyhow::{ensure, Context, Result};
use clap::Args;

use crate::cmd::Cmd;
use crate::toolchain::packages::{self, Packages};
use crate::workspace::Workspace;

const LOG: &str = "bench";
/// What a full run writes into.
const FOLDER: &str = "docs/bench";

/// Options of `cargo xtask bench`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Shorter loads and fewer rounds, within a minute; prints, and writes nothing
    #[arg(long)]
    quick: bool,
    /// One load alone, by its name (see --list); may be given several times; prints, and writes nothing
    #[arg(long, value_name = "LOAD")]
    only: Vec<String>,
    /// Print the names of the loads
    #[arg(long)]
    list: bool,
}

impl Options {
    /// What `benches` is told. A run that leaves nothing out is one to keep.
    fn arguments(&self) -> Vec<&str> {
        let mut arguments: Vec<&str> = self.only.iter().flat_map(|load| ["--only", load]).collect();
        match (self.list, self.quick) {
            (true, _) => arguments.push("--list"),
            (_, true) => arguments.push("--quick"),
            _ if self.only.is_empty() => arguments.extend(["--write", FOLDER]),
            _ => {}
        }
        arguments
    }
}

/// The command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if !options.list {
        match packages::ensure(workspace, &["valgrind"])? {
            Packages::Ready(installed) if !installed.is_empty() => println!("installed {}", installed.join(", ")),
            Packages::Ready(_) => {}
            Packages::Unavailable(why) => println!("instructions can be counted only where valgrind is: {why}"),
        }
    }
    Cmd::cargo(workspace).args(["build", "--release", "--package", "benches"]).run(workspace, LOG)?;
    let program = workspace.target.join("release/benches");
    let mut command = Command::new(&program);
    command.args(options.arguments()).current_dir(&workspace.root);
    let status = command.status().with_context(|| format!("cannot start {}", program.display()))?;
    ensure!(status.success(), "benches failed ({status})");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Options, FOLDER};

    #[test]
    fn a_full_run_alone_is_written_down() {
        let options = |quick, only: &[&str], list| Options {
            quick,
            only: only.iter().map(|&load| load.to_owned()).collect(),
            list,
        };
        assert_eq!(options(false, &[], false).arguments(), ["--write", FOLDER]);
        assert_eq!(options(true, &[], false).arguments(), ["--quick"]);
        assert_eq!(options(false, &["wake"], false).arguments(), ["--only", "wake"]);
        assert_eq!(options(true, &["wake"], false).arguments(), ["--only", "wake", "--quick"]);
        assert_eq!(options(false, &[], true).arguments(), ["--list"]);
    }
}
