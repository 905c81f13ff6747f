//! Installs what the other steps need and the machine lacks, and says so.

use anyhow::{Context, Result};

use crate::cmd::Cmd;
use crate::outcome::Outcome;
use crate::workspace::Workspace;

/// cargo's subcommands that the steps use, and how each is installed.
const TOOLS: &[Tool] = &[
    Tool { subcommand: "fmt", name: "rustfmt", install: Install::Component },
    Tool { subcommand: "clippy", name: "clippy", install: Install::Component },
    Tool { subcommand: "nextest", name: "cargo-nextest", install: Install::Crate },
];

struct Tool {
    subcommand: &'static str,
    name: &'static str,
    install: Install,
}

enum Install {
    Component,
    Crate,
}

/// Installs each tool that does not answer.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome> {
    let mut installed = Vec::new();
    for tool in TOOLS {
        let probe = Cmd::cargo(workspace).args([tool.subcommand, "--version"]);
        if probe.run_unchecked(workspace, "setup")?.status.success() {
            continue;
        }
        eprintln!("setup: {} is missing, installing it", tool.name);
        install(workspace, tool).with_context(|| format!("cannot install {}", tool.name))?;
        installed.push(tool.name);
    }
    if installed.is_empty() {
        return Ok(Outcome::note("nothing missing"));
    }
    Ok(Outcome::note(&format!("installed {}", installed.join(", "))))
}

fn install(workspace: &Workspace, tool: &Tool) -> Result<()> {
    let cmd = match tool.install {
        Install::Component => Cmd::new(workspace, "rustup").args(["component", "add", tool.name]),
        // Built to start tests, not to be fast: optimising it takes longer than all the tests. Without the part that
        // updates it, and with that the TLS library in C, it is built in half the time.
        Install::Crate => Cmd::cargo(workspace)
            .args(["install", tool.name, "--locked", "--no-default-features", "--features", "default-no-update"])
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256")
            .env("CARGO_TARGET_DIR", workspace.target.join("install")),
    };
    cmd.run(workspace, "setup").map(drop)
}
