//! Debian's cargo and rustc, whatever other ones the user has, for targets for which no registry has a standard library.
//!
//! Debian ships the source of the library beside its Rust, so that both can be built for any target. Two ways are taken.
//! Where code is to run, cargo builds the whole library with it (`-Zbuild-std`), which wants a linker for the target.
//! Where it is only to be checked the library's metadata is enough: see `sysroot`.

pub(crate) mod messages;
pub(crate) mod packages;
pub(crate) mod sysroot;

use std::path::Path;

use crate::cmd::Cmd;
use crate::workspace::Workspace;

const RUSTC: &str = "/usr/bin/rustc";
const RUSTDOC: &str = "/usr/bin/rustdoc";
const CARGO: &str = "/usr/bin/cargo";
const CARGO_CLIPPY: &str = "/usr/bin/cargo-clippy";

/// `cargo`.
pub(crate) fn cargo(workspace: &Workspace) -> Cmd {
    with_debians_rust(Cmd::new(workspace, CARGO))
}

/// clippy of `what` for each of these targets, warnings denied, against the libraries in a sysroot. It does what
/// `cargo check` does, and says what it thinks of code that no other step of clippy sees.
///
/// Called by its own name: through cargo it would be the one of rustup, which does not fit to Debian's rustc.
pub(crate) fn clippy(workspace: &Workspace, sysroot: &Path, targets: &[&str], what: &[&str]) -> Cmd {
    let cmd = with_debians_rust(Cmd::new(workspace, CARGO_CLIPPY).arg("clippy")).targets(targets).args(what);
    let cmd = cmd.env("CARGO_TARGET_DIR", sysroot::target_dir(sysroot));
    cmd.rustflags(&format!("--sysroot {}", sysroot.display())).args(["--", "-D", "warnings"])
}

fn with_debians_rust(cmd: Cmd) -> Cmd {
    let cmd = cmd.env("CARGO", CARGO).env("RUSTC", RUSTC).env("RUSTDOC", RUSTDOC);
    // Lets a stable compiler build its own library.
    let cmd = cmd.env("RUSTC_BOOTSTRAP", "1");
    // Nobody debugs these builds, and they are made once: as small as they can be.
    cmd.env("CARGO_INCREMENTAL", "0").env("CARGO_PROFILE_DEV_DEBUG", "0")
}
