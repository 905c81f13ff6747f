//! The steps that run what others wrote, longer than the tests do: random programs against their model, fuzz targets.

use std::fs;

use anyhow::Result;

use super::tools;
use crate::cmd::Cmd;
use crate::configs::Config;
use crate::nextest;
use crate::outcome::Outcome;
use crate::windows::Session;
use crate::workspace::Workspace;

/// Where random programs are run on models of the backends; `cargo test` runs a few of each.
const TESTS: &str = "tests/models";
const TARGETS: &str = "fuzz/fuzz_targets";
/// Programs of each kind. Under Wine a call takes many times as long.
const CASES: &str = "4000";
const CASES_WINE: &str = "400";
const FUZZ_SECONDS: u32 = 60;

fn run(workspace: &Workspace, cmd: Cmd, cases: &str, log: &str) -> Result<Outcome> {
    let config = workspace.root.join("xtask/torture/nextest.toml");
    let cmd = cmd.arg("--config-file").arg(config).env("PROPTEST_CASES", cases);
    let mut outcome = nextest::step(workspace, cmd, log)?;
    outcome.note += &format!(", {cases} programs each");
    Ok(outcome)
}

const COMMAND: &[&str] = &["nextest", "run", "--package", "poised", "--test", "models"];

/// The models on a backend that runs here.
pub(super) fn on(workspace: &Workspace, config: &Config) -> Result<Outcome> {
    if !workspace.root.join(TESTS).exists() {
        return Ok(Outcome::note(&format!("left out: there is no {TESTS}")));
    }
    let cmd = config.build(workspace, Cmd::cargo(workspace).args(COMMAND))?;
    run(workspace, cmd, CASES, &format!("torture-models-{}", config.name))
}

/// The models under Wine.
pub(super) fn on_wine(workspace: &Workspace) -> Result<Outcome> {
    if !workspace.root.join(TESTS).exists() {
        return Ok(Outcome::note(&format!("left out: there is no {TESTS}")));
    }
    let session = Session::start(workspace)?;
    run(workspace, session.cargo(workspace, COMMAND), CASES_WINE, "torture-models-wine")
}

/// The names of the fuzz targets.
pub(super) fn fuzz_targets(workspace: &Workspace) -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(workspace.root.join(TARGETS)) else { return Ok(Vec::new()) };
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let sources = paths.iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let mut names: Vec<String> = sources.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

/// A minute of a fuzz target; the inputs that it finds stay in the cache, and the next run begins with them.
pub(super) fn fuzz(workspace: &Workspace, target: &str) -> Result<Outcome> {
    let cargo = match tools::nightly(workspace)? {
        Ok(cargo) => cargo,
        Err(why) => return Ok(Outcome::note(&format!("left out: {why}"))),
    };
    let corpus = workspace.cache("torture").join("corpus").join(target);
    fs::create_dir_all(&corpus)?;
    let cmd = tools::with(workspace, cargo, "cargo-fuzz")?.args(["fuzz", "run", target]).arg(&corpus);
    let shipped = workspace.root.join("fuzz/corpus").join(target);
    let cmd = if shipped.exists() { cmd.arg(shipped) } else { cmd };
    let log = format!("torture-fuzz-{target}");
    let output = cmd.args(["--", &format!("-max_total_time={FUZZ_SECONDS}")]).run(workspace, &log)?;
    // `Done 123456 runs in 61 second(s)`.
    let runs = output.text.lines().rev().find_map(|line| line.strip_prefix("Done ")?.split(' ').next());
    Ok(Outcome::note(&format!("{} inputs in {FUZZ_SECONDS} s", runs.unwrap_or("?"))))
}
