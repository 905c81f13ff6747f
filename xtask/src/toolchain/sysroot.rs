//! The standard library for a target, as far as checking code against it needs: half a minute, once, and no linker.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};

use super::{cargo, RUSTC};
use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// The library with the crate for tests.
const LIBRARY: &str = "/usr/lib/rustlib/src/rust/library/sysroot/Cargo.toml";
/// As in the build of Rust itself, but that code which never runs is not made fast.
const FLAGS: &str = "-Zforce-unstable-if-unmarked -Cembed-bitcode=no -Zmir-opt-level=0";

/// Makes the sysroot for a target, unless it is there. What is built against one belongs into its folder: it is of no use
/// with the next.
pub(crate) fn ready(workspace: &Workspace, target: &str) -> Result<PathBuf> {
    let sysroot = workspace.cache("sysroots").join(target);
    let rustc = Cmd::new(workspace, RUSTC).args(["--verbose", "--version"]);
    let rustc = rustc.run(workspace, "sysroot-rustc")?.text;
    let stamp = sysroot.join("made-from");
    let made_from = format!("{rustc}{FLAGS}");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == made_from) {
        return Ok(sysroot);
    }
    if sysroot.exists() {
        fs::remove_dir_all(&sysroot)?;
    }
    make(workspace, target, &sysroot).with_context(|| format!("no sysroot for {target}"))?;
    fs::write(stamp, made_from)?;
    Ok(sysroot)
}

fn make(workspace: &Workspace, target: &str, sysroot: &Path) -> Result<()> {
    let build = sysroot.join("build");
    let cmd = cargo(workspace).args(["check", "--locked", "--features", "panic-unwind", "--target", target]);
    let cmd = cmd.arg("--manifest-path").arg(LIBRARY).env("CARGO_TARGET_DIR", &build);
    // Not with the user's flags, which are for his own code.
    cmd.env("RUSTFLAGS", FLAGS).run(workspace, &format!("sysroot-{target}"))?;
    let lib = sysroot.join("lib/rustlib").join(target).join("lib");
    fs::create_dir_all(&lib)?;
    let mut crates = 0;
    for entry in fs::read_dir(build.join(target).join("debug/deps"))? {
        let file = entry?.path();
        if let (Some("rmeta"), Some(name)) = (file.extension().and_then(|end| end.to_str()), file.file_name()) {
            fs::rename(&file, lib.join(name))?;
            crates += 1;
        }
    }
    ensure!(crates > 0, "cargo left no metadata in {}", build.display());
    fs::remove_dir_all(build)?;
    Ok(())
}
