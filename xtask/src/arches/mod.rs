//! `cargo xtask arches`: the tests on other processors than this one, and over another C library.
//!
//! Debian has the compilers and qemu, which runs a program of another processor on this kernel; the standard library is
//! built from its source with each. What this machine runs by itself is tested in each run, and of what is emulated, which
//! takes longer, one a day in turn. All of the public suite runs, and of the crate's own tests those that meet this kernel;
//! what can't work where it would run is left out by name: see `left_out`.

mod build;
mod left_out;
mod table;

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{ensure, Result};
use clap::Args;

use crate::generated::Part;
use crate::outcome::Outcome;
use crate::runner::{self, AfterFailure, Step};
use crate::toolchain::packages;
use crate::workspace::Workspace;
use crate::{nextest, setup};

use table::{Arch, ARCHES};

pub(crate) const PART: Part = Part { page: "docs/platforms.md", name: "arches", command: "cargo xtask arches --write" };

/// Debian's Rust with the source of its library, and what cargo trusts the registry by.
const RUST: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "ca-certificates"];

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// Options of `cargo xtask arches`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// One target alone; may be given several times
    #[arg(long, value_name = "TARGET")]
    only: Vec<String>,
    /// All that are emulated, not the one of the day
    #[arg(long, conflicts_with = "only")]
    all: bool,
    /// Bring the lines of those that went well in docs/platforms.md up to date
    #[arg(long)]
    write: bool,
}

/// The command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    for name in &options.only {
        ensure!(ARCHES.iter().any(|arch| arch.target == name), "{name} is not in the table of architectures");
    }
    setup::run(workspace)?;
    let day = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / SECONDS_A_DAY;
    let chosen = chosen(options, day.try_into()?);
    for arch in chosen.iter().filter(|arch| !options.all && !arch.is_native()) {
        println!("emulated in this run: {}", arch.target);
    }
    let steps: Vec<Step> = chosen.iter().map(|&arch| step(arch)).collect();
    let (outcomes, verdict) = runner::perform(workspace, &steps.iter().collect::<Vec<_>>(), AfterFailure::GoOn);
    if options.write {
        let seen = chosen.iter().copied().zip(&outcomes).filter(|(_, outcome)| outcome.complaint.is_none());
        PART.put(workspace, &page(&PART.get(workspace)?, &seen.collect::<Vec<_>>())?)?;
    }
    verdict
}

/// What is tested on a day, counted from whichever one.
fn chosen(options: &Options, day: usize) -> Vec<&'static Arch> {
    let emulated: Vec<&str> = ARCHES.iter().filter(|arch| !arch.is_native()).map(|arch| arch.target).collect();
    let turn = emulated[day % emulated.len()];
    let is_chosen = |arch: &&Arch| match options.only.is_empty() {
        false => options.only.iter().any(|name| name == arch.target),
        true => options.all || arch.is_native() || turn == arch.target,
    };
    ARCHES.iter().filter(is_chosen).collect()
}

fn step(arch: &'static Arch) -> Step {
    let alone = format!("cargo xtask arches --only {}", arch.target);
    Step::new(arch.target, alone, move |workspace| {
        let names: Vec<&str> = RUST.iter().chain(arch.packages).copied().collect();
        packages::with(workspace, packages::ensure(workspace, &names)?, |workspace| test(workspace, arch))
    })
}

fn test(workspace: &Workspace, arch: &Arch) -> Result<Outcome> {
    let cmd = build::cargo(workspace, arch, &["nextest", "run", "--package", "poised"])?;
    let config = workspace.root.join("xtask/arches/nextest.toml");
    let cmd = cmd.arg("--config-file").arg(config).args(["-E", &filter(arch)]);
    let mut outcome = nextest::step(workspace, cmd, &format!("arches-{}", arch.target))?;
    let ran = outcome.counts.passed + outcome.counts.failed;
    ensure!(ran >= arch.at_least, "{ran} tests ran, at least {} are known", arch.at_least);
    outcome.note += &format!(" {}, {} left out", arch.how(), left_out::of(arch).len());
    Ok(outcome)
}

/// What nextest is to run, in its language. The models of other systems' kernels are the same everywhere; those that show
/// the width of numbers are worth their time where it is short.
fn filter(arch: &Arch) -> String {
    let left_out = nextest::without(left_out::of(arch).iter().map(|it| it.test));
    let models = if arch.is_native() { "windows" } else { "windows|kqueue|event_ports" };
    format!("all() - test(/^sys::(contract::)?({models})::/){left_out}")
}

/// The part of the page: what was seen now, and of the others what stood there.
fn page(old: &str, seen: &[(&Arch, &Outcome)]) -> Result<String> {
    let mut text = String::from("| architecture | run | tests passed | left out |\n| --- | --- | --- | --- |\n");
    let mut notes: Vec<String> = Vec::new();
    for arch in ARCHES {
        let begin = format!("| {} | ", arch.target);
        let before = old.lines().find(|line| line.starts_with(&begin)).map(str::to_owned);
        let now = seen.iter().find(|(it, outcome)| it.target == arch.target && outcome.counts.passed > 0);
        let left_out = left_out::of(arch);
        let now =
            now.map(|(_, outcome)| format!("{begin}{} | {} | {} |", arch.how(), outcome.counts.passed, left_out.len()));
        let Some(line) = now.or(before) else { continue };
        writeln!(text, "{line}")?;
        for it in left_out {
            let note = format!("* `{}`, {}: {}", it.test, arch.how(), it.why);
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    Ok(format!("{text}\nLeft out:\n\n{}\n", notes.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::{chosen, filter, page, Options, ARCHES};
    use crate::outcome::{Counts, Outcome};

    #[test]
    fn each_emulated_architecture_has_its_day() {
        let daily = Options { only: Vec::new(), all: false, write: false };
        let native = ARCHES.iter().filter(|arch| arch.is_native()).count();
        let mut seen: Vec<&str> = Vec::new();
        for day in 0..3 {
            let chosen = chosen(&daily, 20_000 + day);
            assert_eq!(chosen.len(), native + 1);
            seen.extend(chosen.iter().map(|arch| arch.target));
        }
        assert!(ARCHES.iter().all(|arch| seen.contains(&arch.target)), "{seen:?}");
    }

    #[test]
    fn options_choose_too() {
        let all = Options { only: Vec::new(), all: true, write: false };
        assert_eq!(chosen(&all, 1).len(), ARCHES.len());
        let one = Options { only: vec!["s390x-unknown-linux-gnu".to_owned()], all: false, write: false };
        assert_eq!(chosen(&one, 1).len(), 1);
        assert!(filter(chosen(&one, 1)[0]).starts_with("all() - test("));
    }

    #[test]
    fn a_run_changes_its_own_lines() {
        let of = |passed| Outcome { counts: Counts { passed, failed: 0 }, ..Outcome::default() };
        let first = page("", &[(&ARCHES[0], &of(7)), (&ARCHES[1], &of(8))]).unwrap();
        let second = page(&first, &[(&ARCHES[1], &of(9)), (&ARCHES[2], &of(0))]).unwrap();
        let rows: Vec<&str> = second.lines().filter(|line| line.contains("-linux-")).collect();
        assert!(rows[0].contains("| 7 |") && rows[1].contains("| 9 |") && rows.len() == 2, "{second}");
    }
}
