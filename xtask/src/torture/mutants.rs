//! Mutations: a small change of the crate's code, and whether a test fails for it, once for each change that can be made.
//!
//! What survives is either a hole in the tests or no change of what the crate promises; those of the latter kind are in
//! `xtask/torture/survivors.txt`, each with its reason, and any other one is an error. There are thousands, and each takes
//! the time to build and run tests; so they are in shards, of which one a day is run in turn. A shard asks the tests that
//! know its files, in a configuration that compiles these: first those that take no time, which are built without
//! optimisation, and others about what these let pass.

use std::fs;
use std::path::Path;

use anyhow::{bail, ensure, Context, Result};

use super::tools;
use crate::cmd::Cmd;
use crate::configs::Config;
use crate::outcome::{Counts, Outcome};
use crate::suite::PLAIN;
use crate::workspace::Workspace;

const SURVIVORS: &str = "xtask/torture/survivors.txt";

/// Files that are asked about in the same way.
#[derive(Debug)]
pub(super) struct Group {
    name: &'static str,
    files: &'static [&'static str],
    /// Who is asked first.
    first: Tests,
    /// Who is asked about what these let pass.
    others: Tests,
    shards: u32,
}

/// Some of the crate's tests.
#[derive(Clone, Copy, Debug)]
struct Tests {
    /// The configuration in which they are built.
    config: &'static str,
    /// What cargo is told to build, and how; nothing else is built.
    build: &'static [&'static str],
    /// Which of them are run, in nextest's language.
    filter: &'static str,
}

/// A part of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shard {
    group: &'static Group,
    number: u32,
}

/// The crate's own, which know the files of `sys`.
const fn own(config: &'static str, filter: &'static str) -> Tests {
    Tests { config, build: &[PLAIN[0], PLAIN[1], "--lib"], filter }
}

/// Those that go through the public API.
const fn public(config: &'static str) -> Tests {
    Tests {
        config,
        build: &[PLAIN[0], PLAIN[1], "--test", "types", "--test", "promises", "--test", "regressions"],
        filter: "all() - test(/leaves_nothing_open$/)",
    }
}

/// Tests that are worth to be optimised: they go through all orders.
const fn explorations(config: &'static str, filter: &'static str) -> Tests {
    Tests { config, build: &["--lib"], filter }
}

const NATIVE: &str = "all() - test(/^sys::(contract::)?(windows|kqueue|event_ports)::/)";

const GROUPS: &[Group] = &[
    Group {
        name: "core",
        files: &["src/poll.rs", "src/registry.rs", "src/io_source.rs", "src/waker.rs"],
        // Where what blocked has to be told of: epoll needs no word.
        first: public("poll"),
        others: public("default"),
        shards: 1,
    },
    Group {
        name: "epoll",
        files: &["src/sys/epoll/**"],
        first: own("default", NATIVE),
        others: public("default"),
        shards: 2,
    },
    Group {
        name: "wakes",
        files: &["src/sys/wakes.rs"],
        // Its model runs with threads of the system here.
        first: own("default", NATIVE),
        others: explorations("loom", "test(/^sys::wakes::/)"),
        shards: 4,
    },
    Group {
        name: "poll",
        files: &["src/sys/poll/**", "src/sys/edges.rs"],
        first: own("poll", NATIVE),
        others: public("poll"),
        shards: 8,
    },
    Group {
        name: "windows",
        files: &[
            "src/sys/windows/socket.rs",
            "src/sys/windows/event.rs",
            "src/sys/windows/registration.rs",
            "src/sys/windows/selector.rs",
            "src/sys/windows/pipe_io.rs",
        ],
        first: own("default", "test(/^sys::(contract::)?windows::/) - test(/no_schedule|every_order|explore::/)"),
        others: explorations("default", "test(/^sys::windows::/) & test(/no_schedule|every_order|explore::/)"),
        shards: 14,
    },
];

impl Shard {
    /// As `poll-3`.
    pub(super) fn name(&self) -> String {
        format!("{}-{}", self.group.name, self.number)
    }
}

/// All shards, in the order in which they have their days.
pub(super) fn shards() -> Vec<Shard> {
    GROUPS.iter().flat_map(|group| (0..group.shards).map(move |number| Shard { group, number })).collect()
}

/// What came of mutants, each named with its place.
#[derive(Debug, Default)]
struct Came {
    caught: Vec<String>,
    missed: Vec<String>,
    timeouts: Vec<String>,
    unviable: Vec<String>,
}

/// The step for a shard.
pub(super) fn run(workspace: &Workspace, shard: Shard) -> Result<Outcome> {
    let Shard { group, number } = shard;
    let place = workspace.cache("torture").join("mutants");
    let part = format!("{number}/{}", group.shards);
    let choice = ["--shard", &part, "--sharding", "round-robin"].map(str::to_owned);
    let mut came = ask(workspace, shard, &place.join(shard.name()), &choice, group.first)?;
    if !came.missed.is_empty() {
        let missed =
            came.missed.iter().flat_map(|name| ["--re".to_owned(), format!("^{}$", regex_syntax::escape(name))]);
        let again =
            ask(workspace, shard, &place.join(shard.name() + "-others"), &missed.collect::<Vec<_>>(), group.others)?;
        came.learn(again);
    }
    judge(&came, &listed(&fs::read_to_string(workspace.root.join(SURVIVORS))?)?)
}

/// Has cargo-mutants ask these tests about the mutants of a choice.
fn ask(workspace: &Workspace, shard: Shard, output: &Path, choice: &[String], tests: Tests) -> Result<Came> {
    let group = shard.group;
    fs::create_dir_all(output)?;
    let cmd = tools::with(workspace, Cmd::cargo(workspace), "cargo-mutants")?;
    let cmd = cmd.args(["mutants", "--package", "poised", "--test-tool", "nextest", "-j1"]).args(choice);
    let cmd = group.files.iter().fold(cmd, |cmd, file| cmd.args(["--file", file]));
    // Far more than the tests take: what hangs ends by nextest's own limit.
    let cmd = cmd.args(["--colors", "never", "--level", "error", "--timeout", "900", "--output"]).arg(output);
    // For each command of cargo: the one that builds before the tests run would build all else as well.
    let cmd = tests.build.iter().fold(cmd, |cmd, arg| cmd.arg(format!("--cargo-arg={arg}")));
    let cmd = cmd.args(["--", "--profile", "mutants", "--fail-fast", "-E", tests.filter]);
    // Built once and run once, and never debugged.
    let target = workspace.cache("torture").join("mutants").join(group.name);
    let config = Config::named(tests.config)?;
    let cmd = config.build(workspace, cmd)?.env("CARGO_TARGET_DIR", target);
    let cmd = cmd.env("CARGO_PROFILE_TEST_DEBUG", "none").env("CARGO_PROFILE_DEV_DEBUG", "none");
    let log = format!("torture-mutants-{}", shard.name());
    let ended = cmd.run_unchecked(workspace, &log)?;
    // 2: some survived; 3: some took too long.
    if !matches!(ended.status.code(), Some(0 | 2 | 3)) {
        bail!("{}", cmd.complaint(workspace, &log, &ended));
    }
    Came::read(&output.join("mutants.out"))
}

impl Came {
    /// Reads what cargo-mutants wrote.
    fn read(folder: &Path) -> Result<Came> {
        let lines = |name: &str| -> Result<Vec<String>> {
            let text = fs::read_to_string(folder.join(name)).with_context(|| format!("no {name}"))?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        Ok(Came {
            caught: lines("caught.txt")?,
            missed: lines("missed.txt")?,
            timeouts: lines("timeout.txt")?,
            unviable: lines("unviable.txt")?,
        })
    }

    /// Other tests were asked about what was missed.
    fn learn(&mut self, again: Came) {
        self.missed.retain(|name| !again.caught.contains(name) && !again.timeouts.contains(name));
        self.caught.extend(again.caught);
        self.timeouts.extend(again.timeouts);
    }
}

/// Whether there is a reason for each that survived.
fn judge(came: &Came, listed: &[(String, String)]) -> Result<Outcome> {
    let is_listed = |mutant: &String| listed.iter().any(|(name, _)| *name == without_place(mutant));
    let (known, unknown): (Vec<&String>, Vec<&String>) = came.missed.iter().partition(|mutant| is_listed(mutant));
    let complaint = (!unknown.is_empty()).then(|| {
        let names: String = unknown.iter().map(|name| format!("\n  {name}")).collect();
        format!("no test fails for these changes, and {SURVIVORS} has no reason for them:{names}")
    });
    let passed = (came.caught.len() + came.timeouts.len() + known.len()) as u64;
    Ok(Outcome {
        counts: Counts { passed, failed: unknown.len() as u64 },
        note: format!(
            "{} caught, {} by the limit of time, {} survived and listed, {} do not compile",
            came.caught.len(),
            came.timeouts.len(),
            known.len(),
            came.unviable.len()
        ),
        complaint,
    })
}

/// `src/a.rs: replace …`, of a line that begins with `src/a.rs:12:5: replace …`: places change with each edit.
fn without_place(line: &str) -> String {
    let mut parts = line.splitn(4, ':');
    match (parts.next(), parts.nth(2)) {
        (Some(file), Some(change)) => format!("{file}:{change}"),
        _ => line.to_owned(),
    }
}

/// The changes that may survive, and why: `src/a.rs: replace … => reason`, where the last ` => ` divides.
fn listed(text: &str) -> Result<Vec<(String, String)>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, reason) = line.rsplit_once(" => ").with_context(|| format!("no reason: {line}"))?;
            ensure!(!reason.trim().is_empty(), "no reason: {line}");
            Ok((name.to_owned(), reason.to_owned()))
        })
        .collect()
}

/// The list, for the page.
pub(super) fn survivors(workspace: &Workspace) -> Result<String> {
    let listed = listed(&fs::read_to_string(workspace.root.join(SURVIVORS))?)?;
    let rows = listed.iter().map(|(name, reason)| format!("* `{name}`: {reason}\n"));
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{judge, listed, shards, without_place, Came, GROUPS, SURVIVORS};

    #[test]
    fn each_shard_has_a_name() {
        let mut names: Vec<String> = shards().iter().map(super::Shard::name).collect();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(count, GROUPS.iter().map(|group| group.shards as usize).sum::<usize>());
    }

    #[test]
    fn a_survivor_without_a_reason_is_an_error() {
        let folder = std::env::temp_dir().join(format!("poised-mutants-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in [
            ("caught.txt", "src/a.rs:1:2: replace a -> bool with true\n"),
            ("missed.txt", "src/a.rs:3:4: replace < with <= in b\nsrc/a.rs:9:9: delete ! in c\n"),
            ("timeout.txt", ""),
            ("unviable.txt", ""),
        ] {
            fs::write(folder.join(name), text).unwrap();
        }
        let list = listed("# why\nsrc/a.rs: replace < with <= in b => equal is impossible\n").unwrap();
        let mut came = Came::read(&folder).unwrap();
        let outcome = judge(&came, &list).unwrap();
        assert_eq!((outcome.counts.passed, outcome.counts.failed), (2, 1));
        assert!(outcome.complaint.unwrap().contains("src/a.rs:9:9: delete ! in c"));
        came.learn(Came { caught: vec!["src/a.rs:9:9: delete ! in c".to_owned()], ..Came::default() });
        assert!(judge(&came, &list).unwrap().complaint.is_none());
        fs::remove_dir_all(folder).unwrap();
        assert!(listed("src/a.rs: delete ! in c").is_err() && listed("src/a.rs: delete ! in c => ").is_err());
    }

    #[test]
    fn places_do_not_count() {
        assert_eq!(without_place("src/a.rs:1:22: replace A::b -> X with Y"), "src/a.rs: replace A::b -> X with Y");
    }

    #[test]
    fn the_list_can_be_read() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let list = listed(&fs::read_to_string(root.join(SURVIVORS)).unwrap()).unwrap();
        for (name, _) in list {
            let (file, _) = name.split_once(": ").unwrap();
            assert!(root.join(file).exists(), "{name}");
        }
    }
}
