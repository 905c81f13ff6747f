//! Windows, compiled and run on Linux: a cross-compiler from Debian, and Wine to run what it makes.
//!
//! The standard library is built from Debian's source: see `toolchain`. Everything else lies in one folder, which outlives
//! the checkout where `POISED_CACHE` is set: the Wine prefix, and what cargo builds.

mod check;
mod count;
mod prefix;
mod session;
mod start;
mod suite;

use std::path::PathBuf;

use anyhow::Result;

use crate::cmd::Cmd;
use crate::outcome::Outcome;
use crate::setup;
use crate::toolchain::sysroot::{self, Library};
use crate::toolchain::{self, packages};
use crate::workspace::Workspace;

pub(crate) use check::run as check;
pub(crate) use count::{run as count, step as counted};
pub(crate) use session::Session;
pub(crate) use start::run as start;
pub(crate) use suite::{demo, doctests, tests};

/// The target whose programs run under Wine here.
const TARGET: &str = "x86_64-pc-windows-gnu";
const C_COMPILER: &str = "x86_64-w64-mingw32-gcc";
/// The linker for Windows, and Wine, beside Rust.
const PACKAGES: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-clippy",
    "ca-certificates",
    "gcc-mingw-w64-x86-64",
    "wine",
    "wine64",
];

/// Runs a step with Debian's packages, which are installed if they are missing. Where they cannot be had the step is left
/// out, and says why.
pub(crate) fn where_possible(
    workspace: &Workspace,
    step: impl FnOnce(&Workspace) -> Result<Outcome>,
) -> Result<Outcome> {
    packages::with(workspace, packages::ensure(workspace, PACKAGES)?, step)
}

/// Makes what the other steps run in, and nextest if it is missing.
pub(crate) fn setup(workspace: &Workspace) -> Result<Outcome> {
    let tools = setup::run(workspace)?.note;
    let session = Session::start(workspace)?;
    Ok(Outcome::note(&format!("{tools}; {}", session.version())))
}

/// The folder for all that is kept from one run to the next.
fn cache(workspace: &Workspace) -> PathBuf {
    workspace.cache("windows")
}

/// Where all programs for Wine are built: one folder, because the library is built into each.
fn target_dir(workspace: &Workspace) -> PathBuf {
    cache(workspace).join("target")
}

/// `cargo rustdoc` for the target whose programs run here, and the folder that the documentation comes to lie in. What
/// it builds lies in a folder of this name.
pub(crate) fn rustdoc(workspace: &Workspace, name: &str) -> Result<(Cmd, PathBuf)> {
    packages::required(workspace)?;
    let sysroot = sysroot::ready(workspace, &[TARGET], Library::Tests)?;
    let target_dir = sysroot::target_dir(&sysroot).join(name);
    let flags = format!("--sysroot {}", sysroot.display());
    let cmd = toolchain::cargo(workspace).args(["rustdoc", "--target", TARGET]).env("CARGO_TARGET_DIR", &target_dir);
    Ok((cmd.env("RUSTDOCFLAGS", &flags).rustflags(&flags), target_dir.join(TARGET).join("doc")))
}
