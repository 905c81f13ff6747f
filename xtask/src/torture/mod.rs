//! `cargo xtask torture`: what tries to break the crate, and takes longer than the tests of a change.
//!
//! Random programs against models, fuzz targets, loom; sanitizers and valgrind; descriptors that are left open; load and faults;
//! the lines that no test runs; changes of the code for which no test fails. A step that can't be run here is left out,
//! and says why. `--write` brings the lines of the steps that ran in docs/torture.md up to date.

mod coverage;
mod load;
mod models;
mod mutants;
mod sanitizers;
mod tools;

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{ensure, Result};
use clap::Args;

use crate::cmd::Cmd;
use crate::configs::Config;
use crate::generated::Part;
use crate::outcome::Outcome;
use crate::runner::{self, AfterFailure, Step};
use crate::workspace::Workspace;
use crate::{nextest, setup, suite, windows};

const COMMAND: &str = "cargo xtask torture --write";
const RESULTS: Part = part("results");
const LOAD: Part = part("load");
const COVERAGE: Part = part("coverage");
const SURVIVORS: Part = part("survivors");

const fn part(name: &'static str) -> Part {
    Part { page: "docs/torture.md", name, command: COMMAND }
}

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// Options of `cargo xtask torture`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// One step alone, by its name (see --list); may be given several times
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Print the names of the steps
    #[arg(long)]
    list: bool,
    /// How long the load is to last, on the usual backend; shorter on others
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// All mutants, not the shard of the day: hours
    #[arg(long, conflicts_with = "only")]
    all: bool,
    /// Bring the lines of the steps that went well in docs/torture.md up to date
    #[arg(long)]
    write: bool,
}

/// A step, and whether its day has come, if it has one.
struct Entry {
    name: String,
    step: Step,
    is_due: bool,
}

fn entry(name: &str, action: impl Fn(&Workspace) -> Result<Outcome> + 'static) -> Entry {
    let step = Step::new(name, format!("cargo xtask torture --only {name}"), action);
    Entry { name: name.to_owned(), step, is_due: true }
}

/// The command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let now = SystemTime::now();
    let all = entries(workspace, options.minutes, now.duration_since(UNIX_EPOCH)?.as_secs() / SECONDS_A_DAY)?;
    if options.list {
        let line = |entry: &Entry| format!("{}{}", entry.name, if entry.is_due { "" } else { " (another day)" });
        runner::print_list(all.iter().map(line));
        return Ok(());
    }
    for name in &options.only {
        ensure!(all.iter().any(|entry| entry.name == *name), "there is no step {name}: see --list");
    }
    let is_chosen = |entry: &&Entry| match options.only.as_slice() {
        [] => options.all || entry.is_due,
        names => names.contains(&entry.name),
    };
    let chosen: Vec<&Entry> = all.iter().filter(is_chosen).collect();
    setup::run(workspace)?;
    let steps: Vec<&Step> = chosen.iter().map(|entry| &entry.step).collect();
    let (outcomes, verdict) = runner::perform(workspace, &steps, AfterFailure::GoOn);
    if options.write {
        let seen = chosen.iter().map(|entry| entry.name.as_str()).zip(&outcomes);
        let seen: Vec<(&str, &Outcome)> = seen.filter(|(_, outcome)| outcome.complaint.is_none()).collect();
        write(workspace, &all, &seen, &date(now))?;
    }
    verdict
}

/// `2026-03-01`.
fn date(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// All steps, in their order.
fn entries(workspace: &Workspace, minutes: f64, day: u64) -> Result<Vec<Entry>> {
    let mut all = Vec::new();
    for name in ["default", "poll", "kqueue", "event-ports"] {
        let config = Config::named(name)?;
        all.push(entry(&format!("models-{name}"), move |workspace| models::on(workspace, config)));
    }
    all.push(entry("models-wine", |workspace| windows::where_possible(workspace, models::on_wine)));
    let targets = models::fuzz_targets(workspace)?;
    if targets.is_empty() {
        all.push(entry("fuzz", |_| Ok(Outcome::note("left out: there are no fuzz targets"))));
    }
    for target in targets {
        all.push(entry(&format!("fuzz-{target}"), move |workspace| models::fuzz(workspace, &target)));
    }
    all.push(entry("loom", suite::explored));
    all.push(entry("leaks", leaks));
    all.push(entry("asan", sanitizers::address));
    all.push(entry("tsan", sanitizers::thread));
    all.push(entry("valgrind", sanitizers::valgrind));
    for load in load::all(minutes) {
        let config = Config::named(if load.name == "lossy" { "default" } else { load.name })?;
        all.push(entry(&load_name(load.name), move |workspace| load::run(workspace, &load, config)));
    }
    all.push(entry("coverage", coverage::run));
    let shards = mutants::shards();
    let due = usize::try_from(day)? % shards.len();
    for (index, shard) in shards.into_iter().enumerate() {
        let step = entry(&format!("mutants-{}", shard.name()), move |workspace| mutants::run(workspace, shard));
        all.push(Entry { is_due: index == due, ..step });
    }
    Ok(all)
}

fn load_name(name: &str) -> String {
    format!("load-{name}")
}

/// The tests of each file, again and again in one process: what is open after each round.
fn leaks(workspace: &Workspace) -> Result<Outcome> {
    let mut total = Outcome::default();
    for name in ["default", "poll"] {
        let cmd = Cmd::cargo(workspace).args(["nextest", "run", "--package", "poised"]);
        let cmd = Config::named(name)?.build(workspace, cmd)?.args(["-E", "test(/leaves_nothing_open$/)"]);
        let outcome = nextest::step(workspace, cmd, &format!("torture-leaks-{name}"))?;
        total.counts.passed += outcome.counts.passed;
        total.counts.failed += outcome.counts.failed;
        total.complaint = total.complaint.or(outcome.complaint);
    }
    total.note = format!("{} files of tests, on epoll and poll(2)", total.counts.passed);
    Ok(total)
}

/// Writes what was seen into the page.
fn write(workspace: &Workspace, all: &[Entry], seen: &[(&str, &Outcome)], day: &str) -> Result<()> {
    let names: Vec<&str> = all.iter().map(|entry| entry.name.as_str()).collect();
    RESULTS.put(workspace, &results(&RESULTS.get(workspace)?, &names, seen, day)?)?;
    if seen.iter().any(|(name, _)| name.starts_with("load-")) {
        let names = load::all(1.0).map(|load| load.name);
        let ran = |name: &str| seen.iter().any(|(seen, _)| *seen == load_name(name));
        let now = |name: &str| load::last(workspace, name).filter(|_| ran(name));
        LOAD.put(workspace, &figures(&LOAD.get(workspace)?, &names, now)?)?;
    }
    if let Some(text) = coverage::last(workspace) {
        COVERAGE.put(workspace, &text)?;
    }
    SURVIVORS.put(workspace, &mutants::survivors(workspace)?)
}

/// The table: what was seen now, and of the other steps what stood there.
fn results(old: &str, names: &[&str], seen: &[(&str, &Outcome)], day: &str) -> Result<String> {
    let mut text = String::from("| step | result | tests passed | day |\n| --- | --- | --- | --- |\n");
    for name in names {
        let begin = format!("| {name} | ");
        let before = old.lines().find(|line| line.starts_with(&begin)).map(str::to_owned);
        let now = seen.iter().find(|(seen, _)| seen == name);
        let now = now.map(|(_, it)| format!("{begin}{} | {} | {day} |", it.note.replace('|', "/"), it.counts.passed));
        if let Some(line) = now.or(before) {
            writeln!(text, "{line}")?;
        }
    }
    Ok(text)
}

/// What loads have said: now, and of those that did not run what stood there.
fn figures(old: &str, names: &[&str], now: impl Fn(&str) -> Option<String>) -> Result<String> {
    let mut text = String::new();
    for name in names {
        let begin = format!("`{}`:\n\n```text\n", load_name(name));
        let before = || Some(old.split_once(&begin)?.1.split_once("\n```")?.0.to_owned());
        if let Some(figures) = now(name).or_else(before) {
            writeln!(text, "{begin}{figures}\n```\n")?;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{figures, results};
    use crate::outcome::{Counts, Outcome};

    #[test]
    fn a_load_that_did_not_run_keeps_its_figures() {
        let first = figures("", &["a", "b"], |name| Some(format!("{name}\nat first"))).unwrap();
        let second = figures(&first, &["a", "b", "c"], |name| (name == "b").then(|| "now".to_owned())).unwrap();
        assert_eq!(second, "`load-a`:\n\n```text\na\nat first\n```\n\n`load-b`:\n\n```text\nnow\n```\n\n");
    }

    #[test]
    fn a_run_changes_its_own_lines() {
        let of = |note: &str| Outcome { counts: Counts { passed: 7, failed: 0 }, ..Outcome::note(note) };
        let first = results("", &["a", "b"], &[("a", &of("one")), ("b", &of("two"))], "2026-01-01").unwrap();
        let second = results(&first, &["a", "b", "c"], &[("b", &of("three"))], "2026-01-02").unwrap();
        assert!(second.contains("| a | one | 7 | 2026-01-01 |\n| b | three | 7 | 2026-01-02 |\n"), "{second}");
        assert!(!second.contains("two") && !second.contains("| c |"), "{second}");
    }
}
