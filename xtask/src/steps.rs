//! The steps of `cargo xtask test`: their order and their names.
//!
//! A step's name is what `cargo xtask test --only <name>` takes; its group is the command that runs the like of it
//! (`clippy-poll` belongs to `cargo xtask clippy`). The run stops at the first step that fails unless it is told to go on,
//! and says how to run that one alone: see `runner`.

use anyhow::{ensure, Result};

use crate::api::System;
use crate::configs::{Checks, Config, CONFIGS};
use crate::faults::Call;
use crate::outcome::Outcome;
use crate::runner::{self, AfterFailure};
use crate::toolchain::packages;
use crate::workspace::Workspace;
use crate::{api, faults, platforms, setup, suite, tidy, wasi, windows};

/// One check, and which commands have it.
struct Step {
    step: runner::Step,
    group: &'static str,
    /// Part of `--quick`.
    quick: bool,
}

/// Which steps to run.
#[derive(Debug)]
pub(crate) enum Selection {
    All,
    Quick,
    Group(String),
    Only(Vec<String>),
}

impl Selection {
    /// What the options of the command say.
    pub(crate) fn of(quick: bool, only: Vec<String>, windows: bool) -> Self {
        match (quick, windows) {
            (true, _) => Self::Quick,
            (_, true) => Self::Group("windows".to_owned()),
            _ if only.is_empty() => Self::All,
            _ => Self::Only(only),
        }
    }

    fn takes(&self, step: &Step) -> bool {
        match self {
            Self::All => true,
            Self::Quick => step.quick,
            Self::Group(group) => step.group == group,
            Self::Only(names) => names.contains(&step.step.name),
        }
    }
}

fn step(
    name: &str,
    group: &'static str,
    quick: bool,
    action: impl Fn(&Workspace) -> Result<Outcome> + 'static,
) -> Step {
    Step { step: runner::Step::new(name, format!("cargo xtask test --only {name}"), action), group, quick }
}

/// A step that checks code for other targets, left out where the compiler for it cannot be had.
fn check_step(name: &str, group: &'static str, action: fn(&Workspace) -> Result<Outcome>) -> Step {
    step(name, group, false, move |workspace| packages::with(workspace, packages::ready(workspace)?, action))
}

/// All steps, in the order in which they run: what fails fast comes first.
fn all() -> Vec<Step> {
    let mut steps = vec![step("setup", "setup", true, setup::run), step("fmt", "fmt", true, suite::fmt)];
    let with = |not: Checks| CONFIGS.iter().filter(move |config| config.checks != not);
    steps.extend(with(Checks::TestsOnly).map(clippy_step));
    steps.push(step("tidy", "tidy", true, tidy::run));
    steps.extend(with(Checks::ClippyOnly).map(tests_step));
    steps.push(step("tests-loom", "tests", false, suite::explored));
    for call in Call::ALL {
        let name = format!("without-{}", call.name());
        steps.push(step(&name, "faults", false, move |workspace| faults::step(workspace, call)));
    }
    steps.push(step("tests-xtask", "tests", false, suite::own_tests));
    steps.push(step("doctests", "doctests", false, suite::doctests));
    steps.push(step("docs", "docs", false, suite::docs));
    steps.push(step("api", "api", false, |workspace| api::check(workspace, System::Linux, false)));
    // Left out where what they want cannot be had.
    let windows = |name, action: fn(&Workspace) -> Result<Outcome>| {
        step(name, "windows", false, move |workspace| windows::where_possible(workspace, action))
    };
    steps.push(windows("windows-setup", windows::setup));
    steps.push(check_step("windows-check", "windows", windows::check));
    steps.push(check_step("windows-api", "windows", |workspace| api::check(workspace, System::Windows, false)));
    steps.push(windows("windows-tests", windows::tests));
    steps.push(windows("windows-doctests", windows::doctests));
    steps.push(windows("windows-count", windows::counted));
    steps.push(windows("windows-demo", windows::demo));
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

/// Prints the names of the steps; those of `--quick` are marked.
pub(crate) fn list() -> Result<()> {
    let line = |step: Step| format!("{}{}", step.step.name, if step.quick { " (quick)" } else { "" });
    runner::print_list(all().into_iter().map(line));
    Ok(())
}

/// Runs the selected steps.
pub(crate) fn run(workspace: &Workspace, selection: &Selection, after_failure: AfterFailure) -> Result<()> {
    let steps: Vec<Step> = all().into_iter().filter(|step| selection.takes(step)).collect();
    ensure!(!steps.is_empty(), "there is no such step: `cargo xtask test --list` prints their names");
    if let Selection::Only(names) = selection {
        ensure!(steps.len() == names.len(), "not all of {names:?} are steps: see `cargo xtask test --list`");
    }
    let steps: Vec<&runner::Step> = steps.iter().map(|step| &step.step).collect();
    runner::perform(workspace, &steps, after_failure).1
}

#[cfg(test)]
mod tests {
    use super::{all, Selection};

    #[test]
    fn each_step_has_its_own_name() {
        let mut names: Vec<String> = all().into_iter().map(|step| step.step.name).collect();
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
        assert_eq!(alone[0].step.name, "windows-setup");
    }
}
