//! Promises against backends: what each cell says, and why.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::results::Test;

/// The promises, in the words of a heading; the whole of each is the doc comment of its tests in `tests/promises`.
pub(super) const PROMISES: [&str; 22] = [
    "ready when registered: an event",
    "edges: no second event without a cause",
    "an event after each `WouldBlock`, whichever operation",
    "the token and interest of the last registration",
    "interest filters; errors and hang-ups always come",
    "half-close, close, reset and refusal by one table",
    "silence after `deregister`; registering again works",
    "dropping deregisters; a number used again is new",
    "`AlreadyExists` and `NotFound`",
    "moving to, and registering from, other threads",
    "at most the capacity, and none lost beyond",
    "timeouts: zero, for ever, never early, any length",
    "a signal gives `Interrupted`, events intact",
    "no source starves",
    "wakes arrive, before and during a wait",
    "wakes from any thread carry what was written",
    "connecting: writable, `take_error`, `peer_addr`",
    "non-blocking, not inherited by children",
    "error paths leak nothing",
    "accepting at the limit of descriptors",
    "a fork leaves the parent's registrations",
    "bad input: an error, no panic",
];

/// What a backend's own nature says of a promise.
#[derive(Clone, Copy, Debug)]
pub(super) enum Nature {
    /// The kernel does not do this; the selector does.
    Emulated(&'static str),
    /// It can't be had there.
    Impossible(&'static str),
}

/// A backend, and the run that shows what it keeps.
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) title: &'static str,
    /// The step of `cargo xtask test` that runs the public suite on it.
    pub(super) step: &'static str,
    pub(super) natures: &'static [(usize, Nature)],
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Kept,
    /// Kept, with notes: how it is emulated, what a test leaves out.
    Noted(Vec<String>),
    Impossible(String),
    /// A test failed.
    Broken,
    /// Neither a test nor a reason: a hole in the suite.
    Untested,
}

/// The cell of promise `number`, by the tests of one run.
pub(super) fn cell(backend: &Backend, number: usize, tests: &[Test]) -> Cell {
    let own: Vec<&Test> = tests.iter().filter(|test| test.promise() == Some(number)).collect();
    let nature = backend.natures.iter().find(|(promise, _)| *promise == number).map(|(_, nature)| nature);
    if own.iter().any(|test| !test.passed) {
        return Cell::Broken;
    }
    let mut notes: Vec<String> = match nature {
        Some(Nature::Impossible(why)) => return Cell::Impossible((*why).to_owned()),
        _ if own.is_empty() => return Cell::Untested,
        Some(Nature::Emulated(how)) => vec![format!("by emulation: {how}")],
        None => vec![],
    };
    let left_out = own.iter().flat_map(|test| &test.left_out).map(|what| format!("not tested there: {what}"));
    // In an order that does not depend on which test ended first.
    notes.extend(left_out.collect::<BTreeSet<String>>());
    if notes.is_empty() {
        Cell::Kept
    } else {
        Cell::Noted(notes)
    }
}

/// The table as Markdown: a row a promise, a column a backend, and the notes below.
pub(super) fn markdown(columns: &[(&Backend, Vec<Cell>)]) -> String {
    let mut notes: Vec<String> = Vec::new();
    let titles: Vec<&str> = columns.iter().map(|(backend, _)| backend.title).collect();
    let mut text = format!("| | promise | {} |\n| --- | --- |{}\n", titles.join(" | "), " --- |".repeat(titles.len()));
    for (index, promise) in PROMISES.iter().enumerate() {
        let cells: Vec<String> = columns.iter().map(|(_, cells)| shown(&cells[index], &mut notes)).collect();
        writeln!(text, "| P{:02} | {promise} | {} |", index + 1, cells.join(" | ")).expect("writing to memory");
    }
    for (index, note) in notes.iter().enumerate() {
        let lead = if index == 0 { "\n" } else { "" };
        writeln!(text, "{lead}{}. {note}.", index + 1).expect("writing to memory");
    }
    text
}

/// The rows of such a table without their notes: what a test leaves out may depend on what it meets in one run.
pub(super) fn states(text: &str) -> Vec<String> {
    let rows = text.lines().filter(|line| line.starts_with("| P"));
    let bare = |cell: &str| cell.split(" [").next().unwrap_or_default().trim().to_owned();
    rows.map(|row| row.split('|').map(bare).collect::<Vec<_>>().join("|")).collect()
}

fn shown(cell: &Cell, notes: &mut Vec<String>) -> String {
    let mut number = |note: &String| {
        let at = notes.iter().position(|it| it == note).unwrap_or_else(|| {
            notes.push(note.clone());
            notes.len() - 1
        });
        (at + 1).to_string()
    };
    match cell {
        Cell::Kept => "kept".to_owned(),
        Cell::Noted(whys) => format!("kept [{}]", whys.iter().map(&mut number).collect::<Vec<_>>().join(", ")),
        Cell::Impossible(why) => format!("not possible [{}]", number(why)),
        Cell::Broken => "**broken**".to_owned(),
        Cell::Untested => "**no test**".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{cell, markdown, states, Backend, Cell, Nature, PROMISES};
    use crate::platforms::results::Test;

    const SELECT: Backend = Backend {
        title: "select",
        step: "tests-select",
        natures: &[(2, Nature::Emulated("levels")), (13, Nature::Impossible("there are no signals"))],
    };

    fn test(name: &str, passed: bool, left_out: &[&str]) -> Test {
        Test { name: name.to_owned(), passed, left_out: left_out.iter().map(|&it| it.to_owned()).collect() }
    }

    #[test]
    fn a_promise_is_kept_only_by_a_test_that_passed() {
        let tests = [test("p01_a", true, &[]), test("p03_a", true, &[]), test("p03_b", false, &[])];
        assert_eq!(cell(&SELECT, 1, &tests), Cell::Kept);
        assert_eq!(cell(&SELECT, 2, &tests), Cell::Untested);
        assert_eq!(cell(&SELECT, 3, &tests), Cell::Broken);
        assert_eq!(cell(&SELECT, 13, &tests), Cell::Impossible("there are no signals".to_owned()));
    }

    #[test]
    fn notes_say_how_and_what_was_left_out() {
        let tests = [test("p02_a", true, &["x"]), test("p02_b", true, &["x"])];
        let notes = ["by emulation: levels", "not tested there: x"].map(str::to_owned).to_vec();
        assert_eq!(cell(&SELECT, 2, &tests), Cell::Noted(notes));
    }

    #[test]
    fn states_are_compared_without_notes() {
        let row = |cell: &str| format!("| P01 | ready | {cell} | kept |\n\n1. a.\n");
        assert_eq!(states(&row("kept [1, 2]")), states(&row("kept")));
        assert_ne!(states(&row("not possible [1]")), states(&row("kept")));
    }

    #[test]
    fn the_same_note_stands_once() {
        let mut cells = vec![Cell::Kept; PROMISES.len()];
        cells[0] = Cell::Noted(vec!["a".to_owned()]);
        cells[1] = Cell::Noted(vec!["b".to_owned(), "a".to_owned()]);
        let page = markdown(&[(&SELECT, cells)]);
        assert!(page.contains("| P01 | ready when registered: an event | kept [1] |"), "{page}");
        assert!(page.contains("kept [2, 1]") && page.ends_with("\n1. a.\n2. b.\n"), "{page}");
    }
}
