//! `cargo xtask api`: the public API of the shim against that of mio from the registry.
//!
//! Both are documented as rustdoc JSON by the same compiler in the same way. The shim re-exports poised, which is
//! documented with it; every item goes by its public path below `mio::`, so the two crates compare as if they were
//! one. Nothing of mio may be missing or different; what is more stands in docs/mio-parity.md.

mod diff;
mod docs;
mod names;
mod page;
mod render;
mod surface;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use clap::Args;
use rustdoc_types::{Crate, FORMAT_VERSION};

use crate::cmd::Cmd;
use crate::outcome::Outcome;
use crate::workspace::Workspace;

use diff::Comparison;
use docs::Docs;
use names::Names;
use surface::Surface;

/// The mio that the shim stands in for.
const MIO_VERSION: &str = "1.2.4";
const MIO_FEATURES: &str = "os-poll,os-ext,net,log";
const PAGE: &str = "docs/mio-parity.md";
/// A toolchain whose JSON this program reads, for the message to those who have another.
const TOOLCHAIN: &str = "1.95.0";

/// How to compare.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Bring the table in docs/mio-parity.md up to date
    #[arg(long)]
    write: bool,
    /// Print mio's API as this program sees it, and do no more
    #[arg(long)]
    print: bool,
}

/// The command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.print {
        let (original, _) = original(workspace)?;
        for entry in original.values() {
            println!("{}", entry.text);
        }
        return Ok(());
    }
    let outcome = check(workspace, options.write)?;
    if let Some(complaint) = outcome.complaint {
        bail!("{complaint}");
    }
    println!("{}", outcome.note);
    Ok(())
}

/// Compares, and checks or writes the page.
pub(crate) fn check(workspace: &Workspace, write: bool) -> Result<Outcome> {
    let (original, mains) = original(workspace)?;
    let comparison = diff::compare(&original, &ours(workspace, mains)?);
    let mut complaints = comparison.complaints();
    complaints.extend(page(workspace, &comparison, write)?);
    let note = format!("{} items of mio, {} additions", comparison.rows.len(), comparison.additions.len());
    let complaint = (!complaints.is_empty()).then(|| complaints.join("\n"));
    Ok(Outcome { note, complaint, ..Outcome::default() })
}

/// Writes the page, or says that it is not up to date.
fn page(workspace: &Workspace, comparison: &Comparison, write: bool) -> Result<Option<String>> {
    let path = workspace.root.join(PAGE);
    let old = fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
    let new = page::update(&old, comparison)?;
    if write {
        fs::write(&path, &new)?;
    }
    let stale = !write && new != old;
    Ok(stale.then(|| format!("{PAGE} is not up to date: cargo xtask api --write")))
}

/// The API of mio, and the main names of its items.
fn original(workspace: &Workspace) -> Result<(Surface, BTreeSet<String>)> {
    let target = workspace.target.join("api/mio");
    let folder = workspace.target.join("api/registry");
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    fs::write(folder.join("Cargo.toml"), registry_manifest())?;
    let mio = rustdoc(workspace, &folder, "mio", &[], &target)?;
    let docs = Docs::new(vec![mio]);
    let names = Names::collect(&docs, BTreeSet::new());
    Ok((surface::list(&docs, &names), names.mains()))
}

/// A crate that does nothing but depend on mio. It is a workspace of its own: it lies below ours.
fn registry_manifest() -> String {
    let features = MIO_FEATURES.replace(',', "\", \"");
    format!(
        "[package]\nname = \"registry\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n[dependencies]\n\
         mio = {{ version = \"={MIO_VERSION}\", features = [\"{features}\"] }}\n"
    )
}

/// The API of the shim, whose items go by the names they have in mio.
fn ours(workspace: &Workspace, mains: BTreeSet<String>) -> Result<Surface> {
    let target = workspace.target.join("api/shim");
    let root = &workspace.root;
    let mio = rustdoc(workspace, root, "mio", &["--features", MIO_FEATURES], &target)?;
    let poised = rustdoc(workspace, root, "poised", &["--features", "log"], &target)?;
    let docs = Docs::new(vec![mio, poised]);
    let names = Names::collect(&docs, mains);
    Ok(surface::list(&docs, &names))
}

/// Documents a crate as JSON and reads it.
fn rustdoc(workspace: &Workspace, dir: &Path, package: &str, features: &[&str], target: &Path) -> Result<Crate> {
    let cmd = Cmd::cargo(workspace).dir(dir).args(["rustdoc", "--lib", "--package", package]).args(features);
    let cmd = cmd.args(["--", "-Z", "unstable-options", "--output-format", "json"]);
    // The JSON is not stable yet; a stable compiler writes it all the same when asked in this way.
    let cmd = cmd.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", target);
    cmd.run(workspace, &format!("api-{package}"))?;
    read(&target.join("doc").join(format!("{package}.json")))
}

fn read(path: &PathBuf) -> Result<Crate> {
    let text = fs::read_to_string(path).with_context(|| format!("rustdoc left no {}", path.display()))?;
    let json: serde_json::Value = serde_json::from_str(&text)?;
    let version = json.get("format_version").and_then(serde_json::Value::as_u64);
    ensure!(
        version == Some(u64::from(FORMAT_VERSION)),
        "the active toolchain's rustdoc writes JSON of version {version:?} and this program reads {FORMAT_VERSION}: \
         use Rust {TOOLCHAIN}, as in `cargo +{TOOLCHAIN} xtask api`"
    );
    Ok(serde_json::from_str(&text)?)
}
