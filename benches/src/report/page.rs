//! The table, for a page and for a terminal.

use std::fmt::Write as _;

use anyhow::Result;

use super::print::{number, short};
use super::{plots, Asked, Report, Row};
use crate::peers::NAMES;

/// The page.
pub(super) fn markdown(report: &Report) -> Result<String> {
    let mut text = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench`; what is said of each load stands in `benches/src/table.rs`.\n\n",
    );
    machine(report, &mut text)?;
    for plot in plots::PLOTS {
        writeln!(text, "![{}]({})\n", plot.title, plot.file)?;
    }
    writeln!(
        text,
        "Figures are medians of the rounds, but the worst where it must never be more than so much. A ratio is the median of \
         those of each round, and behind it stands what the middle half of the rounds is within. Where that is wide, and has \
         the bar in it, the figure says little: something else ran on the machine.\n"
    )?;
    writeln!(text, "| load | {} | poised to mio | at most | |", NAMES.join(" | "))?;
    writeln!(text, "| --- |{} ---: | ---: | --- |", " ---: |".repeat(NAMES.len()))?;
    for row in &report.rows {
        let figures: Vec<String> = row.peers.iter().map(|peer| number(peer.figure)).collect();
        let bar = row.bar.as_ref();
        let (most, met) = (bar.map(most).unwrap_or_default(), bar.map(|bar| verdict(bar, row)).unwrap_or_default());
        writeln!(text, "| {} | {} | {}{} | {most} | {met} |", name(row), figures.join(" | "), ratio(row), middle(row))?;
    }
    for load in &report.left_out {
        writeln!(text, "| {} |{} left out: {} |", load.title, " |".repeat(NAMES.len() + 2), load.why)?;
    }
    how(report, &mut text)?;
    Ok(text)
}

/// What a terminal shows.
pub(super) fn text(report: &Report) -> String {
    let mut text = format!("{:<76}", "load");
    for name in NAMES {
        text += &format!("{name:>10}");
    }
    text += &format!("{:>8} {:>8}\n", "ratio", "at most");
    for row in &report.rows {
        text += &format!("{:<76}", name(row));
        row.peers.iter().for_each(|peer| text += &format!("{:>10}", number(peer.figure)));
        let bar = row.bar.as_ref();
        let (most, met) = (bar.map(most).unwrap_or_default(), bar.map(|bar| verdict(bar, row)).unwrap_or_default());
        text += format!("{:>8} {most:>8} {met}", ratio(row)).trim_end();
        text += "\n";
    }
    for load in &report.left_out {
        text += &format!("{:<76} left out: {}\n", load.title, load.why);
    }
    let asked: Vec<&Asked> = report.rows.iter().filter_map(|row| row.bar.as_ref()).collect();
    let met = asked.iter().filter(|bar| bar.met).count();
    text + &format!("{met} of {} bars met, in {:.0} s\n", asked.len(), report.seconds)
}

fn machine(report: &Report, text: &mut String) -> Result<()> {
    let machine = &report.machine;
    let versions: Vec<String> = machine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    writeln!(text, "| | |\n| --- | --- |")?;
    writeln!(text, "| day | {} |", machine.day())?;
    writeln!(text, "| processor | {}, {} of them |", machine.processor, machine.processors)?;
    writeln!(text, "| kernel | {} |", machine.kernel)?;
    writeln!(text, "| compiler | {} |", machine.rustc)?;
    writeln!(text, "| versions | {}; commit {} |", versions.join(", "), machine.commit)?;
    writeln!(text, "| load average before and after | {} |", machine.busy.join(", "))?;
    writeln!(text, "| the run took | {:.0} s |\n", report.seconds)?;
    Ok(())
}

/// How the loads were taken: those that were taken alike together.
fn how(report: &Report, text: &mut String) -> Result<()> {
    writeln!(text, "\n## How the figures were taken\n\nThe names are those that `cargo xtask bench --only` takes.\n")?;
    let mut rows: Vec<&Row> = report.rows.iter().collect();
    rows.dedup_by_key(|row| row.load);
    let mut told: Vec<&str> = Vec::new();
    for how in rows.iter().map(|row| row.how) {
        if told.contains(&how) {
            continue;
        }
        told.push(how);
        let alike = rows.iter().filter(|row| row.how == how);
        let names: Vec<String> = alike.map(|row| format!("`{}`{}", row.load, rounds(row))).collect();
        writeln!(text, "* {}: {how}.", names.join(", "))?;
    }
    Ok(())
}

fn rounds(row: &Row) -> String {
    match row.rounds {
        1 => String::new(),
        rounds => format!(" ({rounds} rounds)"),
    }
}

fn name(row: &Row) -> String {
    let unit = if row.unit.is_empty() { String::new() } else { format!(", {}", row.unit) };
    format!("{}: {}{unit}", row.title, row.quantity)
}

fn ratio(row: &Row) -> String {
    row.poised().ratio_to_mio.map_or_else(|| "–".to_owned(), |ratio| format!("{}x", short(ratio)))
}

fn most(bar: &Asked) -> String {
    match (bar.ratio_to_mio, bar.figure) {
        (Some(ratio), _) => format!("{ratio:.2}x"),
        (_, Some(figure)) => number(figure),
        _ => String::new(),
    }
}

fn verdict(bar: &Asked, row: &Row) -> String {
    let [low, high] = row.middle_half;
    let is_between = bar.ratio_to_mio.is_some_and(|most| low <= most && most < high);
    match (bar.met, bar.reason) {
        (true, _) => "met".to_owned(),
        (false, Some(reason)) => format!("missed: {reason}"),
        (false, None) if is_between => format!("missed: by less than the noise, {}–{}", short(low), short(high)),
        (false, None) => "missed".to_owned(),
    }
}

/// How far the ratios lie apart, of those that were taken more than once.
fn middle(row: &Row) -> String {
    let [low, high] = row.middle_half;
    if row.rounds == 1 || !low.is_finite() || !high.is_finite() {
        return String::new();
    }
    format!(" ({}–{})", short(low), short(high))
}
