//! Where things are: the checkout and the folder for what is built.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

/// The checkout that this program belongs to.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever the user has put it.
    pub(crate) target: PathBuf,
    /// This program, which cargo is told to run for some of its own.
    pub(crate) xtask: PathBuf,
    /// Whether commands show their output while they run.
    pub(crate) verbose: bool,
}

impl Workspace {
    /// Finds the checkout from the manifest that cargo names when it runs this program.
    pub(crate) fn find(verbose: bool) -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest).parent().context("xtask lies in a folder of the workspace")?.to_owned();
        let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
        let xtask = std::env::current_exe().context("cannot tell where this program is")?;
        Ok(Self { root, target: metadata.target_directory.into_std_path_buf(), xtask, verbose })
    }

    /// The folder for logs, one file a step.
    pub(crate) fn logs(&self) -> PathBuf {
        self.target.join("xtask-logs")
    }

    /// A script that cargo runs in another program's place, by its name. It is written when it is not the same already.
    pub(crate) fn script(&self, name: &Path, command: &str) -> Result<PathBuf> {
        let path = self.target.join("xtask-wrappers").join(name);
        let text = format!("#!/bin/sh\n{command}\n");
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return Ok(path);
        }
        fs::create_dir_all(path.parent().context("a script has a folder")?)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// A folder for what takes long to make. `POISED_CACHE` puts it where it outlives the target folder.
    pub(crate) fn cache(&self, name: &str) -> PathBuf {
        std::env::var_os("POISED_CACHE").map_or_else(|| self.target.clone(), PathBuf::from).join(name)
    }

    /// A folder of the cache that `fill` fills, unless it is there: it gets its name when it is whole.
    pub(crate) fn kept(&self, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let folder = self.cache(name);
        if folder.exists() {
            return Ok(folder);
        }
        eprintln!("fetching {name}");
        let begun = self.cache(&format!("{name}.begun"));
        if begun.exists() {
            fs::remove_dir_all(&begun)?;
        }
        fs::create_dir_all(&begun)?;
        fill(&begun).with_context(|| format!("cannot fetch {name}"))?;
        fs::rename(begun, &folder)?;
        Ok(folder)
    }

    /// The folder for the software that `accept` builds.
    pub(crate) fn accept_cache(&self) -> PathBuf {
        self.cache("accept")
    }
}
