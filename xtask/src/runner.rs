//! Performs steps one after the other: a line for each, and at the end a table and a line `N passed, N failed`.
//!
//! Counted are the tests that nextest ran, and one for a step that failed without a failing test, so that a run that
//! fails never counts no failure.

use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant};

use anyhow::{anyhow, Result};

use crate::outcome::{Counts, Outcome};
use crate::workspace::Workspace;

/// One check.
pub(crate) struct Step {
    pub(crate) name: String,
    /// The command that runs it alone.
    alone: String,
    action: Action,
}

type Action = Box<dyn Fn(&Workspace) -> Result<Outcome>>;

impl Step {
    pub(crate) fn new(
        name: impl Into<String>,
        alone: impl Into<String>,
        action: impl Fn(&Workspace) -> Result<Outcome> + 'static,
    ) -> Self {
        Self { name: name.into(), alone: alone.into(), action: Box::new(action) }
    }
}

/// What to do after a step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterFailure {
    Stop,
    /// The others say something as well.
    GoOn,
}

/// A line of the table.
struct Row<'a> {
    name: &'a str,
    time: Duration,
    note: String,
}

/// Performs the steps. What each came to, in their order; and an error if one failed.
pub(crate) fn perform(
    workspace: &Workspace,
    steps: &[&Step],
    after_failure: AfterFailure,
) -> (Vec<Outcome>, Result<()>) {
    let mut rows = Vec::new();
    let mut outcomes = Vec::new();
    let mut total = Counts::default();
    let mut failed = Vec::new();
    for &step in steps {
        let outcome = one(workspace, step, &mut rows);
        total.passed += outcome.counts.passed;
        total.failed += outcome.counts.failed;
        if let Some(complaint) = &outcome.complaint {
            total.failed += u64::from(outcome.counts.failed == 0);
            eprintln!("\n{complaint}\n\nstep `{}` failed; alone: {}", step.name, step.alone);
            failed.push(step.name.as_str());
        }
        outcomes.push(outcome);
        if after_failure == AfterFailure::Stop && !failed.is_empty() {
            break;
        }
    }
    println!("\n{}\n{} passed, {} failed", table(&rows), total.passed, total.failed);
    let verdict = match failed.as_slice() {
        [] => Ok(()),
        [step] => Err(anyhow!("step `{step}` failed")),
        steps => Err(anyhow!("steps failed: {}", steps.join(", "))),
    };
    (outcomes, verdict)
}

/// Performs a step and prints its line. A step that could not run to its end is one with a complaint.
fn one<'a>(workspace: &Workspace, step: &'a Step, rows: &mut Vec<Row<'a>>) -> Outcome {
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
    rows.push(Row { name: &step.name, time, note });
    outcome
}

/// Prints a list at once: who reads its first lines alone, as `head` does, is gone by the next write.
pub(crate) fn print_list(lines: impl Iterator<Item = String>) {
    print!("{}", lines.map(|line| line + "\n").collect::<String>());
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
