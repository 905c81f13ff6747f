//! Which lines of the crate no test runs, on epoll, poll(2), kqueue and event ports taken together.
//!
//! rustc counts (`-Cinstrument-coverage`), by cargo's wrapper for the workspace, so that what lies below the crate is the same
//! as for other tests. LLVM's tools read the counts: rustup's component `llvm-tools` where there is one, or else Debian's of
//! the same version as the compiler's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};

use super::tools;
use crate::cmd::Cmd;
use crate::configs::{Config, CONFIGS};
use crate::nextest;
use crate::outcome::Outcome;
use crate::toolchain::packages::{self, Packages};
use crate::workspace::Workspace;

const BACKENDS: &[&str] = &["default", "poll", "kqueue", "event-ports"];
const LOG: &str = "torture-coverage";

/// Debian's tools for the versions of LLVM that Rust may have.
const DEBIANS: &[(&str, &str)] =
    &[("19", "llvm-19"), ("20", "llvm-20"), ("21", "llvm-21"), ("22", "llvm-22"), ("23", "llvm-23")];

/// Lines and how often each ran.
type Lines = BTreeMap<u64, u64>;

/// What reads the counts.
struct Llvm {
    profdata: PathBuf,
    cov: PathBuf,
}

/// The step.
pub(super) fn run(workspace: &Workspace) -> Result<Outcome> {
    let llvm = match llvm(workspace)? {
        Ok(llvm) => llvm,
        Err(why) => return Ok(Outcome::note(&format!("left out: {why}"))),
    };
    let folder = workspace.target.join("torture-coverage");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut total = Outcome::default();
    let mut programs = Vec::new();
    for config in CONFIGS.iter().filter(|config| BACKENDS.contains(&config.name)) {
        let outcome = tests(workspace, config, &folder)?;
        total.counts.passed += outcome.counts.passed;
        total.counts.failed += outcome.counts.failed;
        total.complaint = total.complaint.or(outcome.complaint);
        programs.extend(built(workspace, config)?);
    }
    let files = read(workspace, &llvm, &folder, &programs)?;
    let text = page(&files)?;
    println!("{text}");
    fs::write(workspace.logs().join(format!("{LOG}.md")), &text)?;
    let (ran, all) = files.values().map(sums).fold((0, 0), |(ran, all), sum| (ran + sum.0, all + sum.1));
    total.note = format!("{ran} of {all} lines ran ({})", percent(ran, all));
    Ok(total)
}

/// What the last run came to, for the page.
pub(super) fn last(workspace: &Workspace) -> Option<String> {
    fs::read_to_string(workspace.logs().join(format!("{LOG}.md"))).ok()
}

fn llvm(workspace: &Workspace) -> Result<std::result::Result<Llvm, String>> {
    let rustc = |arguments: &[&str]| Cmd::new(workspace, "rustc").args(arguments).run(workspace, LOG);
    let sysroot = rustc(&["--print", "sysroot"])?.text;
    let own = PathBuf::from(sysroot.trim()).join("lib/rustlib").join(tools::host(workspace)?).join("bin");
    if own.join("llvm-cov").exists() {
        return Ok(Ok(Llvm { profdata: own.join("llvm-profdata"), cov: own.join("llvm-cov") }));
    }
    let version = rustc(&["--version", "--verbose"])?.text;
    let major = version.lines().find_map(|line| line.strip_prefix("LLVM version: ")?.split('.').next());
    let major = major.context("rustc names no LLVM")?;
    let Some((_, package)) = DEBIANS.iter().find(|(version, _)| *version == major) else {
        return Ok(Err(format!("no tools are known for LLVM {major}")));
    };
    Ok(match packages::ensure(workspace, &[*package])? {
        Packages::Unavailable(why) => Err(why),
        Packages::Ready(_) => {
            let tool = |name: &str| PathBuf::from(format!("/usr/bin/{name}-{major}"));
            Ok(Llvm { profdata: tool("llvm-profdata"), cov: tool("llvm-cov") })
        }
    })
}

fn counting(workspace: &Workspace, config: &Config, cmd: Cmd) -> Result<Cmd> {
    config.build_with(workspace, cmd, "coverage", "-Cinstrument-coverage")
}

fn tests(workspace: &Workspace, config: &Config, folder: &Path) -> Result<Outcome> {
    let cmd = Cmd::cargo(workspace).args(["nextest", "run", "--package", "poised"]);
    // Many processes at a time add to a few files.
    let counts = folder.join(format!("{}-%8m.profraw", config.name));
    let cmd = counting(workspace, config, cmd)?.env("LLVM_PROFILE_FILE", counts);
    nextest::step(workspace, cmd, &format!("{LOG}-{}", config.name))
}

/// The programs that ran.
fn built(workspace: &Workspace, config: &Config) -> Result<Vec<PathBuf>> {
    let cmd = Cmd::cargo(workspace).args(["test", "--no-run", "--package", "poised"]);
    let cmd = counting(workspace, config, cmd)?.args(["--message-format", "json-render-diagnostics"]);
    let text = cmd.run(workspace, &format!("{LOG}-programs"))?.text;
    let messages = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let programs = messages.filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)));
    let programs: Vec<PathBuf> = programs.collect();
    ensure!(!programs.is_empty(), "cargo built no program");
    Ok(programs)
}

/// The lines of each file of the crate that is not there for tests alone.
fn read(workspace: &Workspace, llvm: &Llvm, folder: &Path, programs: &[PathBuf]) -> Result<BTreeMap<String, Lines>> {
    let counts = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let merged = folder.join("merged.profdata");
    let merge = Cmd::new(workspace, &llvm.profdata).args(["merge", "--sparse", "--failure-mode=all", "--output"]);
    merge.arg(&merged).args(counts).run(workspace, &format!("{LOG}-merge"))?;
    let export = Cmd::new(workspace, &llvm.cov).args(["export", "--format=lcov", "--instr-profile"]).arg(merged);
    let export = programs.iter().fold(export, |cmd, program| cmd.arg("--object").arg(program));
    let text = export.run(workspace, &format!("{LOG}-export"))?.text;
    let files = lcov(&text, &workspace.root)?;
    Ok(files.into_iter().filter(|(file, _)| file.starts_with("src/") && !is_for_tests(file)).collect())
}

fn is_for_tests(file: &str) -> bool {
    const NAMES: &[&str] = &["tests.rs", "scenarios.rs", "contract.rs", "model.rs"];
    const FOLDERS: &[&str] = &["/model/", "/simulated/"];
    NAMES.iter().any(|name| file.ends_with(&format!("/{name}"))) || FOLDERS.iter().any(|folder| file.contains(folder))
}

/// Reads `SF:<file>` and, below it, `DA:<line>,<times>`. A module of tests ends what counts in a file.
fn lcov(text: &str, root: &Path) -> Result<BTreeMap<String, Lines>> {
    let mut files: BTreeMap<String, Lines> = BTreeMap::new();
    let mut file = None;
    let mut tests_begin = u64::MAX;
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = Path::new(path).strip_prefix(root).ok().map(|path| path.display().to_string());
            let source = file.as_ref().map(|file| fs::read_to_string(root.join(file)).unwrap_or_default());
            let begin = source.and_then(|text| text.lines().position(|line| line == "mod tests {"));
            tests_begin = begin.map_or(u64::MAX, |index| index as u64);
        } else if let (Some(counts), Some(file)) = (line.strip_prefix("DA:"), &file) {
            let (line, times) = counts.split_once(',').context("a line of lcov")?;
            let (line, times): (u64, u64) = (line.parse()?, times.split(',').next().unwrap_or(times).parse()?);
            if line < tests_begin {
                *files.entry(file.clone()).or_default().entry(line).or_default() += times;
            }
        }
    }
    Ok(files)
}

/// Lines that ran, of how many.
fn sums(lines: &Lines) -> (usize, usize) {
    (lines.values().filter(|times| **times > 0).count(), lines.len())
}

fn percent(part: usize, all: usize) -> String {
    format!("{}.{} %", part * 100 / all.max(1), part * 1000 / all.max(1) % 10)
}

/// A row for each file, with the lines that never ran.
fn page(files: &BTreeMap<String, Lines>) -> Result<String> {
    let mut text = String::from("| file | lines that ran | lines that did not |\n| --- | --- | --- |\n");
    for (file, lines) in files {
        let (ran, all) = sums(lines);
        let silent: BTreeSet<u64> = lines.iter().filter(|(_, times)| **times == 0).map(|(line, _)| *line).collect();
        writeln!(text, "| {file} | {ran} of {all}, {} | {} |", percent(ran, all), ranges(&silent))?;
    }
    Ok(text)
}

/// `3, 5-7`.
fn ranges(lines: &BTreeSet<u64>) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for &line in lines {
        match ranges.last_mut() {
            Some(last) if last.1 + 1 == line => last.1 = line,
            _ => ranges.push((line, line)),
        }
    }
    let texts = ranges.iter().map(|&(from, to)| if from == to { from.to_string() } else { format!("{from}-{to}") });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{is_for_tests, lcov, page, percent};

    #[test]
    fn reads_what_ran() {
        let text = "SF:/r/src/a.rs\nDA:1,2\nDA:2,0\nDA:3,0\nDA:5,0\nend_of_record\nSF:/elsewhere/b.rs\nDA:1,1\n";
        let files = lcov(text, Path::new("/r")).unwrap();
        assert_eq!(files.len(), 1);
        assert!(page(&files).unwrap().ends_with("| src/a.rs | 1 of 4, 25.0 % | 2-3, 5 |\n"));
    }

    #[test]
    fn counts_in_tenths() {
        assert_eq!([percent(0, 0), percent(999, 1000), percent(1, 3)], ["0.0 %", "99.9 %", "33.3 %"]);
        assert!(is_for_tests("src/sys/kqueue/model/notes.rs") && is_for_tests("src/sys/poll/table/tests.rs"));
        assert!(!is_for_tests("src/sys/windows/socket.rs"));
    }
}
