//! `cargo xtask tidy`: the house rules of the design that a program can check.
//!
//! Rules look at tokens and not at text, so that a comment or a string breaks none, and at tokens and not at a syntax
//! tree, so that what stands in a macro is seen as well. Two rules can be lifted for one place, with a reason that is
//! read by the next person: `// tidy: long because …` above a function or at the top of a file, and
//! `// tidy: sleep because …` above or behind the line.

mod repo;
mod rules;
mod size;
mod source;

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cmd::Cmd;
use crate::outcome::Outcome;
use crate::workspace::Workspace;

use source::Source;

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Breach {
    file: String,
    line: usize,
    message: String,
}

impl Breach {
    fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Checks every file that git tracks or would track.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome> {
    let files = files(workspace)?;
    let mut breaches = Vec::new();
    let mut promises = repo::Promises::default();
    for file in &files {
        let Some(text) = read(&workspace.root.join(file))? else { continue };
        breaches.extend(repo::machine_paths(file, &text));
        if file.ends_with(".rs") {
            match Source::parse(file, &text) {
                Ok(source) => {
                    breaches.extend(check(&source));
                    breaches.extend(repo::leaks(&source));
                    promises.see(&source);
                }
                Err(breach) => breaches.push(breach),
            }
        }
    }
    breaches.extend(promises.missing());
    breaches.sort();
    let complaint = (!breaches.is_empty()).then(|| {
        let lines: Vec<String> = breaches.iter().map(ToString::to_string).collect();
        format!("{}\n{} breaches of the house rules", lines.join("\n"), breaches.len())
    });
    Ok(Outcome { note: format!("{} files", files.len()), complaint, ..Outcome::default() })
}

/// All rules for one Rust file.
fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = rules::check(source);
    breaches.extend(size::check(source));
    breaches
}

/// The files that git tracks, and the new ones that it does not ignore: they are about to be tracked.
fn files(workspace: &Workspace) -> Result<Vec<String>> {
    let cmd = Cmd::new(workspace, "git");
    let cmd = cmd.args(["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"]);
    let output = cmd.run(workspace, "tidy").context("tidy asks git which files there are")?;
    Ok(output.text.lines().map(str::to_owned).collect())
}

/// The text of a file; nothing for one that is deleted but still in the index, or that is no text.
fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// For the tests of the rules: what is said of `text` as the content of `file`.
#[cfg(test)]
fn messages(file: &str, text: &str) -> Vec<String> {
    check(&Source::parse(file, text).unwrap()).iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::{Breach, Source};

    #[test]
    fn a_breach_names_file_and_line() {
        assert_eq!(Breach::new("src/a.rs", 7, "no").to_string(), "src/a.rs:7: no");
    }

    #[test]
    fn a_file_that_is_no_rust_is_a_breach() {
        let breach = Source::parse("src/a.rs", "fn a() {").unwrap_err();
        assert!(breach.to_string().starts_with("src/a.rs:"), "{breach}");
    }
}
