//! The part of docs/mio-parity.md that is made from the comparison.

use std::collections::BTreeMap;

use anyhow::{bail, Context, Result};

use super::diff::{Comparison, Row, State};

const BEGIN: &str = "<!-- api:begin -->";
const END: &str = "<!-- api:end -->";

/// `page` with its generated part made anew.
pub(super) fn update(page: &str, comparison: &Comparison) -> Result<String> {
    let (before, rest) = page.split_once(BEGIN).with_context(|| format!("docs/mio-parity.md has no `{BEGIN}`"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("docs/mio-parity.md has no `{END}`"))?;
    if after.contains(BEGIN) || after.contains(END) {
        bail!("docs/mio-parity.md has its markers more than once");
    }
    Ok(format!("{before}{BEGIN}\n{}{END}{after}", generate(comparison)))
}

fn generate(comparison: &Comparison) -> String {
    let mut text = String::from("<!-- Made by `cargo xtask api --write`. -->\n\n");
    let count = |wanted: &str| comparison.rows.iter().filter(|row| word(&row.state) == wanted).count();
    text += &format!(
        "{} public items and impls of mio on Linux: {} same, {} missing, {} differ; {} additions.\n\n",
        comparison.rows.len(),
        count("same"),
        count("missing"),
        count("differs"),
        comparison.additions.len()
    );
    for (owner, rows) in sections(&comparison.rows) {
        text += &format!("### `{owner}`\n\n| item | state |\n| --- | --- |\n");
        for row in rows {
            text += &format!("| `{}` | {} |\n", cell(&row.key), details(&row.state));
        }
        text.push('\n');
    }
    text.push_str("### Additions\n\n");
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
fn sections(rows: &[Row]) -> BTreeMap<&str, Vec<&Row>> {
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
    use super::{short, update, Comparison};

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = "# Parity\n<!-- api:begin -->\nold\n<!-- api:end -->\nthe rest\n";
        let new = update(page, &Comparison::default()).unwrap();
        assert!(new.starts_with("# Parity\n<!-- api:begin -->\n") && new.ends_with("<!-- api:end -->\nthe rest\n"));
        assert!(!new.contains("old"));
        assert_eq!(update(&new, &Comparison::default()).unwrap(), new);
    }

    #[test]
    fn a_page_without_markers_is_an_error() {
        assert!(update("# Parity\n", &Comparison::default()).is_err());
    }

    #[test]
    fn names_of_the_standard_library_are_short() {
        assert_eq!(short("impl core::fmt::Debug for mio::net::TcpStream"), "impl Debug for mio::net::TcpStream");
    }
}
