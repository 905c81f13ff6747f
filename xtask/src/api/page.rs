//! The parts of docs/mio-parity.md that are made from the comparisons.

use std::collections::BTreeMap;

use anyhow::Result;

use super::diff::{Comparison, Row, State};
use super::surface::Surface;
use super::system::System;
use crate::generated::Part;

/// `page` with the part for `system` made anew. It leaves out what is the same as on the page already.
pub(super) fn update(page: &str, system: System, comparison: &Comparison, shown_before: &Surface) -> Result<String> {
    let part = Part { page: super::PAGE, name: system.slug(), command: "cargo xtask api --write" };
    part.replace(page, &generate(system, comparison, shown_before))
}

fn generate(system: System, comparison: &Comparison, shown_before: &Surface) -> String {
    let count = |wanted: &str| comparison.rows.iter().filter(|row| word(&row.state) == wanted).count();
    let mut text = format!(
        "{} public items and impls of mio on {}: {} same, {} missing, {} differ; {} additions.",
        comparison.rows.len(),
        system.name(),
        count("same"),
        count("missing"),
        count("differs"),
        comparison.additions.len()
    );
    let is_shown = |row: &&Row| {
        let is_known = shown_before.get(&row.key).is_some_and(|entry| entry.text == row.text);
        !is_known || word(&row.state) != "same"
    };
    let rows: Vec<&Row> = comparison.rows.iter().filter(is_shown).collect();
    let left_out = comparison.rows.len() - rows.len();
    if left_out > 0 {
        text += &format!(" {left_out} of them are the same as above; the others:");
    }
    text += "\n\n";
    for (owner, rows) in sections(&rows) {
        text += &format!("### `{owner}`\n\n| item | state |\n| --- | --- |\n");
        for row in rows {
            text += &format!("| `{}` | {} |\n", cell(&row.key), details(&row.state));
        }
        text.push('\n');
    }
    text += &format!("### Additions on {}\n\n", system.name());
    if comparison.additions.is_empty() {
        text.push_str("None.\n");
    }
    for (key, entry) in &comparison.additions {
        let shown = if key.starts_with("impl ") { key } else { &entry.text };
        text += &format!("- `{}`\n", short(shown));
    }
    text.push('\n');
    text
}

/// Rows by owner; in each, the items before the impls.
fn sections<'a>(rows: &[&'a Row]) -> BTreeMap<&'a str, Vec<&'a Row>> {
    let mut sections: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        sections.entry(&row.owner).or_default().push(row);
    }
    for rows in sections.values_mut() {
        rows.sort_by_key(|row| (row.key.starts_with("impl "), &row.key));
    }
    sections
}

fn word(state: &State) -> &'static str {
    match state {
        State::Same | State::AlsoConst => "same",
        State::Missing => "missing",
        State::Differs(_) => "differs",
    }
}

fn details(state: &State) -> String {
    match state {
        State::AlsoConst => "same, and `const`".to_owned(),
        State::Differs(ours) => format!("differs: `{}`", cell(ours)),
        other => word(other).to_owned(),
    }
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    short(text).replace('|', "\\|")
}

/// Without the folders of the standard library, which say nothing to a reader.
fn short(text: &str) -> String {
    let mut out = String::new();
    let mut path = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_alphanumeric() || c == '_' || c == ':' {
            path.push(c);
            continue;
        }
        let own = !["core::", "std::", "alloc::"].iter().any(|root| path.starts_with(root));
        let last = path.rsplit("::").next().unwrap_or(&path);
        out.push_str(if own { &path } else { last });
        path.clear();
        out.push(c);
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{short, update, Comparison, Row, State, Surface, System};
    use crate::api::surface::Entry;

    const PAGE: &str = "# Parity\n<!-- api:begin -->\nold\n<!-- api:end -->\nmore\n\
                        <!-- api-windows:begin -->\nolder\n<!-- api-windows:end -->\nthe rest\n";

    fn updated(system: System, comparison: &Comparison, shown_before: &Surface) -> String {
        let new = update(PAGE, system, comparison, shown_before).unwrap();
        assert_eq!(update(&new, system, comparison, shown_before).unwrap(), new);
        new
    }

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let new = updated(System::Linux, &Comparison::default(), &Surface::new());
        assert!(new.starts_with("# Parity\n<!-- api:begin -->\n") && !new.contains("old\n"));
        assert!(new.ends_with(&PAGE[PAGE.find("<!-- api:end").unwrap()..]));
        let new = updated(System::Windows, &Comparison::default(), &Surface::new());
        assert!(new.starts_with("# Parity\n<!-- api:begin -->\nold\n<!-- api:end -->\nmore\n"));
        assert!(new.ends_with("<!-- api-windows:end -->\nthe rest\n") && !new.contains("older"));
    }

    #[test]
    fn a_page_without_markers_is_an_error() {
        assert!(update("# Parity\n", System::Linux, &Comparison::default(), &Surface::new()).is_err());
    }

    #[test]
    fn what_is_the_same_as_before_is_counted_and_not_listed() {
        let row = |key: &str, state| {
            let (owner, key, text) = ("mio::A".to_owned(), format!("mio::A::{key}"), format!("fn mio::A::{key}()"));
            Row { owner, key, text, state }
        };
        let rows = vec![
            row("known", State::Same),
            row("new", State::Same),
            row("lost", State::Missing),
            row("other", State::Same),
        ];
        let entry = |name: &str, text: &str| {
            (format!("mio::A::{name}"), Entry { owner: "mio::A".to_owned(), text: text.to_owned() })
        };
        let before = Surface::from([
            entry("known", "fn mio::A::known()"),
            entry("lost", "fn mio::A::lost()"),
            entry("other", "fn mio::A::other(u8)"),
        ]);
        let new = updated(System::Windows, &Comparison { rows, additions: Vec::new() }, &before);
        assert!(new.contains("4 public items and impls of mio on Windows: 3 same, 1 missing"), "{new}");
        assert!(!new.contains("mio::A::known"), "{new}");
        assert!(["new", "lost", "other"].iter().all(|name| new.contains(&format!("| `mio::A::{name}` |"))), "{new}");
    }

    #[test]
    fn names_of_the_standard_library_are_short() {
        assert_eq!(short("impl core::fmt::Debug for mio::net::TcpStream"), "impl Debug for mio::net::TcpStream");
    }
}
