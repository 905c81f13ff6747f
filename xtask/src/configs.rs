//! The configurations in which the crate is checked: both backends, both wakers, both ways to the kernel.
//!
//! One that changes rustc's flags has its own folder below the target folder: cargo would otherwise build everything
//! again at each change from one to the next.

use std::path::PathBuf;

use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// One way to build the crate.
#[derive(Debug)]
pub(crate) struct Config {
    /// Its name in the names of steps.
    pub(crate) name: &'static str,
    /// Flags for rustc.
    flags: &'static str,
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
    Config { name: "default", flags: "", features: &[], checks: Checks::ClippyAndTests },
    Config { name: "bare", flags: "", features: &["--no-default-features"], checks: Checks::ClippyOnly },
    Config {
        name: "libc",
        flags: "",
        features: &["--features", "poised/libc-syscalls"],
        checks: Checks::ClippyAndTests,
    },
    Config { name: "poll", flags: "--cfg poised_backend=\"poll\"", features: &[], checks: Checks::ClippyAndTests },
    // Over models of the kernels.
    Config { name: "kqueue", flags: "--cfg poised_backend=\"kqueue\"", features: &[], checks: Checks::ClippyAndTests },
    Config {
        name: "event-ports",
        flags: "--cfg poised_backend=\"event-ports\"",
        features: &[],
        checks: Checks::ClippyAndTests,
    },
    Config { name: "pipe", flags: "--cfg poised_waker=\"pipe\"", features: &[], checks: Checks::ClippyAndTests },
    Config {
        name: "poll-pipe",
        flags: "--cfg poised_backend=\"poll\" --cfg poised_waker=\"pipe\"",
        features: &[],
        checks: Checks::TestsOnly,
    },
];

impl Config {
    /// Whether this is the configuration that users get.
    pub(crate) fn is_default(&self) -> bool {
        self.flags.is_empty() && self.features.is_empty()
    }

    /// Whether `--quick` tests it: the two backends.
    pub(crate) fn is_quick(&self) -> bool {
        self.is_default() || self.name == "poll"
    }

    /// Adds the configuration to a cargo command.
    pub(crate) fn apply(&self, workspace: &Workspace, cmd: Cmd) -> Cmd {
        let cmd = cmd.args(self.features).rustflags(self.flags);
        if self.flags.is_empty() {
            return cmd;
        }
        // Built from scratch in CI and seldom by hand: what speeds up a second build only costs time here.
        let cmd = cmd.env("CARGO_INCREMENTAL", "0").env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
        cmd.env("CARGO_TARGET_DIR", self.target_dir(workspace))
    }

    fn target_dir(&self, workspace: &Workspace) -> PathBuf {
        workspace.target.join(format!("cfg-{}", self.name))
    }
}
