//! `cargo xtask platforms`: which promise holds on which backend, from the logs of the runs themselves.
//!
//! A promise is kept on a backend when tests that are named after it ran there and passed. The steps of `cargo xtask test`
//! leave their logs in the target folder; this reads them, and brings docs/platforms.md up to date, or says that it is
//! not. A hole in the table, a promise with neither a test nor a reason, is an error.

mod results;
mod table;

use anyhow::Result;
use clap::Args;

use crate::generated::Part;
use crate::nextest;
use crate::outcome::Outcome;
use crate::workspace::Workspace;

use results::Test;
use table::{cell, markdown, states, Backend, Cell, Nature, PROMISES};

pub(crate) const PART: Part =
    Part { page: "docs/platforms.md", name: "promises", command: "cargo xtask platforms --write" };

const NO_SIGNALS: Nature = Nature::Impossible("the system has no signals that end a wait");
const NO_LIMIT: Nature = Nature::Impossible("there is no limit of handles that a program can set");
const ONE_THREAD: Nature = Nature::Impossible("there is one thread");
const LEVELS: Nature = Nature::Emulated("poll(2) tells levels; what was reported is left out of the next calls");
const REARMED: Nature = Nature::Emulated("an operation that gives `WouldBlock` puts its direction back into them");
const NO_FORK: Nature = Nature::Impossible("the system has no fork");

const BACKENDS: &[Backend] = &[
    Backend { title: "epoll", step: "tests-default", natures: &[] },
    Backend { title: "poll(2)", step: "tests-poll", natures: &[(2, LEVELS), (3, REARMED)] },
    Backend { title: "kqueue (modelled)", step: "tests-kqueue", natures: &[] },
    Backend {
        title: "event ports (modelled)",
        step: "tests-event-ports",
        natures: &[
            (2, Nature::Emulated("a port tells levels, once; what was reported is not asked again")),
            (3, Nature::Emulated("an operation that gives `WouldBlock` has its direction asked again")),
        ],
    },
    Backend {
        title: "Windows (Wine)",
        step: "windows-tests",
        natures: &[
            (2, Nature::Emulated("a poll of AFD tells levels, once; what was reported is not asked again")),
            (3, Nature::Emulated("an operation that gives `WouldBlock` has its direction asked again")),
            (13, NO_SIGNALS),
            (20, NO_LIMIT),
            (21, NO_FORK),
        ],
    },
    Backend {
        title: "WASI (preview 2)",
        step: "wasi-tests",
        natures: &[
            (2, LEVELS),
            (3, REARMED),
            (10, ONE_THREAD),
            (13, NO_SIGNALS),
            (16, ONE_THREAD),
            (
                18,
                Nature::Impossible(
                    "there are no processes that could inherit, and no way to ask whether a socket blocks",
                ),
            ),
            (19, Nature::Impossible("the system does not tell what is open")),
            (20, NO_LIMIT),
            (21, NO_FORK),
        ],
    },
];

/// Options of `cargo xtask platforms`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Bring docs/platforms.md up to date
    #[arg(long)]
    write: bool,
}

/// The command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let outcome = promises(workspace, options.write)?;
    println!("{}", outcome.note);
    outcome.complaint.map_or(Ok(()), |complaint| Err(anyhow::anyhow!(complaint)))
}

/// The step: looks, and changes nothing.
pub(crate) fn check(workspace: &Workspace) -> Result<Outcome> {
    promises(workspace, false)
}

fn promises(workspace: &Workspace, write: bool) -> Result<Outcome> {
    let ran = BACKENDS.iter().filter_map(|backend| {
        let tests = results::tests(&nextest::log_text(workspace, backend.step).ok()?);
        let cells: Vec<Cell> = (1..=PROMISES.len()).map(|number| cell(backend, number, &tests)).collect();
        println!("{}", line(backend, &tests, &cells));
        Some((backend, cells))
    });
    let columns: Vec<(&Backend, Vec<Cell>)> = ran.collect();
    let mut outcome = Outcome::note(&format!("{} promises on {} backends", PROMISES.len(), columns.len()));
    let holes: Vec<String> = columns.iter().flat_map(|(backend, cells)| holes(backend, cells)).collect();
    if !holes.is_empty() {
        outcome.complaint = Some(holes.join("\n"));
    } else if columns.len() < BACKENDS.len() {
        let missing = BACKENDS.iter().filter(|it| columns.iter().all(|(backend, _)| backend.step != it.step));
        let missing: Vec<&str> = missing.map(|backend| backend.step).collect();
        outcome.note += &format!("; the page was left alone, since these did not run: {}", missing.join(", "));
    } else if write {
        PART.put(workspace, &markdown(&columns))?;
    } else if states(&PART.get(workspace)?) != states(&markdown(&columns)) {
        outcome.complaint = Some(PART.stale());
    }
    Ok(outcome)
}

/// What a run on a backend came to, for a person who looks at the end of it.
fn line(backend: &Backend, tests: &[Test], cells: &[Cell]) -> String {
    let passed = tests.iter().filter(|test| test.passed).count();
    let kept = cells.iter().filter(|cell| matches!(cell, Cell::Kept | Cell::Noted(_))).count();
    let impossible = cells.iter().filter(|cell| matches!(cell, Cell::Impossible(_))).count();
    let failed = tests.len() - passed;
    format!(
        "{:<24} {passed:>5} passed {failed:>3} failed; of {} promises {kept} kept, {impossible} not possible",
        backend.title,
        cells.len()
    )
}

/// What is wrong with a column.
fn holes(backend: &Backend, cells: &[Cell]) -> Vec<String> {
    let line = |(index, cell): (usize, &Cell)| match cell {
        Cell::Broken => Some(format!("{}: a test of P{:02} fails", backend.title, index + 1)),
        Cell::Untested => Some(format!("{}: no test of P{:02} ran, and no reason is given", backend.title, index + 1)),
        Cell::Kept | Cell::Noted(_) | Cell::Impossible(_) => None,
    };
    cells.iter().enumerate().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{line, Backend, Cell, Test};

    #[test]
    fn a_line_counts_what_a_backend_keeps() {
        let backend = Backend { title: "select", step: "tests-select", natures: &[] };
        let test = |passed| Test { passed, ..Test::default() };
        let cells = [Cell::Kept, Cell::Noted(vec![]), Cell::Impossible(String::new()), Cell::Broken];
        let line = line(&backend, &[test(true), test(true), test(false)], &cells);
        assert_eq!(line, "select                       2 passed   1 failed; of 4 promises 2 kept, 1 not possible");
    }
}
