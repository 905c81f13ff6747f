//! The step that has clippy look at the code for Windows, of 64 and of 32 bits. `cargo xtask targets` compiles it for the other
//! kinds of Windows.

use anyhow::Result;

use super::TARGET;
use crate::outcome::Outcome;
use crate::toolchain::{self, sysroot, sysroot::Library};
use crate::workspace::Workspace;

const TARGETS: &[&str] = &[TARGET, "i686-pc-windows-gnu"];

/// Targets and what is checked for them. Not the benches: they measure with a clock of Linux, and against mio there. Of
/// the crate without its features only the library is checked: nothing else asks for them.
const CHECKS: &[(&[&str], &[&str])] = &[
    (TARGETS, &["--workspace", "--exclude", "xtask", "--exclude", "benches", "--all-targets"]),
    (&[TARGET], &["--workspace", "--exclude", "xtask", "--exclude", "benches", "--lib", "--no-default-features"]),
];

/// clippy for each target.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome> {
    let sysroot = sysroot::ready(workspace, TARGETS, Library::Tests)?;
    let mut builds = 0;
    for (targets, what) in CHECKS {
        toolchain::clippy(workspace, &sysroot, targets, what).run(workspace, "windows-check")?;
        builds += targets.len();
    }
    Ok(Outcome::note(&format!("{builds} builds")))
}
