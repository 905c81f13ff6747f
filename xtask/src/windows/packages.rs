//! Debian's packages with the compilers and with Wine.

use anyhow::{Context, Result};

use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// Rust with the source of its library, what Debian's cargo trusts the registry by, the linker for Windows, and Wine.
const PACKAGES: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-clippy",
    "ca-certificates",
    "gcc-mingw-w64-x86-64",
    "wine",
    "wine64",
];

const LOG: &str = "windows-setup";

/// Whether this is a system that has Debian's packages.
pub(crate) fn can_be_had(workspace: &Workspace) -> bool {
    Cmd::new(workspace, "dpkg-query").arg("--version").run_unchecked(workspace, LOG).is_ok()
}

/// Installs the packages that the machine lacks, and returns their names.
pub(super) fn install_missing(workspace: &Workspace) -> Result<Vec<&'static str>> {
    let query = ["--show", "--showformat=${Package} ${db:Status-Status}\\n"];
    let query = Cmd::new(workspace, "dpkg-query").args(query).args(PACKAGES);
    // It fails if it does not know one of them: that one is missing, then.
    let answer = query.run_unchecked(workspace, LOG).with_context(no_debian)?;
    let missing = missing(&answer.text);
    if !missing.is_empty() {
        eprintln!("windows-setup: installing with apt-get: {}", missing.join(" "));
        install(workspace, &missing).with_context(no_debian)?;
    }
    Ok(missing)
}

fn no_debian() -> String {
    format!(
        "the steps for Windows need these packages, which this program installs on Debian 12 and its like only: {}",
        PACKAGES.join(" ")
    )
}

/// The packages that are not among those that the answer of `dpkg-query` calls installed.
fn missing(answer: &str) -> Vec<&'static str> {
    let is_installed = |package: &str| answer.lines().any(|line| line.split_once(' ') == Some((package, "installed")));
    PACKAGES.iter().copied().filter(|package| !is_installed(package)).collect()
}

fn install(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    let user = Cmd::new(workspace, "id").arg("-u").run(workspace, LOG)?;
    let apt_get = |verb| apt_get(workspace, user.text.trim() == "0", verb);
    // An old list names old packages, among them a rustc too old for what the tests use. Where one of the user's sources
    // does not answer the others may do.
    apt_get("update").run_unchecked(workspace, LOG)?;
    apt_get("install").args(["--yes", "--no-install-recommends"]).args(packages).run(workspace, LOG)?;
    Ok(())
}

fn apt_get(workspace: &Workspace, is_root: bool, verb: &str) -> Cmd {
    let cmd = if is_root { Cmd::new(workspace, "env") } else { Cmd::new(workspace, "sudo").arg("env") };
    cmd.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", verb])
}

#[cfg(test)]
mod tests {
    use super::{missing, PACKAGES};

    #[test]
    fn what_dpkg_does_not_call_installed_is_missing() {
        let line = |package: &&str| format!("{package} installed\n");
        let all: String = PACKAGES.iter().map(line).collect();
        assert_eq!(missing(&all), Vec::<&str>::new());
        let removed = all.replace("rustc-web installed", "rustc-web config-files");
        assert_eq!(missing(&removed), ["rustc-web"]);
        let unknown = "dpkg-query: no packages found matching wine64\n";
        assert_eq!(missing(unknown), PACKAGES);
        assert_eq!(missing(&all.replace("wine installed\n", "")), ["wine"]);
    }
}
