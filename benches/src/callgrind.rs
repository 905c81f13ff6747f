//! Counts instructions in user space, with valgrind's callgrind: exact, and the same whatever else the machine does.
//!
//! A load runs in a child process, twice, with few and with many turns: the difference is what the turns cost, without what
//! comes before and after. Where a turn has to make sources ready, that alone is counted likewise, and taken off.

use std::process::Command;

use anyhow::{bail, Context, Result};

use crate::clock::float;

/// Whether valgrind answers.
pub(crate) fn is_there() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Instructions of a turn, of a program that is told by its last argument how many there are.
pub(crate) fn count(program: impl Fn(usize) -> Result<Command>, few: usize, many: usize) -> Result<f64> {
    let (short, long) = (collected(&program(few)?)?, collected(&program(many)?)?);
    Ok((long - short) / float(many - few))
}

fn collected(program: &Command) -> Result<f64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program.get_program());
    let output = valgrind.args(program.get_args()).output().context("cannot start valgrind")?;
    let text = String::from_utf8_lossy(&output.stderr);
    let Some(count) = text.lines().rev().find_map(read).filter(|_| output.status.success()) else {
        bail!("callgrind failed ({}):\n{text}", output.status);
    };
    Ok(count)
}

/// Reads a line as `==123== Collected : 456`.
fn read(line: &str) -> Option<f64> {
    line.split_once("Collected : ")?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn reads_what_was_collected() {
        assert_eq!(read("==4213== Collected : 273410"), Some(273_410.0));
        assert_eq!(read("==4213== Events    : Ir"), None);
    }
}
