//! The steps that run something under Wine: the crate's tests, the examples in its documentation, and the demo.

use anyhow::Result;

use super::Session;
use crate::outcome::Outcome;
use crate::workspace::Workspace;
use crate::{nextest, suite};

/// What the demo is run with: enough to have several helper handles of the kernel, few enough for any machine.
const DEMO: &[&str] = &["--connections", "500", "--seconds", "5"];

/// When to give it up: it takes a tenth of that here.
const DEMO_SECONDS: u32 = 90;

/// The crate's tests, all of them. The examples are built with them, since tests run them.
pub(crate) fn tests(workspace: &Workspace) -> Result<Outcome> {
    let session = Session::start(workspace)?;
    let cmd = session.cargo(workspace, &["nextest", "run", "--package", "poised"]).args(suite::PLAIN);
    let cmd = nextest::side_by_side(cmd, nextest::UNDER_WINE);
    let mut outcome = nextest::step(workspace, cmd, "windows-tests")?;
    outcome.note += &format!(" on {}", session.version());
    Ok(outcome)
}

/// The examples in the documentation, the shim's among them.
pub(crate) fn doctests(workspace: &Workspace) -> Result<Outcome> {
    let session = Session::start(workspace)?;
    let cmd = suite::merged_doctests(session.cargo(workspace, suite::DOCTESTS).args(suite::PLAIN));
    suite::doctests_passed(&cmd.run(workspace, "windows-doctests")?)
}

/// The demo, which fails when a byte is wrong or a connection is lost.
pub(crate) fn demo(workspace: &Workspace) -> Result<Outcome> {
    let session = Session::start(workspace)?;
    // The one that was built for the tests; by the default profile all would be built again, the standard library too.
    let build = &["build", "--profile", "test", "--package", "poised", "--example", "demo"];
    session.cargo(workspace, build).args(suite::PLAIN).run(workspace, "windows-demo")?;
    let program = session.built(workspace, "examples/demo.exe");
    session.wine(workspace, DEMO_SECONDS).arg(program).args(DEMO).run(workspace, "windows-demo")?;
    Ok(Outcome::note("500 connections"))
}
