//! The systems for which the API is compared, and how a crate is documented as JSON for each: for Linux by the toolchain
//! that runs this program, for Windows by Debian's, which has a standard library for it.

use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};
use rustdoc_types::{Crate, FORMAT_VERSION};

use crate::cmd::Cmd;
use crate::windows;
use crate::workspace::Workspace;

/// A toolchain whose JSON this program reads, for the message to those who have another.
const TOOLCHAIN: &str = "1.95.0";

/// A system that mio and poised have an API for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Linux,
    Windows,
}

impl System {
    /// Its name on the page.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Linux => "Linux",
            Self::Windows => "Windows",
        }
    }

    /// Its name in the names of files, and in the markers of the page.
    pub(super) fn slug(self) -> &'static str {
        match self {
            Self::Linux => "api",
            Self::Windows => "api-windows",
        }
    }

    /// Documents a package of the workspace in `dir` as JSON, with these flags for cargo, and reads it. What is `built`
    /// under one name is built of one workspace.
    pub(super) fn rustdoc(
        self,
        workspace: &Workspace,
        dir: &Path,
        package: &str,
        flags: &[&str],
        built: &str,
    ) -> Result<Crate> {
        let (cmd, docs) = match self {
            Self::Linux => {
                let target = workspace.target.join("api").join(built);
                let cmd = Cmd::cargo(workspace).arg("rustdoc").env("CARGO_TARGET_DIR", &target);
                // The JSON is not stable yet; a stable compiler writes it all the same when asked in this way.
                (cmd.env("RUSTC_BOOTSTRAP", "1"), target.join("doc"))
            }
            Self::Windows => windows::rustdoc(workspace, &format!("api-{built}"))?,
        };
        let cmd = cmd.dir(dir).args(["--lib", "--package", package]).args(flags);
        let cmd = cmd.args(["--", "-Z", "unstable-options", "--output-format", "json"]);
        cmd.run(workspace, &format!("{}-{package}", self.slug()))?;
        self.read(&docs.join(package).with_extension("json"))
    }

    fn read(self, path: &Path) -> Result<Crate> {
        let text = fs::read_to_string(path).with_context(|| format!("rustdoc left no {}", path.display()))?;
        let json: serde_json::Value = serde_json::from_str(&text)?;
        let version = json.get("format_version").and_then(serde_json::Value::as_u64);
        ensure!(
            version == Some(u64::from(FORMAT_VERSION)),
            "rustdoc writes JSON of version {version:?} and this program reads {FORMAT_VERSION}: {}",
            self.advice()
        );
        Ok(serde_json::from_str(&text)?)
    }

    fn advice(self) -> String {
        match self {
            Self::Linux => format!("use Rust {TOOLCHAIN}, as in `cargo +{TOOLCHAIN} xtask api`"),
            Self::Windows => "Debian's Rust is newer, so another version of rustdoc-types is to be used".to_owned(),
        }
    }
}
