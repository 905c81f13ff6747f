//! AddressSanitizer, ThreadSanitizer and valgrind over the tests, with all system calls through libc, where they see them.
//!
//! Each first finds what the canary does on purpose: a tool that does not bite finds nothing, either.
//!
//! AddressSanitizer takes nightly, and no library of its own: what it knows of memory it knows from `malloc`. ThreadSanitizer
//! must see each lock, so that the standard library has to be built with it: Debian has its source. The part of it that
//! runs is in rustup's toolchains alone, and LLVM's of the same version, so that it is linked by hand, before all else.

use std::fs;
use std::path::PathBuf;

use anyhow::{ensure, Context, Result};

use super::tools;
use crate::cmd::Cmd;
use crate::nextest;
use crate::outcome::Outcome;
use crate::suite;
use crate::toolchain::{self, packages};
use crate::workspace::Workspace;

/// Debian's Rust with the source of its library, and what cargo trusts the registry by.
const RUST: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "ca-certificates"];

/// A way to build and run with a tool.
struct Tool {
    name: &'static str,
    cargo: Cmd,
    /// What the canary does, and what the tool says of it.
    canary: (&'static str, &'static str),
    left_out: &'static [LeftOut],
}

/// Tests that can't work with a tool.
struct LeftOut {
    /// In the language of nextest.
    test: &'static str,
    why: &'static str,
}

/// AddressSanitizer.
pub(super) fn address(workspace: &Workspace) -> Result<Outcome> {
    let cargo = match tools::nightly(workspace)? {
        Ok(cargo) => cargo,
        Err(why) => return Ok(Outcome::note(&format!("left out: {why}"))),
    };
    let cargo = cargo.rustflags("-Zsanitizer=address");
    suite(workspace, Tool { name: "asan", cargo, canary: ("use-after-free", "heap-use-after-free"), left_out: ADDRESS })
}

/// ThreadSanitizer.
pub(super) fn thread(workspace: &Workspace) -> Result<Outcome> {
    packages::with(workspace, packages::ensure(workspace, RUST)?, |workspace| {
        let Some(runtime) = runtime(workspace)? else {
            return Ok(Outcome::note("left out: no toolchain here has the part of ThreadSanitizer that runs"));
        };
        let flags = ["-Wl,--whole-archive", &runtime.display().to_string(), "-Wl,--no-whole-archive"];
        let flags: String = flags.iter().map(|flag| format!(" -Zpre-link-arg={flag}")).collect();
        let cargo = toolchain::cargo(workspace).rustflags(&format!("-Zsanitizer=thread -Zexternal-clangrt{flags}"));
        suite(workspace, Tool { name: "tsan", cargo, canary: ("race", "data race"), left_out: THREAD })
    })
}

/// What rustup's compiler links for ThreadSanitizer.
fn runtime(workspace: &Workspace) -> Result<Option<PathBuf>> {
    let sysroot = Cmd::new(workspace, "rustc").args(["--print", "sysroot"]).run(workspace, "torture-tsan")?.text;
    let folder = PathBuf::from(sysroot.trim()).join("lib/rustlib").join(tools::host(workspace)?).join("lib");
    let Ok(entries) = fs::read_dir(folder) else { return Ok(None) };
    let names = entries.flatten().map(|entry| entry.path());
    Ok(names.into_iter().find(|path| path.to_string_lossy().ends_with("_rt.tsan.a")))
}

/// The canary, and all tests.
fn suite(workspace: &Workspace, tool: Tool) -> Result<Outcome> {
    let host = tools::host(workspace)?;
    let log = format!("torture-{}", tool.name);
    let build = |command: &[&str]| {
        let cmd = tool.cargo.clone().args(command).args(["--target", &host]);
        let cmd = if tool.name == "tsan" { cmd.arg("-Zbuild-std=std,panic_unwind,test") } else { cmd };
        cmd.env("CARGO_TARGET_DIR", workspace.cache("torture").join(tool.name))
    };
    bites(workspace, build(&["run", "--package", "canary"]).args(["--", tool.canary.0]), tool.canary.1, &log)?;
    let left_out: String = tool.left_out.iter().map(|it| format!(" - test({})", it.test)).collect();
    let config = workspace.root.join("xtask/torture/nextest.toml");
    let cmd = build(&["nextest", "run", "--package", "poised", "--features", "libc-syscalls"]);
    let cmd = cmd.arg("--config-file").arg(config).args(["-E", &format!("all(){left_out}")]);
    let mut outcome = nextest::step(workspace, cmd, &log)?;
    outcome.note += &format!(", {} left out", tool.left_out.len());
    for LeftOut { test, why } in tool.left_out {
        outcome.note += &format!("; without {test}: {why}");
    }
    Ok(outcome)
}

/// Sees that the tool finds what the canary does.
fn bites(workspace: &Workspace, cmd: Cmd, word: &str, log: &str) -> Result<()> {
    let log = format!("{log}-canary");
    let output = cmd.run_unchecked(workspace, &log)?;
    let found = !output.status.success() && output.text.contains(word);
    ensure!(found, "the tool does not find what the canary does\n{}", cmd.complaint(workspace, &log, &output));
    Ok(())
}

/// valgrind over the contract of the selectors.
pub(super) fn valgrind(workspace: &Workspace) -> Result<Outcome> {
    packages::with(workspace, packages::ensure(workspace, &["valgrind", "libc6-dbg"])?, |workspace| {
        let log = "torture-valgrind";
        let host = tools::host(workspace)?;
        let valgrind = [
            "valgrind",
            "--error-exitcode=99",
            "--leak-check=full",
            "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite",
            "--fair-sched=yes",
        ];
        let valgrind = valgrind.map(std::ffi::OsStr::new);
        let cargo = |command: &[&str]| Cmd::cargo(workspace).args(command).runner(&host, &valgrind);
        let canary = cargo(&["run", "--package", "canary"]).args(["--", "use-after-free"]);
        bites(workspace, canary, "Invalid read", log)?;
        let cmd = cargo(&["test", "--package", "poised", "--lib", "--features", "libc-syscalls"]);
        // The threads of the one for Windows are stacks of its own making, which valgrind takes for one.
        let output = cmd.args(["--", "sys::contract", "--skip", "windows"]).run(workspace, log)?;
        let passed: u64 = output.text.lines().filter_map(suite::passed_in).sum();
        ensure!(passed >= CONTRACT, "{passed} tests ran, at least {CONTRACT} are known");
        let summary = output.text.lines().rev().find_map(|line| line.split_once("ERROR SUMMARY: "));
        let (_, errors) = summary.context("valgrind gave no summary")?;
        Ok(Outcome::note(&format!("{passed} tests, {}", errors.split(" (").next().unwrap_or(errors))))
    })
}

/// How many tests of the contract there are at least: each for several selectors.
const CONTRACT: u64 = 40;

const GROWS: &str = "what is freed is kept for a while, so that memory grows";

/// The threads in which these tests wake have a filter that refuses them everything else.
const MAPS: LeftOut = LeftOut {
    test: "/^wakes::(p15_who_|p15_a_busy_|leaves_nothing_open)/",
    why: "the sanitizer maps memory of its own in a thread that may ask nothing of the kernel",
};

const ADDRESS: &[LeftOut] = &[
    LeftOut { test: "=p19::leaves_nothing_open", why: GROWS },
    LeftOut { test: "=p19::p19_failed_registrations", why: GROWS },
    LeftOut { test: "=p19::p19_registering_and_dropping_returns_all", why: GROWS },
    MAPS,
];

const THREAD: &[LeftOut] = &[
    LeftOut { test: "/^sys::(contract::)?windows::/", why: "its threads are those of a simulation, one at a time" },
    MAPS,
];
