//! A published package, copied out of cargo's registry to where its manifest can be changed.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use cargo_metadata::{CargoOpt, MetadataCommand};

use super::Supplier;
use crate::workspace::Workspace;

/// A package at one version, so that a run today and one next year test the same.
pub(super) struct Package {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// Sections of its manifest to leave out.
    pub(super) without: &'static [&'static str],
    /// Crates below xtask/accept that its tests want and that are not published.
    pub(super) helpers: &'static [&'static str],
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl Package {
    pub(super) const fn new(name: &'static str, version: &'static str) -> Self {
        Self { name, version, without: &[], helpers: &[] }
    }

    /// Copies the package and changes its manifest; one that is there already is left alone, so that what is built
    /// from it stays fresh.
    pub(super) fn prepare(&self, workspace: &Workspace, against: Supplier) -> Result<PathBuf> {
        let name = format!("{}-{}-{}", self.name, self.version, against.name());
        let folder = workspace.accept_cache().join(name);
        let stamp = folder.join(".prepared");
        let source = self.source(workspace)?;
        let manifest = self.manifest(&fs::read_to_string(source.join("Cargo.toml"))?, workspace, against);
        if fs::read_to_string(&stamp).is_ok_and(|prepared| prepared == manifest) {
            return Ok(folder);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        copy(&source, &folder).with_context(|| format!("cannot copy {self}"))?;
        fs::write(folder.join("Cargo.toml"), &manifest)?;
        // The lock file that is shipped says which mio; without the entry cargo chooses anew: the patch, or the newest.
        let lock = folder.join("Cargo.lock");
        let text = fs::read_to_string(&lock).unwrap_or_default();
        fs::write(&lock, without_mio(&text))?;
        fs::write(stamp, manifest)?;
        Ok(folder)
    }

    /// Where cargo keeps the package's source. A crate that does nothing but depend on it makes cargo fetch it.
    fn source(&self, workspace: &Workspace) -> Result<PathBuf> {
        let folder = workspace.accept_cache().join("fetch").join(self.name);
        fs::create_dir_all(folder.join("src"))?;
        fs::write(folder.join("src/lib.rs"), "")?;
        let manifest = format!(
            "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n[dependencies]\n\
             {} = \"={}\"\n",
            self.name, self.version
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        let metadata = MetadataCommand::new().manifest_path(folder.join("Cargo.toml")).exec()?;
        let is_it = |package: &&cargo_metadata::Package| package.name.as_str() == self.name;
        let package = metadata.packages.iter().find(is_it).with_context(|| format!("cargo did not fetch {self}"))?;
        let manifest = package.manifest_path.as_std_path();
        Ok(manifest.parent().context("a manifest lies in a folder")?.to_owned())
    }

    fn manifest(&self, shipped: &str, workspace: &Workspace, against: Supplier) -> String {
        let mut kept = without_sections(shipped, self.without);
        for helper in self.helpers {
            let path = workspace.root.join("xtask/accept").join(helper);
            kept += &format!("\n[dev-dependencies.{helper}]\npath = {:?}\n", path.display().to_string());
        }
        // The package's own tools depend on it: they are to be tested with the copy too, not with a second one.
        let mut patches = if self.name == "tokio" { "tokio = { path = \".\" }\n".to_owned() } else { String::new() };
        if against == Supplier::Checkout {
            let shim = workspace.root.join("crates/mio");
            patches += &format!("mio = {{ path = {:?} }}\n", shim.display().to_string());
        }
        format!("{kept}\n[workspace]\n\n[patch.crates-io]\n{patches}")
    }
}

/// The names of the test targets that start with one of `prefixes`, in order.
pub(super) fn test_targets(folder: &Path, prefixes: &[&str]) -> Result<Vec<String>> {
    let mut targets = Vec::new();
    if prefixes.is_empty() {
        return Ok(targets);
    }
    for entry in fs::read_dir(folder.join("tests"))? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        let name = name.strip_suffix(".rs").filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        targets.extend(name.map(str::to_owned));
    }
    ensure!(!targets.is_empty(), "{} has no tests of {prefixes:?}", folder.display());
    targets.sort();
    Ok(targets)
}

/// Makes sure that cargo takes mio from this checkout and from nowhere else.
pub(super) fn check_mio(workspace: &Workspace, folder: &Path) -> Result<()> {
    // For some, mio is behind a feature.
    let all = CargoOpt::AllFeatures;
    let metadata = MetadataCommand::new().manifest_path(folder.join("Cargo.toml")).features(all).exec()?;
    // Versions before 1 are other crates by the same name; they come with features that are not used.
    let mios: Vec<_> = metadata.packages.iter().filter(|package| package.name.as_str() == "mio").collect();
    let current: Vec<_> = mios.into_iter().filter(|package| package.version.major >= 1).collect();
    let shim = workspace.root.join("crates/mio/Cargo.toml").canonicalize()?;
    for package in &current {
        let manifest = package.manifest_path.as_std_path().canonicalize()?;
        if package.source.is_some() || manifest != shim {
            bail!("cargo took mio {} from {}, not from this checkout", package.version, manifest.display());
        }
    }
    ensure!(!current.is_empty(), "{} does not depend on mio 1 at all", folder.display());
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// A manifest without the sections of these names: from their heading to the next one.
fn without_sections(manifest: &str, names: &[&str]) -> String {
    let mut keep = true;
    let mut kept = String::new();
    for line in manifest.lines() {
        if let Some(heading) = line.strip_prefix('[') {
            let heading = heading.strip_suffix(']').unwrap_or(heading);
            keep = !names.contains(&heading);
        }
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// A lock file without mio 1.
fn without_mio(lock: &str) -> String {
    let blocks = lock.split("\n\n");
    let others = blocks.filter(|block| !block.contains("name = \"mio\"\nversion = \"1."));
    others.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::{without_mio, without_sections};

    #[test]
    fn sections_are_left_out() {
        let manifest =
            "[a]\nx = 1\n[dev-dependencies.criterion]\nversion = \"1\"\n\n[[bench]]\nname = \"b\"\n[c]\ny = 2\n";
        assert_eq!(without_sections(manifest, &["dev-dependencies.criterion", "[bench]"]), "[a]\nx = 1\n[c]\ny = 2\n");
    }

    #[test]
    fn only_mio_leaves_the_lock_file() {
        let block = |name: &str, version: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"");
        let old = block("mio", "0.7.14");
        let lock = ["version = 4".to_owned(), old.clone(), block("mio", "1.2.3"), block("miow", "1.0.0")].join("\n\n");
        let kept = without_mio(&lock);
        assert!(!kept.contains("1.2.3") && kept.contains(&old) && kept.contains("miow"), "{kept}");
    }
}
