//! What a figure depends on: the machine, the kernel, the compiler, the versions, and how busy it all was.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};
use rustix::system::uname;
use serde::Serialize;

use crate::place;

/// Where and with what was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    date: String,
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    /// What of the source was measured.
    pub(crate) commit: String,
    /// Names and versions of the peers.
    pub(crate) versions: Vec<(String, String)>,
    /// The load averages of one minute, before and after.
    pub(crate) busy: Vec<String>,
}

impl Machine {
    pub(crate) fn look() -> Result<Machine> {
        let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"));
        let lock = lock.context("the versions of the peers stand in Cargo.lock")?;
        let version = |name: &str| (name.to_owned(), version(&lock, name).unwrap_or_else(unknown));
        Ok(Machine {
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            processor: processor().unwrap_or_else(unknown),
            processors: place::cpus().len(),
            kernel: uname().release().to_string_lossy().into_owned(),
            rustc: answer(&["rustc", "--version"]).unwrap_or_else(unknown),
            commit: answer(&["git", "describe", "--always", "--dirty"]).unwrap_or_else(unknown),
            versions: ["poised", "mio", "polling", "libc"].map(version).into(),
            busy: vec![load_average()],
        })
    }

    /// Notes how busy the machine is at the end.
    pub(crate) fn look_again(&mut self) {
        self.busy.push(load_average());
    }

    /// The day.
    pub(crate) fn day(&self) -> &str {
        self.date.split('T').next().unwrap_or_default()
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().map_or_else(unknown, str::to_owned)
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn answer(command: &[&str]) -> Option<String> {
    let output = Command::new(command[0]).args(&command[1..]).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version of a package in the text of a lock file; that of the registry, if there is another one in the workspace.
fn version(lock: &str, name: &str) -> Option<String> {
    let blocks = || lock.split("[[package]]").filter(|block| field(block, "name") == Some(name));
    let block = blocks().find(|block| field(block, "source").is_some()).or_else(|| blocks().next())?;
    field(block, "version").map(str::to_owned)
}

fn field<'a>(block: &'a str, name: &str) -> Option<&'a str> {
    let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""))?;
    line.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_those_of_the_registry() {
        let lock =
            "[[package]]\nname = \"mio\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"mio\"\nversion = \"1.2.4\"\n\
            source = \"registry\"\n\n[[package]]\nname = \"poised\"\nversion = \"0.1.0\"\n";
        assert_eq!(version(lock, "mio").as_deref(), Some("1.2.4"));
        assert_eq!(version(lock, "poised").as_deref(), Some("0.1.0"));
        assert_eq!(version(lock, "polling"), None);
    }
}
