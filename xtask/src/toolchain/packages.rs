//! Debian's packages.
//!
//! What is missing is installed, and named. Where that cannot be, as this is another system or another user than root,
//! the steps that take it are left out and say why; where it should be but fails, they fail.

use anyhow::{bail, Context, Result};

use crate::cmd::Cmd;
use crate::outcome::Outcome;
use crate::workspace::Workspace;

/// Rust with the source of its library, and what Debian's cargo trusts the registry by: what it takes to check code for any
/// target.
pub(crate) const RUST: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy", "ca-certificates"];

const LOG: &str = "packages";

/// What came of making sure that the packages are there.
#[derive(Debug)]
pub(crate) enum Packages {
    /// They are; these had to be installed.
    Ready(Vec<&'static str>),
    /// They cannot be had here, and why.
    Unavailable(String),
}

/// Makes sure that [`RUST`] is there, where that can be.
pub(crate) fn ready(workspace: &Workspace) -> Result<Packages> {
    ensure(workspace, RUST)
}

/// The same of any packages.
pub(crate) fn ensure(workspace: &Workspace, packages: &[&'static str]) -> Result<Packages> {
    let query = ["--show", "--showformat=${Package} ${db:Status-Status}\\n"];
    // It fails if it does not know one of them: that one is missing, then.
    let Ok(answer) = Cmd::new(workspace, "dpkg-query").args(query).args(packages).run_unchecked(workspace, LOG) else {
        return Ok(Packages::Unavailable("the packages that this needs are Debian's".to_owned()));
    };
    let missing = missing(&answer.text, packages);
    if missing.is_empty() {
        return Ok(Packages::Ready(missing));
    }
    let names = missing.join(" ");
    let Some(apt_get) = apt_get(workspace)? else {
        return Ok(Packages::Unavailable(format!("to install {names} takes root, and apt-get")));
    };
    // An old list names old packages, among them a rustc too old for what the tests use.
    let update = apt_get.clone().args(["update", "--error-on=any"]).run_unchecked(workspace, LOG)?;
    let known = Cmd::new(workspace, "apt-cache").args(["show", "--no-all-versions"]).args(&missing);
    let unknown = unknown(&known.run_unchecked(workspace, LOG)?.text, &missing);
    if update.status.success() && !unknown.is_empty() {
        return Ok(Packages::Unavailable(format!("the sources of this system do not have {}", unknown.join(" "))));
    }
    eprintln!("installing with apt-get: {names}");
    let install = apt_get.args(["install", "--yes", "--no-install-recommends"]).args(&missing);
    match install.run(workspace, LOG).with_context(|| format!("cannot install {names}")) {
        Ok(_) => Ok(Packages::Ready(missing)),
        // One source that does not answer may be one that is not needed; but if it is, this machine is offline.
        Err(_) if !update.status.success() => Ok(Packages::Unavailable(format!(
            "sources of this system did not answer, and {names} could not be installed"
        ))),
        Err(error) => Err(error),
    }
}

/// Runs a step that takes these packages, or leaves it out and says why.
pub(crate) fn with(
    workspace: &Workspace,
    packages: Packages,
    step: impl FnOnce(&Workspace) -> Result<Outcome>,
) -> Result<Outcome> {
    let installed = match packages {
        Packages::Unavailable(why) => return Ok(Outcome::note(&format!("left out: {why}"))),
        Packages::Ready(installed) => installed,
    };
    let mut outcome = step(workspace)?;
    if !installed.is_empty() {
        outcome.note = format!("installed {}; {}", installed.join(", "), outcome.note);
    }
    Ok(outcome)
}

/// [`RUST`], for those who cannot go on without it.
pub(crate) fn required(workspace: &Workspace) -> Result<()> {
    required_of(workspace, RUST)
}

/// The same of any packages.
pub(crate) fn required_of(workspace: &Workspace, packages: &[&'static str]) -> Result<()> {
    match ensure(workspace, packages)? {
        Packages::Ready(_) => Ok(()),
        Packages::Unavailable(why) => bail!("this can't be done here: {why}"),
    }
}

/// The packages that are not among those that the answer of `dpkg-query` calls installed.
fn missing(answer: &str, packages: &[&'static str]) -> Vec<&'static str> {
    let is_installed = |package: &str| answer.lines().any(|line| line.split_once(' ') == Some((package, "installed")));
    packages.iter().copied().filter(|package| !is_installed(package)).collect()
}

/// The packages that `apt-cache show` has nothing to say of.
fn unknown<'a>(answer: &str, packages: &[&'a str]) -> Vec<&'a str> {
    let is_known = |package: &str| answer.lines().any(|line| line.strip_prefix("Package: ") == Some(package));
    packages.iter().copied().filter(|package| !is_known(package)).collect()
}

/// `apt-get` as root, if this user is root or may become it without a password: nobody may be there to type one.
fn apt_get(workspace: &Workspace) -> Result<Option<Cmd>> {
    let works = |cmd: Cmd| cmd.run_unchecked(workspace, LOG).is_ok_and(|output| output.status.success());
    if !works(Cmd::new(workspace, "apt-get").arg("--version")) {
        return Ok(None);
    }
    let user = Cmd::new(workspace, "id").arg("-u").run(workspace, LOG)?;
    let sudo = || Cmd::new(workspace, "sudo").arg("--non-interactive");
    let cmd = match user.text.trim() == "0" {
        true => Cmd::new(workspace, "env"),
        false if works(sudo().arg("true")) => sudo().arg("env"),
        false => return Ok(None),
    };
    Ok(Some(cmd.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])))
}

#[cfg(test)]
mod tests {
    use super::{missing, unknown};

    const PACKAGES: &[&str] = &["rustc-web", "wine", "wine64"];

    #[test]
    fn what_dpkg_does_not_call_installed_is_missing() {
        let missing = |answer: &str| missing(answer, PACKAGES);
        let line = |package: &&str| format!("{package} installed\n");
        let all: String = PACKAGES.iter().map(line).collect();
        assert_eq!(missing(&all), Vec::<&str>::new());
        let removed = all.replace("rustc-web installed", "rustc-web config-files");
        assert_eq!(missing(&removed), ["rustc-web"]);
        let unknown = "dpkg-query: no packages found matching wine64\n";
        assert_eq!(missing(unknown), PACKAGES);
        assert_eq!(missing(&all.replace("wine installed\n", "")), ["wine"]);
    }

    #[test]
    fn what_apt_does_not_show_is_unknown() {
        let answer = "Package: wine\nVersion: 8.0~repack-4\n\nN: Unable to locate package wine6\n";
        assert_eq!(unknown(answer, &["wine", "wine6"]), ["wine6"]);
    }
}
