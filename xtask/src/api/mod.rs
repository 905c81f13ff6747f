//! `cargo xtask api`: the public API of the shim against that of mio from the registry, on Linux and on Windows.
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
mod system;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{bail, Context, Result};
use clap::Args;

use crate::outcome::Outcome;
use crate::windows;
use crate::workspace::Workspace;

use diff::Comparison;
use docs::Docs;
use names::Names;
use surface::Surface;

pub(crate) use system::System;

/// The mio that the shim stands in for.
const MIO_VERSION: &str = "1.2.4";
const MIO_FEATURES: &str = "os-poll,os-ext,net,log";
const PAGE: &str = "docs/mio-parity.md";

/// How to compare.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Bring the tables in docs/mio-parity.md up to date
    #[arg(long)]
    write: bool,
    /// Print mio's API as this program sees it, and do no more
    #[arg(long)]
    print: bool,
    /// On Windows alone
    #[arg(long)]
    windows: bool,
}

/// The command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let systems: &[System] = if options.windows { &[System::Windows] } else { &[System::Linux, System::Windows] };
    for &system in systems {
        if options.print {
            print(workspace, system)?;
            continue;
        }
        let compare = |workspace: &Workspace| check(workspace, system, options.write);
        let outcome = match system {
            System::Linux => compare(workspace)?,
            System::Windows => windows::where_possible(workspace, compare)?,
        };
        if let Some(complaint) = outcome.complaint {
            bail!("{}: {complaint}", system.name());
        }
        println!("{}: {}", system.name(), outcome.note);
    }
    Ok(())
}

fn print(workspace: &Workspace, system: System) -> Result<()> {
    println!("{}:", system.name());
    for entry in original(workspace, system)?.0.values() {
        println!("{}", entry.text);
    }
    Ok(())
}

/// Compares, and checks or writes the page.
pub(crate) fn check(workspace: &Workspace, system: System, write: bool) -> Result<Outcome> {
    let (original, mains) = original(workspace, system)?;
    let comparison = diff::compare(&original, &ours(workspace, system, mains)?);
    let mut complaints = comparison.complaints();
    complaints.extend(page(workspace, system, &comparison, write)?);
    let note = format!("{} items of mio, {} additions", comparison.rows.len(), comparison.additions.len());
    let complaint = (!complaints.is_empty()).then(|| complaints.join("\n"));
    Ok(Outcome { note, complaint, ..Outcome::default() })
}

/// Writes the page, or says that it is not up to date.
fn page(workspace: &Workspace, system: System, comparison: &Comparison, write: bool) -> Result<Option<String>> {
    let path = workspace.root.join(PAGE);
    let old = fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
    let shown_before = match system {
        System::Linux => Surface::new(),
        System::Windows => original(workspace, System::Linux)?.0,
    };
    let new = page::update(&old, system, comparison, &shown_before)?;
    if write {
        fs::write(&path, &new)?;
    }
    let stale = !write && new != old;
    Ok(stale.then(|| format!("{PAGE} is not up to date: cargo xtask api --write")))
}

/// The API of mio, and the main names of its items.
fn original(workspace: &Workspace, system: System) -> Result<(Surface, BTreeSet<String>)> {
    let folder = workspace.target.join("api/registry");
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    fs::write(folder.join("Cargo.toml"), registry_manifest())?;
    let mio = system.rustdoc(workspace, &folder, "mio", &[], "mio")?;
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
fn ours(workspace: &Workspace, system: System, mains: BTreeSet<String>) -> Result<Surface> {
    let root = &workspace.root;
    let mio = system.rustdoc(workspace, root, "mio", &["--features", MIO_FEATURES], "shim")?;
    let poised = system.rustdoc(workspace, root, "poised", &["--features", "log"], "shim")?;
    let docs = Docs::new(vec![mio, poised]);
    let names = Names::collect(&docs, mains);
    Ok(surface::list(&docs, &names))
}
