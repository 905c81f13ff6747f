//! The configurations in which the crate is checked: both backends, both wakers, both ways to the kernel.
//!
//! What `--cfg` tells is for the crates of this workspace alone. In `RUSTFLAGS` it would be told to each crate below them as
//! well, and cargo would build those once more for each configuration: minutes. So it comes by cargo's wrapper for the
//! workspace, and what all configurations have built lies side by side in one folder.

use std::path::Path;

use anyhow::{Context, Result};

use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// One way to build the crate.
#[derive(Debug)]
pub(crate) struct Config {
    /// Its name in the names of steps.
    pub(crate) name: &'static str,
    /// What the crate is told by `--cfg`.
    cfgs: &'static [&'static str],
    /// Flags for cargo.
    features: &'static [&'static str],
    pub(crate) checks: Checks,
}

/// What is run in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    ClippyAndTests,
    ClippyOnly,
    TestsOnly,
}

/// All of them, the default first.
pub(crate) const CONFIGS: &[Config] = &[
    Config { name: "default", cfgs: &[], features: &[], checks: Checks::ClippyAndTests },
    Config { name: "bare", cfgs: &[], features: &["--no-default-features"], checks: Checks::ClippyOnly },
    Config {
        name: "libc",
        cfgs: &[],
        features: &["--features", "poised/libc-syscalls"],
        checks: Checks::ClippyAndTests,
    },
    Config { name: "poll", cfgs: &["poised_backend=\"poll\""], features: &[], checks: Checks::ClippyAndTests },
    // Over models of the kernels.
    Config { name: "kqueue", cfgs: &["poised_backend=\"kqueue\""], features: &[], checks: Checks::ClippyAndTests },
    Config {
        name: "event-ports",
        cfgs: &["poised_backend=\"event-ports\""],
        features: &[],
        checks: Checks::ClippyAndTests,
    },
    Config { name: "pipe", cfgs: &["poised_waker=\"pipe\""], features: &[], checks: Checks::ClippyAndTests },
    Config {
        name: "poll-pipe",
        cfgs: &["poised_backend=\"poll\"", "poised_waker=\"pipe\""],
        features: &[],
        checks: Checks::TestsOnly,
    },
];

/// Not one for users: what threads share is loom's.
pub(crate) const LOOM: Config = Config { name: "loom", cfgs: &["loom"], features: &[], checks: Checks::TestsOnly };

impl Config {
    /// The one of that name.
    pub(crate) fn named(name: &str) -> Result<&'static Config> {
        let mut all = CONFIGS.iter().chain([&LOOM]);
        all.find(|config| config.name == name).with_context(|| format!("no configuration {name}"))
    }

    /// Whether this is the configuration that users get.
    pub(crate) fn is_default(&self) -> bool {
        self.cfgs.is_empty() && self.features.is_empty()
    }

    /// Whether `--quick` tests it: the two backends.
    pub(crate) fn is_quick(&self) -> bool {
        self.is_default() || self.name == "poll"
    }

    /// A cargo command that builds in this configuration.
    pub(crate) fn build(&self, workspace: &Workspace, cmd: Cmd) -> Result<Cmd> {
        if self.cfgs.is_empty() {
            return Ok(cmd.args(self.features));
        }
        self.build_with(workspace, cmd, "", "")
    }

    /// The same with other flags for the crates of this workspace, and a name for that.
    pub(crate) fn build_with(&self, workspace: &Workspace, cmd: Cmd, name: &str, flags: &str) -> Result<Cmd> {
        self.wrapped(workspace, cmd, name, "", flags)
    }

    /// A `cargo check` command, with clippy in the compiler's place. `cargo clippy` would check all anew in each
    /// configuration, since cargo knows one set of clippy's arguments alone.
    pub(crate) fn clippy(&self, workspace: &Workspace, cmd: Cmd) -> Result<Cmd> {
        self.wrapped(workspace, cmd, "clippy", "clippy-driver ", "-D warnings")
    }

    /// Has cargo run a script in the compiler's place, which adds the flags. Its path is part of what cargo knows of what it
    /// built, so each configuration needs its own.
    fn wrapped(&self, workspace: &Workspace, cmd: Cmd, name: &str, driver: &str, flags: &str) -> Result<Cmd> {
        let cfgs: String = self.cfgs.iter().map(|cfg| format!(" --cfg '{cfg}'")).collect();
        let script = format!("exec {driver}\"$@\"{cfgs} {flags}");
        let wrapper = workspace.script(&Path::new(name).join(self.name), &script)?;
        Ok(cmd.args(self.features).env("RUSTC_WORKSPACE_WRAPPER", wrapper))
    }
}
