//! The step that counts what messages and sockets cost: see `benches/count`, which has the bounds.

use anyhow::{ensure, Result};

use super::Session;
use crate::outcome::Outcome;
use crate::suite::PLAIN;
use crate::workspace::Workspace;

/// When to give it up. It takes a fifth of that, and most of it for making sockets.
const SECONDS: u32 = 400;
const LOG: &str = "windows-count";

/// The command: prints the table.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    print!("{}", table(workspace)?);
    Ok(())
}

/// The step.
pub(crate) fn step(workspace: &Workspace) -> Result<Outcome> {
    let figures = table(workspace)?.lines().count() - 1;
    Ok(Outcome::note(&format!("{figures} counts within their bounds")))
}

/// Counts; a bound that is passed is an error.
fn table(workspace: &Workspace) -> Result<String> {
    let session = Session::start(workspace)?;
    // In the profile of the tests, for which the standard library was built.
    let build = session.cargo(workspace, &["build", "--profile", "test", "--package", "count"]).args(PLAIN);
    build.run(workspace, LOG)?;
    let program = session.built(workspace, "count.exe");
    let table = session.wine(workspace, SECONDS).arg(program).run(workspace, LOG)?.text;
    ensure!(table.lines().count() > 1, "nothing was counted");
    Ok(table)
}
