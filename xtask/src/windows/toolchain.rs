//! Debian's cargo and rustc, whatever other ones the user has.

use std::path::PathBuf;

use super::cache;
use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// The target whose programs run under Wine here.
pub(super) const TARGET: &str = "x86_64-pc-windows-gnu";
pub(super) const C_COMPILER: &str = "x86_64-w64-mingw32-gcc";
pub(super) const RUSTC: &str = "/usr/bin/rustc";
const RUSTDOC: &str = "/usr/bin/rustdoc";
const CARGO: &str = "/usr/bin/cargo";
const CARGO_CLIPPY: &str = "/usr/bin/cargo-clippy";

/// `cargo`.
pub(crate) fn cargo(workspace: &Workspace) -> Cmd {
    with_debians_rust(Cmd::new(workspace, CARGO))
}

/// `cargo clippy`; through cargo it would be the one of rustup, which does not fit to Debian's rustc.
pub(crate) fn cargo_clippy(workspace: &Workspace) -> Cmd {
    with_debians_rust(Cmd::new(workspace, CARGO_CLIPPY).arg("clippy"))
}

fn with_debians_rust(cmd: Cmd) -> Cmd {
    let cmd = cmd.env("CARGO", CARGO).env("RUSTC", RUSTC).env("RUSTDOC", RUSTDOC);
    // Lets a stable compiler build its own library.
    let cmd = cmd.env("RUSTC_BOOTSTRAP", "1");
    // Nobody debugs these builds, and they are made once: as small as they can be.
    cmd.env("CARGO_INCREMENTAL", "0").env("CARGO_PROFILE_DEV_DEBUG", "0")
}

/// Where all programs for Wine are built: one folder, because the library is built into each.
pub(super) fn target_dir(workspace: &Workspace) -> PathBuf {
    cache(workspace).join("target")
}
