//! A Wine prefix of our own: what a Windows machine has on its disk, and nothing of the user's.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{cache, C_COMPILER};
use crate::cmd::Cmd;
use crate::workspace::Workspace;

const LOG: &str = "windows-prefix";
/// A DLL that the standard library needs and that Wine lacks before version 10.
const SHIM: &str = "xtask/windows/bcryptprimitives.c";

/// A prefix that is ready for use.
#[derive(Debug)]
pub(super) struct Prefix {
    pub(super) folder: PathBuf,
    /// What Wine says of itself.
    pub(super) version: String,
}

/// The variables that Wine wants, for commands of either kind.
pub(super) fn variables(folder: &Path) -> [(&'static str, String); 3] {
    [
        ("WINEPREFIX", folder.display().to_string()),
        // What Wine says of itself would stand between the lines of the tests.
        ("WINEDEBUG", "-all".to_owned()),
        // It would ask whether to install these, in a window.
        ("WINEDLLOVERRIDES", "mscoree,mshtml=".to_owned()),
    ]
}

/// Makes the prefix, unless it is there.
pub(super) fn ready(workspace: &Workspace) -> Result<Prefix> {
    let folder = cache(workspace).join("prefix");
    let version = Cmd::new(workspace, "wine").arg("--version").env("WINEDEBUG", "-all").run(workspace, LOG)?;
    let prefix = Prefix { version: version.text.trim().to_owned(), folder };
    let source = fs::read_to_string(workspace.root.join(SHIM))?;
    let made_from = format!("{}\n{source}", prefix.version);
    let stamp = prefix.folder.join("made-from");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == made_from) {
        return Ok(prefix);
    }
    make(workspace, &prefix.folder).with_context(|| format!("cannot make {}", prefix.folder.display()))?;
    fs::write(stamp, made_from)?;
    Ok(prefix)
}

fn make(workspace: &Workspace, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let mut boot = Cmd::new(workspace, "wine").args(["wineboot", "--init"]);
    for (name, value) in variables(folder) {
        boot = boot.env(name, value);
    }
    boot.run(workspace, LOG)?;
    let shim = folder.join("drive_c/windows/system32/bcryptprimitives.dll");
    if shim.exists() {
        return Ok(());
    }
    let compile = Cmd::new(workspace, C_COMPILER).args(["-shared", "-s", "-O2", "-Wall", "-o"]);
    compile.arg(shim).args([SHIM, "-ladvapi32"]).run(workspace, LOG).map(drop)
}
