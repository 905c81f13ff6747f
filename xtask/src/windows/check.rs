//! The step that compiles for every kind of Windows: both compilers' conventions, 32 and 64 bits, two architectures.
//!
//! clippy does what `cargo check` does, and says what it thinks of code that no other step of clippy sees. Of the crate
//! without its features only the library is checked: nothing else asks for them.

use anyhow::Result;

use super::TARGET;
use crate::outcome::Outcome;
use crate::toolchain::{self, sysroot};
use crate::workspace::Workspace;

/// Not the benches: they measure with a clock of Linux, and against mio there.
const EVERYTHING: &[&str] = &["--all-targets"];
const BARE: &[&str] = &["--lib", "--no-default-features"];

/// Targets and what is checked for them.
const CHECKS: &[(&str, &[&str])] = &[
    (TARGET, EVERYTHING),
    (TARGET, BARE),
    ("x86_64-pc-windows-msvc", EVERYTHING),
    ("i686-pc-windows-gnu", EVERYTHING),
    ("aarch64-pc-windows-gnullvm", EVERYTHING),
];

/// clippy for each target, warnings denied.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome> {
    for (target, what) in CHECKS {
        let sysroot = sysroot::ready(workspace, target)?;
        let cmd =
            toolchain::cargo_clippy(workspace).args(["--workspace", "--exclude", "xtask", "--exclude", "benches"]);
        let cmd = cmd.args(*what).args(["--target", target]).env("CARGO_TARGET_DIR", sysroot.join("target"));
        let cmd = cmd.rustflags(&format!("--sysroot {}", sysroot.display())).args(["--", "-D", "warnings"]);
        cmd.run(workspace, &format!("windows-check-{target}"))?;
    }
    Ok(Outcome::note(&format!("{} builds", CHECKS.len())))
}
