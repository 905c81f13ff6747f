//! `cargo xtask targets`: clippy for every target of a table, each against a standard library built from its source.
//!
//! A target whose library does not compile here is listed with the compiler's word for it, and is no failure: nothing
//! can be said of this crate there. Any other error is one, so that a registry that does not answer hides nothing.

mod table;

use std::fmt::Write as _;
use std::fs;

use anyhow::{bail, ensure, Result};
use clap::Args;

use crate::generated::Part;
use crate::toolchain::{self, packages, sysroot};
use crate::workspace::Workspace;

use table::{Target, TARGETS};

const PART: Part = Part { page: "docs/platforms.md", name: "targets", command: "cargo xtask targets --write" };

/// The sets of features that are checked.
const FEATURES: &[&[&str]] = &[&[], &["--no-default-features"]];

/// Options of `cargo xtask targets`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// One target alone; may be given several times
    #[arg(long, value_name = "TARGET")]
    only: Vec<String>,
    /// Bring docs/platforms.md up to date
    #[arg(long, conflicts_with = "only")]
    write: bool,
}

/// What was seen of a target.
enum Seen {
    Compiles,
    /// The standard library does not, and why.
    NoLibrary(String),
    /// The library does, this crate doesn't.
    Fails(String),
}

/// The command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    packages::required(workspace)?;
    let chosen = |target: &&Target| options.only.is_empty() || options.only.iter().any(|name| name == target.name);
    let targets: Vec<&Target> = TARGETS.iter().filter(chosen).collect();
    for name in &options.only {
        ensure!(targets.iter().any(|target| target.name == name), "{name} is not in the table of targets");
    }
    let mut rows = String::from("| target | backend | compiled | run |\n| --- | --- | --- | --- |\n");
    let mut failed = Vec::new();
    for target in targets {
        let word = match check(workspace, target.name)? {
            Seen::Compiles => "yes".to_owned(),
            Seen::NoLibrary(error) => format!("no: the standard library fails ({error})"),
            Seen::Fails(text) => {
                eprintln!("{text}");
                failed.push(target.name);
                "no: see the error".to_owned()
            }
        };
        println!("{:32} {word}", target.name);
        writeln!(rows, "| {} | {} | {} | {} |", target.name, target.backend, word.replace('|', "\\|"), target.runs)?;
    }
    ensure!(failed.is_empty(), "does not compile for {}", failed.join(", "));
    if options.write {
        PART.put(workspace, &rows)?;
    }
    Ok(())
}

fn check(workspace: &Workspace, target: &str) -> Result<Seen> {
    let sysroot = match sysroot::ready(workspace, target) {
        Ok(sysroot) => sysroot,
        Err(error) => match compilers_word(&format!("{error:#}")) {
            Some(word) => return Ok(Seen::NoLibrary(word)),
            None => bail!(error),
        },
    };
    let target_dir = sysroot.join("targets");
    let log = format!("targets-{target}");
    let mut seen = Seen::Compiles;
    for features in FEATURES {
        let cmd = toolchain::cargo_clippy(workspace).args(["--package", "poised", "--lib"]).args(*features);
        let cmd = cmd.args(["--target", target]).env("CARGO_TARGET_DIR", &target_dir);
        let cmd = cmd.rustflags(&format!("--sysroot {}", sysroot.display())).args(["--", "-D", "warnings"]);
        let output = cmd.run_unchecked(workspace, &log)?;
        if !output.status.success() {
            seen = Seen::Fails(cmd.complaint(workspace, &log, &output));
            break;
        }
    }
    if target_dir.exists() {
        fs::remove_dir_all(&target_dir)?;
    }
    Ok(seen)
}

/// The first error of a compiler that could not compile; none where something else went wrong.
fn compilers_word(output: &str) -> Option<String> {
    output.contains("error: could not compile `").then_some(())?;
    let line = output.lines().map(str::trim).find(|line| line.starts_with("error"))?;
    Some(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::compilers_word;

    #[test]
    fn only_a_compiler_excuses_a_target() {
        let compiler = "   Compiling std\nerror[E0412]: cannot find type `x`\nerror: could not compile `std` (lib)\n";
        assert_eq!(compilers_word(compiler).as_deref(), Some("error[E0412]: cannot find type `x`"));
        assert_eq!(compilers_word("error: failed to download `libc v0.2.183`\n"), None);
    }
}
