//! Runs cargo-nextest and reads how many tests ran from the last line it writes.

use std::num::NonZeroUsize;
use std::thread;

use anyhow::{bail, Context, Result};

use crate::cmd::Cmd;
use crate::outcome::{Counts, Outcome};
use crate::workspace::Workspace;

/// What one run of nextest came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) counts: Counts,
    /// Why the run failed, if it did.
    pub(crate) complaint: Option<String>,
}

/// Runs a `cargo nextest run` command. Tests that fail are no error here; tests that cannot be built are.
pub(crate) fn run(workspace: &Workspace, cmd: &Cmd, log: &str) -> Result<Run> {
    let output = cmd.run_unchecked(workspace, log)?;
    let Some(counts) = summary(&output.text) else {
        bail!("no test ran\n{}", cmd.complaint(workspace, log, &output));
    };
    let complaint = (!output.status.success()).then(|| cmd.complaint(workspace, log, &output));
    Ok(Run { counts, complaint })
}

/// What has nextest write each test into the log, and what the test printed: `platforms` reads that. What failed stands at
/// the end once more, where a person looks.
const DETAILED: &[&str] =
    &["--status-level", "pass", "--success-output", "immediate", "--failure-output", "immediate-final"];

/// So many tests at a time for each processor: most wait for the kernel, or for each other's ends.
pub(crate) fn side_by_side(cmd: Cmd, tests: usize) -> Cmd {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    cmd.args(["--test-threads", &(tests * processors).to_string()])
}

/// How many of them on this system.
pub(crate) const HERE: usize = 4;

/// How many under Wine, where more would wait for its one server.
pub(crate) const UNDER_WINE: usize = 2;

/// Leaves tests out, in nextest's language; and with each what looks whether its file leaves something open, since that runs
/// all of them.
pub(crate) fn without<'a>(tests: impl Iterator<Item = &'a str>) -> String {
    tests
        .map(|test| match test.rsplit_once("::") {
            Some((module, _)) => format!(" - test(={test}) - test(={module}::leaves_nothing_open)"),
            None => format!(" - test(={test})"),
        })
        .collect()
}

/// The same as a step of `cargo xtask test`: a failing test is an error of the step.
pub(crate) fn step(workspace: &Workspace, cmd: Cmd, log: &str) -> Result<Outcome> {
    let run = run(workspace, &cmd.args(DETAILED), log)?;
    Ok(Outcome { counts: run.counts, note: format!("{} tests", run.counts.passed), complaint: run.complaint })
}

/// Reads a line as `Summary [   0.9s] 3 tests run: 1 passed (1 slow), 1 failed, 1 timed out, 0 skipped`.
fn summary(text: &str) -> Option<Counts> {
    let line = text.lines().rev().find(|line| line.trim_start().starts_with("Summary ["))?;
    let (_, ends) = line.split_once(" run: ")?;
    let mut counts = Counts::default();
    for end in ends.split(", ") {
        let (number, rest) = end.trim().split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match rest.split(" (").next()? {
            "passed" => counts.passed += number,
            "skipped" => {}
            _ => counts.failed += number,
        }
    }
    Some(counts)
}

/// The names of the tests that did not pass, from the lines that nextest writes for them.
pub(crate) fn failing(text: &str) -> Vec<String> {
    let ends = ["FAIL", "TIMEOUT", "SIGABRT", "SIGSEGV", "ABORT"];
    let mut names: Vec<String> = text
        .lines()
        .filter(|line| ends.iter().any(|end| line.trim_start().starts_with(&format!("{end} ["))))
        .filter_map(|line| line.rsplit_once(") ").or_else(|| line.rsplit_once("] ")).map(|(_, name)| name.to_owned()))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The text of the log of a run, for those who want more than its counts.
pub(crate) fn log_text(workspace: &Workspace, log: &str) -> Result<String> {
    let path = workspace.logs().join(format!("{log}.log"));
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{failing, summary};
    use crate::outcome::Counts;

    #[test]
    fn reads_a_summary() {
        let text = "\n   PASS x\n------------\n     Summary [   3.214s] 280 tests run: 273 passed (2 slow), 6 failed, 1 timed out, 4 skipped\n";
        assert_eq!(summary(text), Some(Counts { passed: 273, failed: 7 }));
        assert_eq!(
            summary("     Summary [ 0.1s] 1 test run: 1 passed, 0 skipped"),
            Some(Counts { passed: 1, failed: 0 })
        );
    }

    #[test]
    fn no_summary_is_not_zero_tests() {
        assert_eq!(summary("error: no tests to run\n"), None);
    }

    #[test]
    fn names_what_failed_once() {
        let text = "        FAIL [   0.010s] ( 3/12) tokio::io_async_fd await_error\n     TIMEOUT [  60.0s] tokio::tcp x\n        FAIL [   0.010s] ( 3/12) tokio::io_async_fd await_error\n";
        assert_eq!(failing(text), ["tokio::io_async_fd await_error", "tokio::tcp x"]);
    }
}
