//! Wine, started once for a run of many programs.
//!
//! The first program in a prefix starts a dozen of Wine's own, and they end with the last; a test alone would take a
//! second instead of a tenth of one, and the pipe that it writes to would stay open in Wine's programs. So an idle shell
//! runs from the first test to the last. It waits at the end of a pipe that this program holds, so that it ends
//! with this program, however that ends.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::prefix::{self, Prefix};
use super::{cache, target_dir, PACKAGES, TARGET};
use crate::cmd::Cmd;
use crate::toolchain::{self, packages};
use crate::workspace::Workspace;

/// A running Wine, for as long as this lives. No two are in the same prefix: the end of one would end the other.
#[derive(Debug)]
pub(crate) struct Session {
    prefix: Prefix,
    shell: Child,
    _lock: File,
}

impl Session {
    /// Starts Wine, which is installed if it is missing.
    pub(crate) fn start(workspace: &Workspace) -> Result<Self> {
        packages::required_of(workspace, PACKAGES)?;
        let lock = lock(workspace)?;
        let prefix = prefix::ready(workspace)?;
        let shell = Command::new("wine")
            .arg("cmd")
            .envs(prefix::variables(&prefix.folder))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start Wine")?;
        let mut session = Self { prefix, shell, _lock: lock };
        session.await_shell().context("Wine does not start")?;
        Ok(session)
    }

    /// Waits until the shell greets: a Wine that is told to end while it starts may hang.
    fn await_shell(&mut self) -> io::Result<()> {
        let output = self.shell.stdout.as_mut();
        output.map_or(Ok(()), |output| output.read_exact(&mut [0]))
    }

    /// A cargo command whose programs run in this session. nextest is a command of cargo, too.
    pub(crate) fn cargo(&self, workspace: &Workspace, command: &[&str]) -> Cmd {
        let cmd = toolchain::cargo(workspace).args(command).args(["--target", TARGET]);
        let cmd = cmd
            .arg("-Zbuild-std=std,panic_unwind,test")
            .runner(TARGET, &[workspace.xtask.as_os_str(), "wine".as_ref()]);
        self.with_variables(cmd.env("CARGO_TARGET_DIR", target_dir(workspace)))
    }

    /// Where such a command puts what it builds.
    pub(super) fn built(&self, workspace: &Workspace, file: &str) -> PathBuf {
        target_dir(workspace).join(TARGET).join("debug").join(file)
    }

    /// A command that runs a program in this session, to which its path and its arguments are to be added; after so many
    /// seconds it is ended.
    pub(super) fn wine(&self, workspace: &Workspace, seconds: u32) -> Cmd {
        let cmd = Cmd::new(workspace, "timeout").arg("--kill-after=5").arg(seconds.to_string());
        self.with_variables(cmd.arg(&workspace.xtask).arg("wine"))
    }

    fn with_variables(&self, cmd: Cmd) -> Cmd {
        prefix::variables(&self.prefix.folder).into_iter().fold(cmd, |cmd, (name, value)| cmd.env(name, value))
    }

    /// Which Wine this is.
    pub(crate) fn version(&self) -> &str {
        &self.prefix.version
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What tests have left behind goes as well. There is nobody to tell if it fails.
        let mut kill = Command::new("wineserver");
        drop(kill.arg("--kill").envs(prefix::variables(&self.prefix.folder)).status());
        drop(self.shell.kill());
        drop(self.shell.wait());
    }
}

/// Waits until no other run is in the prefix.
fn lock(workspace: &Workspace) -> Result<File> {
    let folder = cache(workspace);
    std::fs::create_dir_all(&folder)?;
    let file = File::create(folder.join("lock"))?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        eprintln!("waiting for another run to end, which uses {}", folder.display());
    }
    file.lock()?;
    Ok(file)
}
