//! Commands: built in pieces, run with their output in a log file, shown when they fail.
//!
//! The output goes to a file and not through a pipe, because a test that leaves a child process behind would keep a pipe
//! open and this program waiting for its end.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{bail, Context, Result};

use crate::workspace::Workspace;

/// How much of a failed command's output is shown; the log file has it all.
const SHOWN_LINES: usize = 200;

/// A command that has not run yet.
#[derive(Clone, Debug)]
pub(crate) struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    envs: Vec<(String, OsString)>,
    dir: PathBuf,
}

/// What a command that ran has left.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    /// Both streams, in the order they came.
    pub(crate) text: String,
}

impl Cmd {
    /// `program` in the root of the checkout.
    pub(crate) fn new(workspace: &Workspace, program: impl Into<OsString>) -> Self {
        Self { program: program.into(), args: Vec::new(), envs: Vec::new(), dir: workspace.root.clone() }
    }

    /// The cargo that runs this program, or the one on the path.
    pub(crate) fn cargo(workspace: &Workspace) -> Self {
        Self::new(workspace, std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub(crate) fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Names these targets to cargo.
    pub(crate) fn targets(self, targets: &[&str]) -> Self {
        targets.iter().fold(self, |cmd, &target| cmd.args(["--target", target]))
    }

    /// Sets a variable of the command's environment.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.envs.push((name.to_owned(), value.into()));
        self
    }

    /// Runs the command in `dir`.
    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        dir.clone_into(&mut self.dir);
        self
    }

    /// Has a cargo command run by `runner` what it builds for `target`. This is no variable, for that would end a path at its
    /// first space.
    pub(crate) fn runner(self, target: &str, runner: &[&OsStr]) -> Self {
        self.arg("--config").arg(format!("target.{target}.runner={runner:?}"))
    }

    /// Adds to the flags for rustc, after those that the user has set.
    pub(crate) fn rustflags(self, flags: &str) -> Self {
        if flags.is_empty() {
            return self;
        }
        let before = std::env::var("RUSTFLAGS").unwrap_or_default();
        self.env("RUSTFLAGS", format!("{before} {flags}").trim())
    }

    /// The command as a person would type it.
    pub(crate) fn display(&self) -> String {
        // The cargo that cargo names has a long path and is the one that a person gets by its short name.
        let is_cargo = std::env::var_os("CARGO").is_some_and(|cargo| cargo == self.program);
        let program = if is_cargo { "cargo".as_ref() } else { self.program.as_os_str() };
        let envs = self.envs.iter().map(|(name, value)| format!("{name}={}", quoted(&value.to_string_lossy())));
        let args = self.args.iter().map(|arg| quoted(&arg.to_string_lossy()));
        envs.chain([program.to_string_lossy().into_owned()]).chain(args).collect::<Vec<_>>().join(" ")
    }

    /// Runs the command; one that fails is an error with the end of its output.
    pub(crate) fn run(&self, workspace: &Workspace, log: &str) -> Result<Output> {
        let output = self.run_unchecked(workspace, log)?;
        if !output.status.success() {
            bail!("{}", self.complaint(workspace, log, &output));
        }
        Ok(output)
    }

    /// Runs the command, whatever its end.
    pub(crate) fn run_unchecked(&self, workspace: &Workspace, log: &str) -> Result<Output> {
        let path = log_path(workspace, log);
        fs::create_dir_all(workspace.logs())?;
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut child = self.spawn(file)?;
        let status = if workspace.verbose { follow(&mut child, &path)? } else { child.wait()? };
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        Ok(Output { status, text })
    }

    fn spawn(&self, log: File) -> Result<Child> {
        Command::new(&self.program)
            .args(&self.args)
            .envs(self.envs.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start `{}`", self.display()))
    }

    /// What to say of a command that failed.
    pub(crate) fn complaint(&self, workspace: &Workspace, log: &str, output: &Output) -> String {
        let lines: Vec<&str> = output.text.lines().collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        let text = if workspace.verbose { String::new() } else { format!("{}\n\n", shown.join("\n")) };
        let path = log_path(workspace, log);
        format!("{text}this command failed ({}):\n  {}\nits log: {}", output.status, self.display(), path.display())
    }
}

fn log_path(workspace: &Workspace, log: &str) -> PathBuf {
    workspace.logs().join(format!("{log}.log"))
}

/// Copies what the child writes into its log to standard output, until it ends.
fn follow(child: &mut Child, log: &Path) -> Result<ExitStatus> {
    let mut log = File::open(log)?;
    loop {
        let status = child.try_wait()?;
        let mut news = Vec::new();
        log.read_to_end(&mut news)?;
        std::io::stdout().write_all(&news)?;
        if let Some(status) = status {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
