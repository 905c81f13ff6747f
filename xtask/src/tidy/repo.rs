//! The rules about the checkout as a whole: promises have tests, files of tests see what they leave open, and no file names a
//! folder of somebody's machine.

use std::collections::BTreeSet;

use super::source::Source;
use super::Breach;

/// How many promises there are; each has a number, P01 and on.
const PROMISES: usize = 22;

/// Folders of the machines that the crate is built on; nobody else has them.
const MACHINE_FOLDERS: &[&str] = &[concat!("/wo", "rk/"), concat!("/fa", "rm/")];

/// The promises that have a test.
#[derive(Debug, Default)]
pub(super) struct Promises {
    kept: BTreeSet<usize>,
}

impl Promises {
    /// Notes the tests of a file: `fn p07_…` below tests/promises.
    pub(super) fn see(&mut self, source: &Source) {
        if source.is_in("tests/promises") {
            self.kept.extend(source.functions().iter().filter_map(|(name, _)| number(name)));
        }
    }

    /// A breach for each promise without a test.
    pub(super) fn missing(&self) -> Vec<Breach> {
        let missing = (1..=PROMISES).filter(|number| !self.kept.contains(number));
        let breach = |number| {
            let message = format!("promise P{number:02} has no test: name one `p{number:02}_…`");
            Breach::new("tests/promises", 1, message)
        };
        missing.map(breach).collect()
    }
}

/// The folders of tests whose files say that they leave nothing open. Those of Windows count handles in each test, and the
/// examples are processes of their own.
const COUNTED: &[&str] = &["tests/promises", "tests/regressions", "tests/types"];

/// A breach for a file of tests that does not see what they leave open.
pub(super) fn leaks(source: &Source) -> Option<Breach> {
    let is_counted = COUNTED.iter().any(|folder| source.is_in(folder));
    let names: Vec<&str> = (0..source.tokens.len()).filter_map(|index| source.ident(index)).collect();
    let is_test = |index: usize| source.is_punct(index, '#') && source.ident(index + 2) == Some("test");
    let has_tests = (0..source.tokens.len()).any(is_test);
    let wrong = is_counted && has_tests && !names.contains(&"leaves_nothing_open");
    wrong.then(|| Breach::new(&source.file, 1, "list the tests in `leaves_nothing_open!`"))
}

/// The 7 of `p07_events_carry_tokens`.
fn number(name: &str) -> Option<usize> {
    let (digits, _) = name.strip_prefix('p')?.split_once('_')?;
    if digits.len() == 2 {
        digits.parse().ok()
    } else {
        None
    }
}

/// Reports absolute paths that exist on one machine only.
pub(super) fn machine_paths(file: &str, text: &str) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for folder in MACHINE_FOLDERS.iter().filter(|folder| names(line, folder)) {
            breaches.push(Breach::new(file, index + 1, format!("`{folder}` is a folder of one machine")));
        }
    }
    breaches
}

/// Whether `line` has `folder` as the start of a path, not as its middle.
fn names(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-/~})$".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::{leaks, machine_paths, Promises, Source, PROMISES};

    fn promises(file: &str, names: impl Iterator<Item = String>) -> Promises {
        let text: String = names.map(|name| format!("#[test]\nfn {name}() {{}}\n")).collect();
        let mut promises = Promises::default();
        promises.see(&Source::parse(file, &text).unwrap());
        promises
    }

    #[test]
    fn each_promise_has_a_test() {
        let all = promises("tests/promises/main.rs", (1..=PROMISES).map(|n| format!("p{n:02}_is_kept")));
        assert_eq!(all.missing(), []);
        let some = promises("tests/promises/main.rs", [1, 2].map(|n| format!("p{n:02}_is_kept")).into_iter());
        assert_eq!(some.missing().len(), PROMISES - 2);
        assert!(some.missing()[0].to_string().contains("P03"));
        let elsewhere = promises("tests/other.rs", (1..=PROMISES).map(|n| format!("p{n:02}_is_kept")));
        assert_eq!(elsewhere.missing().len(), PROMISES);
    }

    #[test]
    fn files_of_tests_count_what_is_open() {
        let breach = |file, text: &str| leaks(&Source::parse(file, text).unwrap());
        let test = "#[test]\nfn a() {}\n";
        assert!(breach("tests/types/a.rs", test).is_some());
        assert_eq!(breach("tests/types/a.rs", &format!("{test}leaves_nothing_open!(a);")), None);
        assert_eq!(breach("tests/types/a.rs", "fn a() {}"), None);
        assert_eq!(breach("tests/windows/a.rs", test), None);
    }

    #[test]
    fn no_file_names_a_machine() {
        let bad = concat!("see `/wo", "rk/notes`\nand /fa", "rm/x\n");
        let found: Vec<String> = machine_paths("a.md", bad).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("a.md:1: ") && found[1].starts_with("a.md:2: "), "{found:?}");
        assert!(machine_paths("a.md", concat!("target/wo", "rk/x and https://a.b/wo", "rk/")).is_empty());
    }
}
