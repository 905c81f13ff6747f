//! The rules about how long things are, and what a long module owes its reader.

use super::source::Source;
use super::Breach;

const FUNCTION_LINES: usize = 60;
const FILE_LINES: usize = 500;
/// A module with more lines of code than this opens with a paragraph; the documentation of items does not count.
const HEADER_LINES: usize = 150;
const DEMO_LINES: usize = 300;
const EXAMPLE_LINES: usize = 120;

/// Where the limits of functions and files hold.
const LIMITED: &[&str] = &["src", "xtask", "crates", "examples"];

/// Checks the rules of this module.
pub(super) fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if LIMITED.iter().any(|folder| source.is_in(folder)) {
        breaches.extend(functions(source));
        breaches.extend(file(source));
    }
    breaches.extend(header(source));
    breaches.extend(example(source));
    breaches
}

fn functions(source: &Source) -> Vec<Breach> {
    let long = source.functions().into_iter().filter(|(_, lines)| lines.len() > FUNCTION_LINES);
    let long = long.filter(|(_, lines)| !source.is_excused("long", lines.start));
    let breach = |(name, lines): (String, std::ops::Range<usize>)| {
        let message = format!("function `{name}` has {} lines, at most {FUNCTION_LINES}", lines.len());
        Breach::new(&source.file, lines.start, message)
    };
    long.map(breach).collect()
}

fn file(source: &Source) -> Option<Breach> {
    let lines = source.code_lines().len();
    let wrong = lines > FILE_LINES && !source.is_excused_as_a_whole("long");
    wrong.then(|| Breach::new(&source.file, 1, format!("{lines} lines of code, at most {FILE_LINES}")))
}

fn header(source: &Source) -> Option<Breach> {
    let first = source.lines.iter().find(|line| !line.trim().is_empty())?;
    let wrong = source.code_lines().len() > HEADER_LINES && !first.starts_with("//!");
    let message = format!("over {HEADER_LINES} lines of code: open with a `//!` paragraph that says what this is");
    wrong.then(|| Breach::new(&source.file, 1, message))
}

fn example(source: &Source) -> Option<Breach> {
    if !source.is_in("examples") {
        return None;
    }
    let limit = if source.file == "examples/demo/main.rs" { DEMO_LINES } else { EXAMPLE_LINES };
    let lines = source.lines.len();
    (lines >= limit).then(|| Breach::new(&source.file, 1, format!("{lines} lines: this example stays under {limit}")))
}

#[cfg(test)]
mod tests {
    use super::super::messages;

    fn function(lines: usize) -> String {
        format!("fn a() {{\n{}}}\n", "    b();\n".repeat(lines - 2))
    }

    fn only(found: &[String], words: &str) {
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(words), "{found:?}");
    }

    #[test]
    fn functions_are_short() {
        only(&messages("src/a.rs", &function(61)), "src/a.rs:1: function `a` has 61 lines");
        assert!(messages("src/a.rs", &function(60)).is_empty());
        assert!(messages("tests/a.rs", &function(61)).is_empty());
        let excused = format!("/// A table.\n// tidy: long because it is one\n#[inline]\n{}", function(61));
        assert!(messages("src/a.rs", &excused).is_empty());
    }

    #[test]
    fn files_are_short() {
        let code = |lines| format!("//! A list.\n{}", "const A: u8 = 1;\n".repeat(lines));
        only(&messages("src/a.rs", &code(501)), "501 lines of code");
        assert!(messages("src/a.rs", &code(500)).is_empty());
        let comments = format!("{}{}", code(500), "// why\n\n".repeat(20));
        assert!(messages("src/a.rs", &comments).is_empty());
        let excused = format!("//! A list.\n// tidy: long because a table is long\n{}", code(501));
        assert!(messages("src/a.rs", &excused).is_empty());
    }

    #[test]
    fn long_modules_open_with_a_paragraph() {
        let code = "const A: u8 = 1;\n".repeat(151);
        only(&messages("src/a.rs", &code), "src/a.rs:1: over 150 lines of code");
        assert!(messages("src/a.rs", &format!("//! What it is.\n{code}")).is_empty());
        assert!(messages("src/a.rs", &"const A: u8 = 1;\n".repeat(150)).is_empty());
    }

    #[test]
    fn examples_are_shorter() {
        let code = |lines: usize| format!("//! An example.\n{}", "// why\n".repeat(lines - 1));
        only(&messages("examples/echo.rs", &code(120)), "stays under 120");
        assert!(messages("examples/echo.rs", &code(119)).is_empty());
        only(&messages("examples/demo/main.rs", &code(300)), "stays under 300");
        assert!(messages("examples/demo/main.rs", &code(299)).is_empty());
    }
}
