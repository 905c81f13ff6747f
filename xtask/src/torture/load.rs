//! The steps that run the program `torture`: load and faults.

use anyhow::Result;

use crate::cmd::Cmd;
use crate::configs::Config;
use crate::outcome::Outcome;
use crate::toolchain::packages;
use crate::workspace::Workspace;

/// What one run of it is to be.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) name: &'static str,
    pub(super) minutes: f64,
    pub(super) arguments: &'static [&'static str],
    pub(super) packages: &'static [&'static str],
}

/// As many connections as fit on the usual backend, and fewer on those that ask about each; fewer where packets are lost.
pub(super) fn all(minutes: f64) -> [Load; 4] {
    let few = &["--connections", "400", "--round", "10"];
    [
        Load { name: "default", minutes, arguments: &[], packages: &[] },
        Load { name: "poll", minutes: minutes / 10.0, arguments: few, packages: &[] },
        Load { name: "event-ports", minutes: minutes / 10.0, arguments: few, packages: &[] },
        Load {
            name: "lossy",
            minutes: minutes / 5.0,
            arguments: &["--connections", "400", "--round", "20", "--lossy"],
            packages: &["iproute2", "nftables"],
        },
    ]
}

pub(super) fn run(workspace: &Workspace, load: &Load, config: &Config) -> Result<Outcome> {
    packages::with(workspace, packages::ensure(workspace, load.packages)?, |workspace| {
        let build = ["run", "--profile", "test", "--package", "torture", "--bin", "torture", "--"];
        let cmd = config.build(workspace, Cmd::cargo(workspace))?.args(build);
        let cmd = cmd.args(["--minutes", &load.minutes.to_string()]).args(load.arguments);
        let text = cmd.run(workspace, &log(load.name))?.text;
        if let Some(left_out) = text.lines().find(|line| line.starts_with("left out: ")) {
            return Ok(Outcome::note(left_out));
        }
        let line = |begin: &str| text.lines().find(|line| line.starts_with(begin)).unwrap_or_default().to_owned();
        Ok(Outcome::note(&format!("{}; {}", line("connections opened"), line("bytes checked"))))
    })
}

fn log(name: &str) -> String {
    format!("torture-load-{name}")
}

/// What the program said, for the page: from its first line of figures.
pub(super) fn figures(text: &str) -> String {
    let lines = text.lines().map(str::trim_end).skip_while(|line| !line.contains(" connections for "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The figures of the last run of it.
pub(super) fn last(workspace: &Workspace, name: &str) -> Option<String> {
    crate::nextest::log_text(workspace, &log(name)).ok().map(|text| figures(&text))
}
