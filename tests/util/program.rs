//! How tests start a program that was built as they were.

// Test binaries include this file; none has an outside that `pub` could reach.
#![allow(unreachable_pub)]

use std::path::Path;
use std::process::Command;

/// What runs such programs where the machine itself does not: an emulator and its options, as cargo's `runner` has it.
const RUNNER: &str = "POISED_TEST_RUNNER";

/// A command that runs the program at `path`.
pub fn command(path: &Path) -> Command {
    let runner = std::env::var(RUNNER).unwrap_or_default();
    let mut words = runner.split_whitespace();
    match words.next() {
        None => Command::new(path),
        Some(emulator) => {
            let mut command = Command::new(emulator);
            command.args(words).arg(path);
            command
        }
    }
}
