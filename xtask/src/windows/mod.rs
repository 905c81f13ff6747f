//! Windows, compiled and run on Linux: a cross-compiler from Debian, and Wine to run what it makes.
//!
//! Debian ships the source of the standard library beside its Rust, so that both can be built for a target for which no
//! registry has a ready-made one. Two ways are taken. Where code is to run, cargo builds the whole library with it
//! (`-Zbuild-std`), which wants a linker for the target. Where it is only to be checked, as for the targets for which
//! no linker is at hand, the library's metadata is enough: see `sysroot`. Everything lies in one folder, which outlives
//! the checkout where `POISED_CACHE` is set: the Wine prefix, the sysroots, and what cargo builds.

mod check;
mod count;
mod packages;
mod prefix;
mod session;
mod suite;
mod sysroot;
mod toolchain;

use std::path::PathBuf;

use anyhow::Result;

use crate::setup;
use crate::steps::Outcome;
use crate::workspace::Workspace;

pub(crate) use check::run as check;
pub(crate) use count::{run as count, step as counted};
pub(crate) use packages::can_be_had;
pub(crate) use session::Session;
pub(crate) use suite::{demo, tests};
pub(crate) use sysroot::rustdoc;

/// The steps for Windows that `cargo xtask test` runs: no code without a target that compiles it. Those that run something
/// join them when the backend stands; `--windows` runs them all.
pub(crate) const IN_TEST: &[&str] = &["windows-check"];

/// Installs what is missing, nextest included, and makes the prefix.
pub(crate) fn setup(workspace: &Workspace) -> Result<Outcome> {
    let tools = setup::run(workspace)?.note;
    let installed = packages::install_missing(workspace)?;
    let version = Session::start(workspace)?.version().to_owned();
    if installed.is_empty() {
        return Ok(Outcome::note(&format!("{tools}; {version}")));
    }
    Ok(Outcome::note(&format!("{tools}; installed {}; {version}", installed.join(", "))))
}

/// The folder for all that is kept from one run to the next.
fn cache(workspace: &Workspace) -> PathBuf {
    workspace.cache("windows")
}
