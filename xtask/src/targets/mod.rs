//! `cargo xtask targets`: clippy for every target of a table, against standard libraries built from their source.
//!
//! A target whose library does not compile here is listed with the compiler's word for it: nothing can be said of this crate
//! there. The table knows which those are, so that one more is a failure, and so is one less, until the table says so.

mod runs;
mod table;

use std::fmt::Write as _;

use anyhow::{ensure, Result};
use clap::Args;

use crate::generated::Part;
use crate::toolchain::messages::made_for;
use crate::toolchain::sysroot::{self, Library, Made};
use crate::toolchain::{self, packages};
use crate::workspace::Workspace;
use crate::{arches, platforms};

use runs::Runs;
use table::{Expected, Target, TARGETS};

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
#[derive(Debug)]
enum Seen {
    Compiles,
    /// The standard library does not, and why.
    NoLibrary(String),
    /// The library does, this crate doesn't.
    Fails(String),
}

impl Seen {
    fn is(&self, expected: Expected) -> bool {
        matches!((self, expected), (Self::Compiles, Expected::Compiles) | (Self::NoLibrary(_), Expected::NoLibrary))
    }

    /// What the page says.
    fn word(&self) -> String {
        match self {
            Self::Compiles => "yes".to_owned(),
            Self::NoLibrary(error) => format!("no: the standard library fails ({error})"),
            Self::Fails(_) => "no: see the error".to_owned(),
        }
    }
}

/// The command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    packages::required(workspace)?;
    let chosen = |target: &&Target| options.only.is_empty() || options.only.iter().any(|name| name == target.name);
    let targets: Vec<&Target> = TARGETS.iter().filter(chosen).collect();
    for name in &options.only {
        ensure!(targets.iter().any(|target| target.name == name), "{name} is not in the table of targets");
    }
    let runs = Runs { promises: platforms::PART.get(workspace)?, arches: arches::PART.get(workspace)? };
    let mut rows =
        String::from("| target | backend | compiled | run | promises kept |\n| --- | --- | --- | --- | --- |\n");
    let mut wrong = Vec::new();
    for (target, seen) in targets.iter().zip(look(workspace, &targets)?) {
        let word = seen.word();
        println!("{:32} {word}", target.name);
        let (word_of_page, run) = (word.replace('|', "\\|"), runs.of(target));
        writeln!(rows, "| {} | {} | {word_of_page} | {run} |", target.name, target.backend)?;
        if let Seen::Fails(complaint) = &seen {
            eprintln!("{complaint}");
        }
        if !seen.is(target.expected) {
            wrong.push(format!("{} ({word})", target.name));
        }
    }
    // Also of a run that fails, which is when somebody wants to see what it saw.
    if options.write {
        PART.put(workspace, &rows)?;
    }
    println!("{} passed, {} failed", targets.len() - wrong.len(), wrong.len());
    ensure!(wrong.is_empty(), "not as xtask/src/targets/table.rs has it: {}", wrong.join(", "));
    Ok(())
}

/// What there is to see of each target.
fn look(workspace: &Workspace, targets: &[&Target]) -> Result<Vec<Seen>> {
    let names: Vec<&str> = targets.iter().map(|target| target.name).collect();
    let (sysroot, libraries) = sysroot::make(workspace, &names, Library::Std)?;
    let with_library: Vec<&str> =
        libraries.iter().filter(|made| made.error.is_none()).map(|made| made.target).collect();
    let mut complaints = Vec::new();
    for features in FEATURES {
        let what = [&["--package", "poised", "--lib", "--keep-going"], *features].concat();
        let command =
            |targets: &[&str], more: &[&str]| toolchain::clippy(workspace, &sysroot, targets, &[&what, more].concat());
        let messages = ["--message-format", "json-render-diagnostics"];
        let together = command(&with_library, &messages).run_unchecked(workspace, "targets")?.text;
        let passed = made_for(&together, "poised", &with_library);
        for &target in with_library.iter().filter(|target| !passed.contains(target)) {
            let log = format!("targets-{target}");
            let alone = command(&[target], &[]);
            let output = alone.run_unchecked(workspace, &log)?;
            if !output.status.success() {
                complaints.push((target, alone.complaint(workspace, &log, &output)));
            }
        }
    }
    let seen = |Made { target, error }: Made<'_>| {
        let complaint = || complaints.iter().find(|(of, _)| *of == target).map(|(_, text)| Seen::Fails(text.clone()));
        error.map(Seen::NoLibrary).or_else(complaint).unwrap_or(Seen::Compiles)
    };
    Ok(libraries.into_iter().map(seen).collect())
}

#[cfg(test)]
mod tests {
    use super::{Expected, Seen};

    #[test]
    fn what_the_table_does_not_expect_is_wrong() {
        let (no_library, fails) = (Seen::NoLibrary("error: E".to_owned()), Seen::Fails("error: E".to_owned()));
        assert!(Seen::Compiles.is(Expected::Compiles) && no_library.is(Expected::NoLibrary));
        assert!(!Seen::Compiles.is(Expected::NoLibrary) && !no_library.is(Expected::Compiles));
        assert!(!fails.is(Expected::Compiles) && !fails.is(Expected::NoLibrary));
        assert!(no_library.word().contains("error: E"));
    }
}
