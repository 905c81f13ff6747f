//! The standard library for many targets, as far as checking code against it needs: half a minute of one core each, once,
//! and no linker.
//!
//! One folder has them all, as a toolchain of rustup has, so that cargo checks code for many targets in one run, and shares
//! between them what it builds for this machine. A library that does not compile is remembered, with the compiler's word
//! for it, until there is another compiler. Whatever else fails is an error, so that a registry that does not answer
//! hides nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};

use super::messages::made_for;
use super::{cargo, RUSTC};
use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// The source of the library: a workspace.
const SOURCE: &str = "/usr/lib/rustlib/src/rust/library/Cargo.toml";
/// As in the build of Rust itself, but that code which never runs is not made fast.
const FLAGS: &str = "-Zforce-unstable-if-unmarked -Cembed-bitcode=no -Zmir-opt-level=0";

/// How much of the library there is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    /// What a program takes.
    Std,
    /// What tests take, and procedural macros, too.
    Tests,
}

impl Library {
    /// The package that has it all.
    fn package(self) -> &'static str {
        match self {
            Self::Std => "std",
            Self::Tests => "sysroot",
        }
    }
}

/// What became of a target's library.
#[derive(Debug)]
pub(crate) struct Made<'t> {
    pub(crate) target: &'t str,
    /// The compiler's word, where it does not compile.
    pub(crate) error: Option<String>,
}

/// Makes the sysroot with the library for these targets, as far as it is not there. An error if one does not compile.
pub(crate) fn ready(workspace: &Workspace, targets: &[&str], library: Library) -> Result<PathBuf> {
    let (sysroot, made) = make(workspace, targets, library)?;
    for Made { target, error } in made {
        if let Some(error) = error {
            bail!("the standard library does not compile for {target}: {error}");
        }
    }
    Ok(sysroot)
}

/// Makes the sysroot with the library for as many of these targets as can have it.
pub(crate) fn make<'t>(
    workspace: &Workspace,
    targets: &[&'t str],
    library: Library,
) -> Result<(PathBuf, Vec<Made<'t>>)> {
    let sysroot = workspace.cache("sysroots");
    let _lock = lock(&sysroot)?;
    forget_other_compilers(workspace, &sysroot)?;
    let missing: Vec<&str> = targets.iter().copied().filter(|target| !is_known(&sysroot, target, library)).collect();
    for features in [PLAIN, WITH_BACKTRACE] {
        let group: Vec<&str> = missing.iter().copied().filter(|target| features_of(target) == features).collect();
        if !group.is_empty() {
            eprintln!("making the standard library for {}", group.join(", "));
            build(workspace, &sysroot, &group, features, library)?;
        }
    }
    let made = targets.iter().map(|&target| Made { target, error: fs::read_to_string(failure(&sysroot, target)).ok() });
    let made = made.collect();
    Ok((sysroot, made))
}

const PLAIN: &str = "panic-unwind";
const WITH_BACKTRACE: &str = "panic-unwind,backtrace";

/// Fuchsia's library has code that takes what backtraces do.
fn features_of(target: &str) -> &'static str {
    if target.contains("fuchsia") {
        WITH_BACKTRACE
    } else {
        PLAIN
    }
}

/// The folder for a target.
fn place(sysroot: &Path, target: &str) -> PathBuf {
    sysroot.join("lib/rustlib").join(target)
}

/// Where it says why a target has no library.
fn failure(sysroot: &Path, target: &str) -> PathBuf {
    place(sysroot, target).join("failed")
}

/// Where it says what a target has.
fn success(sysroot: &Path, target: &str, library: Library) -> PathBuf {
    place(sysroot, target).join(format!("made-{}", library.package()))
}

fn is_known(sysroot: &Path, target: &str, library: Library) -> bool {
    let has = |library| success(sysroot, target, library).exists();
    failure(sysroot, target).exists() || has(Library::Tests) || (library == Library::Std && has(Library::Std))
}

/// Empties the folder when what is in it was made by another compiler.
fn forget_other_compilers(workspace: &Workspace, sysroot: &Path) -> Result<()> {
    let rustc = Cmd::new(workspace, RUSTC).args(["--verbose", "--version"]).run(workspace, "sysroot-rustc")?.text;
    let stamp = sysroot.join("made-from");
    let made_from = format!("{rustc}{FLAGS}");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == made_from) {
        return Ok(());
    }
    for folder in ["lib", "build", "target"].map(|name| sysroot.join(name)) {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    Ok(fs::write(stamp, made_from)?)
}

/// Builds the library for targets that take the same features: for all in one run of cargo, and alone for those that
/// failed in it, which tells what failed.
fn build(workspace: &Workspace, sysroot: &Path, targets: &[&str], features: &str, library: Library) -> Result<()> {
    let build = sysroot.join("build");
    let command = |targets: &[&str]| {
        let cmd = cargo(workspace).args(["check", "--locked", "--keep-going", "--features", features]);
        let cmd = cmd.args(["--manifest-path", SOURCE, "--package", library.package()]);
        let cmd = cmd.args(["--message-format", "json-render-diagnostics"]).targets(targets);
        // Not with the user's flags, which are for his own code.
        cmd.env("CARGO_TARGET_DIR", &build).env("RUSTFLAGS", FLAGS)
    };
    let together = command(targets).run_unchecked(workspace, "sysroot")?.text;
    let made = made_for(&together, library.package(), targets);
    for &target in targets {
        let place = place(sysroot, target);
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        fs::create_dir_all(&place)?;
        if !made.contains(&target) {
            let log = format!("sysroot-{target}");
            let alone = command(&[target]);
            let output = alone.run_unchecked(workspace, &log)?;
            if !output.status.success() {
                let word = compilers_word(&output.text).with_context(|| alone.complaint(workspace, &log, &output))?;
                fs::write(failure(sysroot, target), word)?;
                continue;
            }
        }
        gather(&build.join(target).join("debug/deps"), &place.join("lib"))?;
        // What was checked against another library is of no use with this.
        let checked = target_dir(sysroot).join(target);
        if checked.exists() {
            fs::remove_dir_all(checked)?;
        }
        fs::write(success(sysroot, target, library), "")?;
    }
    Ok(fs::remove_dir_all(build)?)
}

/// Where cargo puts what it builds against a sysroot.
pub(crate) fn target_dir(sysroot: &Path) -> PathBuf {
    sysroot.join("target")
}

/// Moves the metadata of all crates.
fn gather(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let mut crates = 0;
    for entry in fs::read_dir(from)? {
        let file = entry?.path();
        if let (Some("rmeta"), Some(name)) = (file.extension().and_then(|end| end.to_str()), file.file_name()) {
            fs::rename(&file, to.join(name))?;
            crates += 1;
        }
    }
    ensure!(crates > 0, "cargo left no metadata in {}", from.display());
    Ok(())
}

/// The first error of a compiler that could not compile; none where something else went wrong: a registry that does not
/// answer, or a compiler that was killed.
fn compilers_word(output: &str) -> Option<String> {
    const CARGOS: &str = "error: could not compile `";

    output.contains(CARGOS).then_some(())?;
    let line = output.lines().map(str::trim).find(|line| line.starts_with("error"))?;
    (!line.starts_with(CARGOS)).then(|| line.to_owned())
}

/// Waits until no other run is in the folder.
fn lock(sysroot: &Path) -> Result<File> {
    fs::create_dir_all(sysroot)?;
    let file = File::create(sysroot.join("lock"))?;
    file.lock().with_context(|| format!("cannot lock {}", sysroot.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::compilers_word;

    #[test]
    fn only_a_compiler_excuses_a_target() {
        let compiler = "   Compiling std\nerror[E0412]: cannot find type `x`\nerror: could not compile `std` (lib)\n";
        assert_eq!(compilers_word(compiler).as_deref(), Some("error[E0412]: cannot find type `x`"));
        assert_eq!(compilers_word("error: failed to download `libc v0.2.183`\n"), None);
        assert_eq!(compilers_word("error: could not compile `core` (lib)\n\n  (signal: 9, SIGKILL: kill)\n"), None);
    }
}
