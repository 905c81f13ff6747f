//! What preview 2 takes beyond the packages of Debian 12, and the cargo command that has all of it.
//!
//! * wasi-libc: Debian 12's knows preview 1 alone. That of the release after it is data, and fits.
//! * wasm-component-ld, which makes a component of what the linker gives: rustup's toolchains have it, and so has
//!   crates.io.
//! * Wasmtime, which runs components, as the package for Python that PyPI has.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cmd::Cmd;
use crate::toolchain as debian;
use crate::workspace::Workspace;

/// Rust with the source of its library, what Debian's cargo trusts the registry by, the linker, and what runs Wasmtime.
pub(super) const PACKAGES: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-clippy",
    "ca-certificates",
    "lld-22",
    "python3",
    "python3-pip",
];

/// Under 50.0 programs may bind to no address.
pub(super) const WASMTIME: &str = "47.0.1";

const TARGET: &str = "wasm32-wasip2";
const LIBC: &str = "http://deb.debian.org/debian/pool/main/w/wasi-libc/wasi-libc_0.0~git20241209.574b88d-2_all.deb";
const LIBC_HASH: &str = "SHA256:b7716260051d289248b7667f81fa2792c125d888ff51da3fa09c6272cc0bd11d";
const COMPONENT_LINKER: &str = "wasm-component-ld";
const LINKER: &str = "/usr/lib/llvm-22/bin/wasm-ld";
const PYTHON: &str = "/usr/bin/python3";
const RUNNER: &str = "xtask/src/wasi/run.py";
const LOG: &str = "wasi-setup";

/// A cargo command that builds for preview 2, the standard library as well, and runs in Wasmtime what it built. nextest is
/// a command of cargo, too.
pub(super) fn cargo(workspace: &Workspace, command: &[&str]) -> Result<Cmd> {
    let (libc, linker, wasmtime) = (libc(workspace)?, component_linker(workspace)?, wasmtime(workspace)?);
    let libc = libc.display();
    // The compiler knows the parts of a toolchain from rustup, which Debian's is not. The library wants threads that
    // can't be made, which is what the emulation gives it.
    let flags = format!(
        "-Clink-self-contained=no -Clinker={} -Clink-arg=--wasm-ld-path={LINKER} -Clink-arg={libc}/crt1-command.o \
         -Lnative={libc} -Clink-arg=-lwasi-emulated-pthread",
        linker.display()
    );
    let cmd = debian::cargo(workspace).args(command).args(["--target", TARGET]);
    let cmd = cmd.arg("-Zbuild-std=std,panic_abort,test").rustflags(&flags);
    // Nothing here takes long enough for its speed to matter.
    let cmd = cmd.env("CARGO_PROFILE_TEST_OPT_LEVEL", "0").env("CARGO_TARGET_DIR", cache(workspace).join("target"));
    let runner = format!("{PYTHON} {}", workspace.root.join(RUNNER).display());
    Ok(cmd.env("CARGO_TARGET_WASM32_WASIP2_RUNNER", runner).env("PYTHONPATH", wasmtime))
}

/// Fetches what is not there yet.
pub(super) fn fetch(workspace: &Workspace) -> Result<()> {
    libc(workspace).and(wasmtime(workspace)).and(component_linker(workspace)).map(drop)
}

fn cache(workspace: &Workspace) -> PathBuf {
    workspace.cache("wasi")
}

fn kept(workspace: &Workspace, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    workspace.kept(&format!("wasi/{name}"), fill)
}

/// The folder of wasi-libc for preview 2.
fn libc(workspace: &Workspace) -> Result<PathBuf> {
    let folder = kept(workspace, "wasi-libc-20241209", |folder| {
        let package = folder.join("package.deb");
        let helper = Cmd::new(workspace, "/usr/lib/apt/apt-helper").args(["download-file", LIBC]);
        helper.arg(&package).arg(LIBC_HASH).run(workspace, LOG)?;
        Cmd::new(workspace, "dpkg-deb").arg("--extract").arg(package).arg(folder).run(workspace, LOG).map(drop)
    })?;
    Ok(folder.join("usr/lib").join(TARGET))
}

/// The folder with Wasmtime as a package for Python.
fn wasmtime(workspace: &Workspace) -> Result<PathBuf> {
    kept(workspace, &format!("wasmtime-{WASMTIME}"), |folder| {
        let pip = Cmd::new(workspace, PYTHON).args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"]);
        pip.arg(folder).arg(format!("wasmtime=={WASMTIME}")).run(workspace, LOG).map(drop)
    })
}

/// What makes components: of the toolchain that runs this program, or of crates.io.
fn component_linker(workspace: &Workspace) -> Result<PathBuf> {
    let rustc = Cmd::new(workspace, "rustc").args(["--print", "target-libdir"]).run_unchecked(workspace, LOG);
    if let Some(lib) = rustc.ok().filter(|rustc| rustc.status.success()) {
        let shipped = Path::new(lib.text.trim()).with_file_name("bin").join(COMPONENT_LINKER);
        if shipped.exists() {
            return Ok(shipped);
        }
    }
    let folder = kept(workspace, COMPONENT_LINKER, |folder| {
        let install = Cmd::cargo(workspace).args(["install", COMPONENT_LINKER, "--locked", "--root"]).arg(folder);
        // Built to link a few programs, not to be fast.
        let install = install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
        install.env("CARGO_TARGET_DIR", workspace.target.join("install")).run(workspace, LOG).map(drop)
    })?;
    Ok(folder.join("bin").join(COMPONENT_LINKER))
}
