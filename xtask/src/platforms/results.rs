//! What nextest wrote of a run: each test, how it ended, and what it left out.
//!
//! The steps of tests run with `--status-level pass --success-output immediate`, so that their logs have a line for each
//! test and below it what it printed. A test that can't do a part of its work where it runs prints `left out: …`.

/// One test of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Test {
    /// Its path within its binary, `p07::p07_silent_after_deregister`.
    pub(super) name: String,
    pub(super) passed: bool,
    /// What it said that it left out, and why.
    pub(super) left_out: Vec<String>,
}

impl Test {
    /// The number of the promise that the test is named after, or the module that has its forms.
    pub(super) fn promise(&self) -> Option<usize> {
        self.name.rsplit("::").find_map(|part| {
            let (number, _) = part.strip_prefix('p')?.split_once('_')?;
            (number.len() == 2).then(|| number.parse().ok())?
        })
    }
}

/// The tests of a log, in the order in which they ended.
pub(super) fn tests(log: &str) -> Vec<Test> {
    let mut tests: Vec<Test> = Vec::new();
    for line in log.lines().map(str::trim) {
        if let Some((word, name)) = status(line) {
            let new = Test { name: name.to_owned(), passed: word == "PASS", left_out: Vec::new() };
            // nextest names what failed once more at the end.
            if !tests.iter().any(|test| test.name == new.name) {
                tests.push(new);
            }
        } else if let (Some((_, reason)), Some(test)) = (line.split_once("left out: "), tests.last_mut()) {
            // Behind the name of the test, where the harness has one thread.
            test.left_out.push(reason.to_owned());
        }
    }
    tests
}

/// Reads a line as `PASS [   0.005s] ( 3/12) poised::promises p07::p07_it`.
fn status(line: &str) -> Option<(&str, &str)> {
    let (word, rest) = line.split_once(" [")?;
    if !["PASS", "FAIL", "TIMEOUT", "ABORT"].contains(&word) && !word.starts_with("SIG") {
        return None;
    }
    let name = rest.rsplit(' ').next()?;
    Some((word, name))
}

#[cfg(test)]
mod tests {
    use super::{tests, Test};

    const LOG: &str = "\
        PASS [   0.005s] ( 1/3) poised::promises p07::p07_silent
  stdout ───

    running 1 test
    test p07::p07_silent ... left out: Wine says nothing of it
    left out: Wine has no peek
    ok

        PASS [   0.005s] ( 2/3) poised::types poll::polls
        FAIL [   0.005s] ( 3/3) poised::promises p08::p08_reused
     Summary [   0.010s] 3 tests run: 2 passed, 1 failed, 0 skipped
        FAIL [   0.005s] ( 3/3) poised::promises p08::p08_reused
";

    #[test]
    fn reads_tests_and_what_they_left_out() {
        let left_out = ["Wine says nothing of it", "Wine has no peek"].map(str::to_owned).to_vec();
        let test = |name: &str, passed| Test { name: name.to_owned(), passed, left_out: Vec::new() };
        let silent = Test { left_out, ..test("p07::p07_silent", true) };
        assert_eq!(tests(LOG), [silent, test("poll::polls", true), test("p08::p08_reused", false)]);
    }

    #[test]
    fn knows_the_promise_of_a_test() {
        let promises: Vec<_> = tests(LOG).iter().map(Test::promise).collect();
        assert_eq!(promises, [Some(7), None, Some(8)]);
        let form = Test { name: "p10::linux::p10_moved::udp".to_owned(), ..Test::default() };
        assert_eq!(form.promise(), Some(10));
    }
}
