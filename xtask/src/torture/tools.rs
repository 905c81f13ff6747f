//! What the steps need beside Rust: tools of cargo's, and a nightly compiler. What is missing is installed, and named.

use std::{env, iter};

use anyhow::{Context, Result};

use crate::cmd::Cmd;
use crate::workspace::Workspace;

const LOG: &str = "torture-tools";

/// A command of cargo's that a tool from the registry gives it. The tool lies in a folder of the cache.
pub(super) fn with(workspace: &Workspace, cargo: Cmd, tool: &str) -> Result<Cmd> {
    let root = workspace.cache("tools");
    if !root.join("bin").join(tool).exists() {
        eprintln!("installing {tool}");
        // Built to start other programs, not to be fast.
        let cmd = Cmd::cargo(workspace).args(["install", "--locked", tool, "--root"]).arg(&root);
        let cmd = cmd.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0").env("CARGO_PROFILE_RELEASE_LTO", "off");
        let cmd = cmd.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256");
        let cmd = cmd.env("CARGO_TARGET_DIR", workspace.target.join("install"));
        cmd.run(workspace, LOG).with_context(|| format!("cannot install {tool}"))?;
    }
    let before = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(root.join("bin")).chain(env::split_paths(&before));
    Ok(cargo.env("PATH", env::join_paths(folders)?))
}

/// Nightly's cargo, or why there is none.
pub(super) fn nightly(workspace: &Workspace) -> Result<std::result::Result<Cmd, String>> {
    let rustup = |arguments: &[&str]| {
        let output = Cmd::new(workspace, "rustup").args(arguments).run_unchecked(workspace, LOG);
        output.ok().filter(|output| output.status.success())
    };
    let which = || rustup(&["which", "--toolchain", "nightly", "cargo"]).map(|output| output.text.trim().to_owned());
    let cargo = which().or_else(|| {
        eprintln!("installing nightly with rustup");
        rustup(&["toolchain", "install", "nightly", "--profile", "minimal"]).and_then(|_| which())
    });
    let Some(cargo) = cargo else {
        return Ok(Err("there is no nightly compiler, and rustup could not install one".to_owned()));
    };
    // What it starts is to be nightly's as well, and not of the toolchain of this program.
    Ok(Ok(Cmd::new(workspace, &cargo).env("CARGO", &cargo).env("RUSTUP_TOOLCHAIN", "nightly")))
}

/// The target that this machine is.
pub(super) fn host(workspace: &Workspace) -> Result<String> {
    let version = Cmd::new(workspace, "rustc").args(["--version", "--verbose"]).run(workspace, LOG)?.text;
    version.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).context("rustc names no host")
}
