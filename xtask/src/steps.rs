//! The steps of `cargo xtask test`: their order, their names, and the table at the end.
//!
//! A step's name is what `cargo xtask test --only <name>` takes; its group is the command that runs the like of it
//! (`clippy-poll` belongs to `cargo xtask clippy`). The run stops at the first step that fails, says what failed and
//! how to run that step alone, and closes with `N passed, N failed` on a line of its own: the tests that nextest ran,
//! and one for a step that failed without a failing test, so that a run that fails never counts no failure.

use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Result};

use crate::accept::{Backend, Suite, Supplier};
use crate::api::System;
use crate::configs::{Checks, Config, CONFIGS};
use crate::outcome::{Counts, Outcome};
use crate::toolchain::packages;
use crate::workspace::Workspace;
use crate::{accept, api, platforms, setup, suite, tidy, wasi, windows};

/// One check.
pub(crate) struct Step {
    name: String,
    group: &'static str,
    /// Part of `--quick`.
    quick: bool,
    action: Action,
}

type Action = Box<dyn Fn(&Workspace) -> Result<Outcome>>;

/// Which steps to run.
#[derive(Debug)]
pub(crate) enum Selection {
    All,
    Quick,
    Group(String),
    Only(Vec<String>),
}

impl Selection {
    fn takes(&self, step: &Step) -> bool {
        match self {
            Self::All => true,
            Self::Quick => step.quick,
            Self::Group(group) => step.group == group,
            Self::Only(names) => names.contains(&step.name),
        }
    }
}

/// A line of the table.
struct Row {
    name: String,
    time: Duration,
    note: String,
}

fn step(
    name: &str,
    group: &'static str,
    quick: bool,
    action: impl Fn(&Workspace) -> Result<Outcome> + 'static,
) -> Step {
    Step { name: name.to_owned(), group, quick, action: Box::new(action) }
}

/// A step that checks code for other targets, left out where the compiler for it cannot be had.
fn check_step(name: &str, group: &'static str, action: fn(&Workspace) -> Result<Outcome>) -> Step {
    step(name, group, false, move |workspace| packages::with(workspace, packages::ready(workspace)?, action))
}

/// A step that is left out where what it wants cannot be had.
fn windows_step(step: Step) -> Step {
    let action = step.action;
    Step { action: Box::new(move |workspace| windows::where_possible(workspace, &action)), ..step }
}

/// All steps, in the order in which they run: what fails fast comes first.
fn all() -> Vec<Step> {
    let mut steps = vec![step("setup", "setup", true, setup::run), step("fmt", "fmt", true, suite::fmt)];
    let with = |not: Checks| CONFIGS.iter().filter(move |config| config.checks != not);
    steps.extend(with(Checks::TestsOnly).map(clippy_step));
    steps.push(step("tidy", "tidy", true, tidy::run));
    steps.extend(with(Checks::ClippyOnly).map(tests_step));
    steps.push(step("tests-xtask", "tests", false, suite::own_tests));
    steps.push(step("doctests", "doctests", false, suite::doctests));
    steps.push(step("docs", "docs", false, suite::docs));
    steps.push(step("api", "api", false, |workspace| api::check(workspace, System::Linux, false)));
    for backend in [Backend::Epoll, Backend::Poll] {
        steps.extend(backend.suites().iter().map(|&suite| accept_step(suite, backend)));
    }
    let windows = |name, action: fn(&Workspace) -> Result<Outcome>| windows_step(step(name, "windows", false, action));
    steps.push(windows("windows-setup", windows::setup));
    steps.push(check_step("windows-check", "windows", windows::check));
    steps.push(check_step("windows-api", "windows", |workspace| api::check(workspace, System::Windows, false)));
    steps.push(windows("windows-tests", windows::tests));
    steps.push(windows("windows-doctests", windows::doctests));
    steps.push(windows("windows-count", windows::counted));
    steps.push(windows("windows-demo", windows::demo));
    steps.push(windows_step(accept_step(Suite::Tokio, Backend::Windows)));
    let wasi = |name, action| step(name, "wasi", false, move |workspace| wasi::where_possible(workspace, action));
    steps.push(check_step("wasi-check", "wasi", wasi::check));
    steps.push(wasi("wasi-tests", wasi::tests));
    steps.push(step("platforms", "platforms", false, platforms::check));
    steps
}

fn clippy_step(config: &'static Config) -> Step {
    let name = format!("clippy-{}", config.name);
    step(&name, "clippy", config.is_default(), move |workspace| suite::clippy(workspace, config))
}

fn tests_step(config: &'static Config) -> Step {
    let name = format!("tests-{}", config.name);
    step(&name, "tests", config.is_quick(), move |workspace| suite::tests(workspace, config))
}

fn accept_step(suite: Suite, backend: Backend) -> Step {
    let name = format!("accept-{}-{}", suite.name(), backend.name());
    step(&name, "accept", false, move |workspace| accept::suite(workspace, suite, backend, Supplier::Checkout))
}

/// Prints the names of the steps; those of `--quick` are marked.
pub(crate) fn list() -> Result<()> {
    for step in all() {
        println!("{}{}", step.name, if step.quick { " (quick)" } else { "" });
    }
    Ok(())
}

/// Runs the selected steps up to the first that fails.
pub(crate) fn run(workspace: &Workspace, selection: &Selection) -> Result<()> {
    let steps: Vec<Step> = all().into_iter().filter(|step| selection.takes(step)).collect();
    ensure!(!steps.is_empty(), "there is no such step: `cargo xtask test --list` prints their names");
    if let Selection::Only(names) = selection {
        ensure!(steps.len() == names.len(), "not all of {names:?} are steps: see `cargo xtask test --list`");
    }
    let mut rows = Vec::new();
    let mut total = Counts::default();
    let mut failure = None;
    for step in &steps {
        let outcome = run_one(workspace, step, &mut rows);
        total.passed += outcome.counts.passed;
        total.failed += outcome.counts.failed;
        if let Some(complaint) = outcome.complaint {
            total.failed += u64::from(outcome.counts.failed == 0);
            failure = Some((step, complaint));
            break;
        }
    }
    if let Some((step, complaint)) = &failure {
        eprintln!("\n{complaint}\n\nstep `{0}` failed; alone: cargo xtask test --only {0}", step.name);
    }
    println!("\n{}\n{} passed, {} failed", table(&rows), total.passed, total.failed);
    match failure {
        Some((step, _)) => bail!("step `{}` failed", step.name),
        None => Ok(()),
    }
}

/// Runs a step and prints its line. A step that could not run to its end is one with a complaint.
fn run_one(workspace: &Workspace, step: &Step, rows: &mut Vec<Row>) -> Outcome {
    // Only for a person who waits: a log shows the whole line when the step has ended.
    if std::io::stdout().is_terminal() {
        print!("{:<28} …\r", step.name);
        drop(std::io::stdout().flush());
    }
    let start = Instant::now();
    let outcome = (step.action)(workspace)
        .unwrap_or_else(|error| Outcome { complaint: Some(format!("{error:#}")), ..Outcome::default() });
    let time = start.elapsed();
    let note = if outcome.complaint.is_some() { "FAILED".to_owned() } else { outcome.note.clone() };
    println!("{:<28} {:>7.1} s  {note}", step.name, time.as_secs_f64());
    rows.push(Row { name: step.name.clone(), time, note });
    outcome
}

fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<28} {:>9}  result\n", "step", "seconds");
    for row in rows {
        text += &format!("{:<28} {:>9.1}  {}\n", row.name, row.time.as_secs_f64(), row.note);
    }
    let all: Duration = rows.iter().map(|row| row.time).sum();
    text += &format!("{:<28} {:>9.1}\n", "all", all.as_secs_f64());
    text
}

#[cfg(test)]
mod tests {
    use super::{all, Selection};

    #[test]
    fn each_step_has_its_own_name() {
        let mut names: Vec<String> = all().into_iter().map(|step| step.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn steps_for_windows_run_alone() {
        let windows = Selection::Group("windows".to_owned());
        let alone: Vec<_> = all().into_iter().filter(|step| windows.takes(step)).collect();
        assert!(alone.iter().all(|step| !Selection::Quick.takes(step)));
        assert_eq!(alone[0].name, "windows-setup");
    }
}
