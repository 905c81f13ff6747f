//! Starts one program under Wine, again where Wine itself did not get so far: the runner of `Session::cargo`.
//!
//! Where Wine cannot set up a process, it ends before the program has begun: with status 1, at once and without a word. The
//! one cause that was found is kept away by `prefix::variables`. That is no end that a test has: each says what it runs
//! before it runs it, and one that fails ends with 101. So a program that wrote nothing and ended with 1 is started once
//! more, and said to be; what has written anything never is.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{bail, Context, Result};

/// The status that Wine ends with when it gives up.
const GAVE_UP: i32 = 1;

/// How often a program is started at most.
const STARTS: u32 = 3;

/// How long its streams are waited for when it has ended. What it wrote is in them by then; only a child that it left
/// behind keeps them open, and that is not waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How a program ended.
struct End {
    status: ExitStatus,
    /// It wrote nothing.
    is_silent: bool,
}

impl End {
    fn is_of_wine(&self) -> bool {
        self.is_silent && self.status.code() == Some(GAVE_UP)
    }
}

/// Runs `wine` with `args`, and ends as it does.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    let mut command = Command::new("wine");
    let status = started(command.args(args))?;
    let Some(code) = status.code() else { bail!("wine: {status}") };
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs a command until Wine has started what it names.
fn started(command: &mut Command) -> Result<ExitStatus> {
    for _ in 1..STARTS {
        let end = once(command)?;
        if !end.is_of_wine() {
            return Ok(end.status);
        }
        eprintln!("Wine ended before the program began; once more");
    }
    Ok(once(command)?.status)
}

/// Runs a command once, and passes on what it writes.
fn once(command: &mut Command) -> Result<End> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot start Wine")?;
    let (sender, ends) = mpsc::channel();
    pass_on(child.stdout.take(), io::stdout(), sender.clone());
    pass_on(child.stderr.take(), io::stderr(), sender);
    let status = child.wait()?;
    let mut is_silent = true;
    // Each stream tells of its first bytes and of its end; both have ended when nobody is left to tell.
    while let Ok(bytes) = ends.recv_timeout(LAST_WORDS) {
        is_silent &= bytes == 0;
    }
    Ok(End { status, is_silent })
}

/// Copies a stream in a thread of its own, and tells how many bytes came, each time that some did.
fn pass_on(from: Option<impl Read + Send + 'static>, mut to: impl Write + Send + 'static, told: Sender<usize>) {
    let Some(mut from) = from else { return };
    thread::spawn(move || -> io::Result<()> {
        let mut buffer = [0; 8192];
        loop {
            let count = from.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            to.write_all(&buffer[..count])?;
            to.flush()?;
            if told.send(count).is_err() {
                // The program has ended; this is of a child that it left behind.
                return Ok(());
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::{started, STARTS};
    use std::fs;
    use std::process::Command;

    /// Runs a script of the shell in the place of Wine: with what status it ended, and how often it was started.
    fn runs_of(name: &str, script: &str) -> (Option<i32>, u32) {
        let log = std::env::temp_dir().join(format!("poised-start-{name}-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", &format!("echo >> \"$LOG\"; {script}")]).env("LOG", &log);
        let status = started(&mut command).expect("a shell");
        let starts = fs::read(&log).expect("the log").len();
        fs::remove_file(&log).expect("the log");
        (status.code(), u32::try_from(starts).expect("few"))
    }

    #[test]
    fn what_wine_did_not_start_is_started_again() {
        assert_eq!(runs_of("again", "test $(wc -l < \"$LOG\") -gt 1"), (Some(0), 2));
        assert_eq!(runs_of("never", "exit 1"), (Some(1), STARTS));
    }

    #[test]
    fn what_has_begun_is_not_started_again() {
        assert_eq!(runs_of("out", "echo running 1 test; exit 1"), (Some(1), 1));
        assert_eq!(runs_of("err", "echo an error >&2; exit 1"), (Some(1), 1));
        assert_eq!(runs_of("failed", "exit 101"), (Some(101), 1));
        assert_eq!(runs_of("passed", "exit 0"), (Some(0), 1));
    }

    #[test]
    fn a_child_that_is_left_behind_is_not_waited_for() {
        assert_eq!(runs_of("child", "echo ready; sleep 20 & exit 3"), (Some(3), 1));
    }
}
