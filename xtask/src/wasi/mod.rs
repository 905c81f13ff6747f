//! WASI, compiled and run on Linux: Debian's Rust builds its own library for preview 2, and Wasmtime runs the tests.
//!
//! Debian 12 has the compiler, the source of the library and the linker. What it lacks is fetched from the registries and
//! kept, in a folder that outlives the checkout where `POISED_CACHE` is set: see `toolchain`.

mod toolchain;

use anyhow::Result;

use crate::nextest;
use crate::outcome::Outcome;
use crate::toolchain::sysroot::{self, Library};
use crate::toolchain::{self as debian, packages};
use crate::workspace::Workspace;

/// What is run. The rest of the tests is about other systems, and the examples use threads.
const TESTS: &[&str] = &["--lib", "--test", "promises", "--test", "types"];

/// Targets and what is checked for them: the previews, and WebAssembly without a system.
const CHECKS: [(&str, &[&str]); 3] =
    [("wasm32-wasip2", TESTS), ("wasm32-wasip1", &["--lib"]), ("wasm32-unknown-unknown", &["--lib"])];

/// Runs a step with Debian's packages and what else it takes, which are installed if they are missing. Where they cannot be
/// had the step is left out, and says why.
pub(crate) fn where_possible(workspace: &Workspace, step: fn(&Workspace) -> Result<Outcome>) -> Result<Outcome> {
    packages::with(workspace, packages::ensure(workspace, toolchain::PACKAGES)?, |workspace| {
        match toolchain::fetch(workspace) {
            Ok(()) => step(workspace),
            Err(error) => Ok(Outcome::note(&format!("left out: {error}"))),
        }
    })
}

/// clippy for each target.
pub(crate) fn check(workspace: &Workspace) -> Result<Outcome> {
    // All in one run, so that no processor waits.
    let sysroot = sysroot::ready(workspace, &CHECKS.map(|(target, _)| target), Library::Tests)?;
    for (target, what) in CHECKS {
        debian::clippy(workspace, &sysroot, &[target], &[&["--package", "poised"], what].concat())
            .run(workspace, &format!("wasi-check-{target}"))?;
    }
    Ok(Outcome::note(&format!("{} builds", CHECKS.len())))
}

/// The crate's tests for preview 2.
pub(crate) fn tests(workspace: &Workspace) -> Result<Outcome> {
    let cmd = toolchain::cargo(workspace, &["nextest", "run", "--package", "poised"])?.args(TESTS);
    let mut outcome = nextest::step(workspace, cmd, "wasi-tests")?;
    outcome.note += &format!(" on Wasmtime {}", toolchain::WASMTIME);
    Ok(outcome)
}
