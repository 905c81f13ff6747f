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

/// Keeps the C library's heap out of the space behind the program. Wine's is loaded at 0x7d000000, Linux begins that
/// space at a random place in the gibibyte behind it, and Wine wants one page there, at 0x7ffe0000. Where the heap had it,
/// once in some 7000 starts, Wine ended with status 1 and no word, and a parent under Wine got `ERROR_INTERNAL_ERROR`. A heap
/// of huge pages is mapped elsewhere, of small ones where the machine has none to give.
const HEAP: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=2");

/// The variables that Wine wants, for commands of either kind.
pub(super) fn variables(folder: &Path) -> [(&'static str, String); 4] {
    [
        (HEAP.0, HEAP.1.to_owned()),
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

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::HEAP;
    use std::process::Command;

    /// Where a program that uses the heap has memory.
    fn memory_of(command: &mut Command) -> String {
        let output = command.args(["-c", "cat /proc/$$/maps"]).output().expect("a shell");
        String::from_utf8(output.stdout).expect("a map of the memory")
    }

    #[test]
    fn no_heap_is_behind_the_program() {
        const BEHIND: &str = "[heap]";
        assert!(memory_of(&mut Command::new("sh")).contains(BEHIND));
        let memory = memory_of(Command::new("sh").env(HEAP.0, HEAP.1));
        assert!(memory.contains("[stack]") && !memory.contains(BEHIND), "{memory}");
    }
}
