//! Windows, compiled and run on Linux: a cross-compiler from Debian, and Wine to run what it makes.
//!
//! Debian ships the source of the standard library beside its Rust, so that both can be built for a target for which no
//! registry has a ready-made one. Two ways are taken. Where code is to run, cargo builds the whole library with it
//! (`-Zbuild-std`), which wants a linker for the target. Where it is only to be checked, as for the targets for which
//! no linker is at hand, the library's metadata is enough: see `sysroot`. Everything lies in one folder, which outlives
//! the checkout where `POISED_CACHE` is set: the Wine prefix, the sysroots, and what cargo builds.

mod check;
mod count;
pub(crate) mod packages;
mod prefix;
mod session;
mod start;
mod suite;
pub(crate) mod sysroot;
pub(crate) mod toolchain;

use std::path::PathBuf;

use anyhow::Result;

use crate::outcome::Outcome;
use crate::setup;
use crate::workspace::Workspace;

pub(crate) use check::run as check;
pub(crate) use count::{run as count, step as counted};
pub(crate) use session::Session;
pub(crate) use start::run as start;
pub(crate) use suite::{demo, doctests, tests};
pub(crate) use sysroot::rustdoc;

/// Runs a step with Debian's packages, which are installed if they are missing. Where they cannot be had the step is left
/// out, and says why.
pub(crate) fn where_possible(
    workspace: &Workspace,
    step: impl FnOnce(&Workspace) -> Result<Outcome>,
) -> Result<Outcome> {
    packages::with(workspace, packages::ready(workspace)?, step)
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
