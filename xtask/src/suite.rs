//! The steps that are one cargo command each: formatting, clippy, tests, documentation.

use std::path::Path;

use anyhow::{ensure, Result};

use crate::cmd::{Cmd, Output};
use crate::configs::{Config, LOOM};
use crate::nextest;
use crate::outcome::Outcome;
use crate::workspace::Workspace;

/// `cargo fmt --check`.
pub(crate) fn fmt(workspace: &Workspace) -> Result<Outcome> {
    let cmd = Cmd::cargo(workspace).args(["fmt", "--all", "--check"]);
    cmd.run(workspace, "fmt")?;
    Ok(Outcome::default())
}

/// clippy over everything, warnings denied.
pub(crate) fn clippy(workspace: &Workspace, config: &Config) -> Result<Outcome> {
    let cmd = Cmd::cargo(workspace).args(["check", "--workspace", "--all-targets"]);
    // xtask knows no configurations; its dependencies would be checked once more in each.
    let cmd = if config.is_default() { cmd } else { cmd.args(["--exclude", "xtask"]) };
    config.clippy(workspace, cmd)?.run(workspace, &format!("clippy-{}", config.name))?;
    Ok(Outcome::default())
}

/// Has cargo build the crate in a quarter of the time, where no state machine is explored.
pub(crate) const PLAIN: [&str; 2] = ["--config", "profile.test.package.poised.opt-level=0"];

/// The crate's tests. Its examples are built with them, since tests run them.
///
/// Windows' state machines over their simulated kernel are the same in each configuration, and a third of the work: once is
/// enough.
pub(crate) fn tests(workspace: &Workspace, config: &Config) -> Result<Outcome> {
    let cmd = Cmd::cargo(workspace).args(["nextest", "run", "--package", "poised"]);
    let cmd = match config.is_default() {
        true => cmd,
        false => cmd.args(PLAIN).args(["-E", "not test(/^sys::(contract::)?windows::/)"]),
    };
    let cmd = nextest::side_by_side(config.build(workspace, cmd)?, nextest::HERE);
    nextest::step(workspace, cmd, &format!("tests-{}", config.name))
}

/// Wakes and Windows' queue, with all orders of the threads' steps: the tests that run under loom, which replaces what threads
/// share, so that nothing else runs there.
pub(crate) fn explored(workspace: &Workspace) -> Result<Outcome> {
    let models = ["sys::wakes::", "sys::windows::simulated::orders::"];
    let cmd = Cmd::cargo(workspace).args(["nextest", "run", "--package", "poised", "--lib"]).args(models);
    nextest::step(workspace, LOOM.build(workspace, cmd)?, "tests-loom")
}

/// The tests of these commands themselves: the rules of tidy, the comparison of APIs.
pub(crate) fn own_tests(workspace: &Workspace) -> Result<Outcome> {
    // In the profile in which they run as commands: all that they depend on is built.
    let cmd = Cmd::cargo(workspace).args(["nextest", "run", "--package", "xtask", "--cargo-profile", "dev"]);
    nextest::step(workspace, cmd, "tests-xtask")
}

/// The examples in the documentation, the shim's among them. nextest does not run them.
///
/// rustdoc builds each of them alone in the edition of this crate, which takes minutes for so many. Newer ones can put
/// them into one program, as they do in edition 2024; where the toolchain does not know that, they are built one by one.
pub(crate) fn doctests(workspace: &Workspace) -> Result<Outcome> {
    let cmd = Cmd::cargo(workspace).args(DOCTESTS);
    // To rustdoc alone: cargo would tell it to all build scripts, and build again what depends on those that ask.
    let script = workspace.script(Path::new("rustdoc"), "RUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"")?;
    let output = merged_doctests(cmd.clone().env("RUSTDOC", script)).run_unchecked(workspace, "doctests")?;
    let output = if output.status.success() { output } else { cmd.run(workspace, "doctests")? };
    doctests_passed(&output)
}

/// What cargo is told to run them.
pub(crate) const DOCTESTS: &[&str] = &["test", "--doc", "--package", "poised", "--package", "mio"];

/// The command for doc tests with as many of them in one program as can be, which wants `RUSTC_BOOTSTRAP`.
pub(crate) fn merged_doctests(cmd: Cmd) -> Cmd {
    let flags = std::env::var("RUSTDOCFLAGS").unwrap_or_default();
    let merged = format!("{flags} -Zunstable-options --merge-doctests=yes");
    cmd.env("RUSTDOCFLAGS", merged.trim())
}

/// How many doc tests a run of them says that it ran.
pub(crate) fn doctests_passed(output: &Output) -> Result<Outcome> {
    let passed: u64 = output.text.lines().filter_map(passed_in).sum();
    ensure!(passed > 0, "no doc test ran");
    Ok(Outcome::note(&format!("{passed} doc tests")))
}

/// Reads a line as `test result: ok. 3 passed; 0 failed; …`.
pub(crate) fn passed_in(line: &str) -> Option<u64> {
    line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse().ok()
}

/// The documentation as docs.rs builds it, warnings denied.
pub(crate) fn docs(workspace: &Workspace) -> Result<Outcome> {
    let cmd = Cmd::cargo(workspace).args(["doc", "--no-deps", "--package", "poised", "--package", "mio"]);
    let flags = std::env::var("RUSTDOCFLAGS").unwrap_or_default();
    cmd.env("RUSTDOCFLAGS", format!("{flags} -D warnings").trim()).run(workspace, "docs")?;
    Ok(Outcome::default())
}

#[cfg(test)]
mod tests {
    use super::passed_in;

    #[test]
    fn reads_the_result_of_doc_tests() {
        assert_eq!(passed_in("test result: ok. 31 passed; 0 failed; 0 ignored; 0 measured"), Some(31));
        assert_eq!(passed_in("running 31 tests"), None);
    }
}
