//! The cargo command that builds for an architecture, the standard library as well, and runs there what it built.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::table::{Arch, Run};
use crate::cmd::Cmd;
use crate::toolchain;
use crate::workspace::Workspace;

/// musl's programs unwind with LLVM's library: GCC's wants functions of glibc.
const UNWINDER: &str = "http://deb.debian.org/debian/pool/main/l/llvm-toolchain-16/\
                        libunwind-16-dev_16.0.6-15~deb12u1_amd64.deb";
const UNWINDER_HASH: &str = "SHA256:9a2e9b260edaf741990ae44f7d34cf9f72dfacba22a806cc0552e65270bf0321";
/// What the library lacks to be musl's.
const SHIM: &str = "xtask/arches/fprintf_chk.c";

const LOG: &str = "arches-setup";

/// `command` of cargo for the architecture; nextest is one, too.
pub(super) fn cargo(workspace: &Workspace, arch: &Arch, command: &[&str]) -> Result<Cmd> {
    let cmd = toolchain::cargo(workspace).args(command).args(["--target", arch.target]);
    let cmd = cmd.arg("-Zbuild-std=std,panic_unwind,test").env(&variable(arch, "LINKER"), arch.linker);
    // Built once and run once: what is not made fast is built in half the time. One folder for all of them, since what
    // runs while they are built is the same.
    let cmd = cmd.env("CARGO_PROFILE_TEST_OPT_LEVEL", "0");
    let cmd = cmd.env("CARGO_TARGET_DIR", workspace.cache("arches").join("target"));
    Ok(match arch.run {
        Run::Static => cmd.rustflags(&musl_flags(&unwinder(workspace)?)),
        Run::Native { libraries, loader } => {
            cmd.rustflags(&format!("-Clink-arg=-Wl,--dynamic-linker={loader} -Clink-arg=-Wl,-rpath,{libraries}"))
        }
        Run::Qemu { program, root } => {
            let runner = format!("{program} -L {root}");
            // Tests start programs of their own, which no runner of cargo's comes before.
            cmd.env(&variable(arch, "RUNNER"), &runner).env("POISED_TEST_RUNNER", runner)
        }
    })
}

/// The compiler knows the parts of a toolchain for musl from rustup, which Debian's is not; musl-gcc knows where to start,
/// but not how a program starts that may lie anywhere.
fn musl_flags(unwinder: &Path) -> String {
    format!("-Clink-self-contained=no -Crelocation-model=static -Lnative={}", unwinder.display())
}

/// The folder with the library that musl's programs unwind with.
fn unwinder(workspace: &Workspace) -> Result<PathBuf> {
    workspace.kept("arches/libunwind-16", |folder| {
        let package = folder.join("package.deb");
        let helper = Cmd::new(workspace, "/usr/lib/apt/apt-helper").args(["download-file", UNWINDER]);
        helper.arg(&package).arg(UNWINDER_HASH).run(workspace, LOG)?;
        Cmd::new(workspace, "dpkg-deb").arg("--extract").arg(package).arg(folder).run(workspace, LOG)?;
        let library = folder.join("libunwind.a");
        fs::copy(folder.join("usr/lib/llvm-16/lib/libunwind.a"), &library).context("the package has no library")?;
        let shim = folder.join("fprintf_chk.o");
        let compile = Cmd::new(workspace, "musl-gcc").args(["-c", "-O1", "-Wall", "-Werror", SHIM, "-o"]);
        compile.arg(&shim).run(workspace, LOG)?;
        Cmd::new(workspace, "ar").arg("r").arg(library).arg(shim).run(workspace, LOG).map(drop)
    })
}

/// A variable that tells cargo of a target.
fn variable(arch: &Arch, what: &str) -> String {
    format!("CARGO_TARGET_{}_{what}", arch.target.replace('-', "_").to_uppercase())
}
