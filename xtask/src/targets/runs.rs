//! What ran for a target, from the parts of the page that runs have written: the table of promises, and that of other
//! architectures.

use super::table::Target;

/// Those parts.
#[derive(Debug)]
pub(super) struct Runs {
    pub(super) promises: String,
    pub(super) arches: String,
}

impl Runs {
    /// The last two cells of a target's line: how it ran, and what was kept there.
    pub(super) fn of(&self, target: &Target) -> String {
        if let Some([_, how, passed, left_out]) = lines(&self.arches).find(|cells| cells[0] == target.name).as_deref() {
            return format!("{how} | {passed} tests passed, {left_out} left out");
        }
        let Some(run) = target.run else { return "- | -".to_owned() };
        let mut promises = lines(&self.promises);
        let head = promises.next().unwrap_or_default();
        let Some(column) = head.iter().position(|cell| *cell == run.column) else { return format!("{} | -", run.how) };
        let states: Vec<&str> = promises.filter(|cells| cells[0].starts_with('P')).map(|cells| cells[column]).collect();
        let kept = states.iter().filter(|state| state.starts_with("kept")).count();
        format!("{} | {kept} of {}", run.how, states.len())
    }
}

/// The cells of each line of a table in Markdown.
fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let inner = text.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    inner.map(|line| line.split('|').map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use super::{Runs, Target};
    use crate::targets::table::{Expected, Run};

    const RUNS: &str = "<!-- Made. -->\n\n| | promise | select |\n| --- | --- | --- |\n| P01 | ready | kept [1] |\n\
                        | P02 | edges | not possible [2] |\n\n1. a.\n";
    const ARCHES: &str = "| architecture | run | tests passed | left out |\n| here | natively | 7 | 1 |\n";

    fn word(name: &'static str, run: Option<Run>) -> String {
        let runs = Runs { promises: RUNS.to_owned(), arches: ARCHES.to_owned() };
        runs.of(&Target { name, backend: "select", expected: Expected::Compiles, run })
    }

    #[test]
    fn a_target_has_the_run_of_its_backend_or_its_own() {
        let run = |column| Some(Run { column, how: "a model" });
        assert_eq!(word("there", run("select")), "a model | 1 of 2");
        assert_eq!(word("there", run("nothing")), "a model | -");
        assert_eq!(word("here", run("select")), "natively | 7 tests passed, 1 left out");
        assert_eq!(word("elsewhere", None), "- | -");
    }
}
