//! The tests on kernels that lack a system call.
//!
//! An old kernel answers ENOSYS to a call that it does not know, and a container with an old list of calls answers EPERM.
//! Here a filter of the kernel's gives these answers. nextest is told to run each test program by this one (`cargo xtask
//! without …`): it installs the filter, sees that it bites, and becomes the program.

#[cfg(all(target_os = "linux", target_endian = "little"))]
mod filter;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use anyhow::{ensure, Context, Result};
use clap::{Args, ValueEnum};

use crate::cmd::Cmd;
use crate::nextest;
use crate::outcome::Outcome;
use crate::workspace::Workspace;

/// The calls without which poised, or what stands on it, has another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Call {
    #[value(name = "epoll_pwait2")]
    EpollPwait2,
    #[value(name = "eventfd2")]
    Eventfd2,
    #[value(name = "accept4")]
    Accept4,
    #[value(name = "pidfd_open")]
    PidfdOpen,
}

/// What the kernel answers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Answer {
    #[value(name = "ENOSYS")]
    Unknown,
    #[value(name = "EPERM")]
    Denied,
}

/// Options of `cargo xtask without`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[arg(value_enum)]
    call: Call,
    #[arg(value_enum)]
    answer: Answer,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

impl Call {
    pub(crate) const ALL: [Self; 4] = [Self::EpollPwait2, Self::Eventfd2, Self::Accept4, Self::PidfdOpen];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EpollPwait2 => "epoll_pwait2",
            Self::Eventfd2 => "eventfd2",
            Self::Accept4 => "accept4",
            Self::PidfdOpen => "pidfd_open",
        }
    }

    /// What is run, in the language of nextest, and how many tests that is at least.
    fn tests(self) -> (&'static str, u64) {
        match self {
            // Most tests make their connections with the standard library, which has no other way to accept.
            Self::Accept4 => ("(kind(lib) + test(/^(tcp_listener|unix_listener|p20)::/) + test(/accept4/))", 70),
            Self::EpollPwait2 | Self::Eventfd2 | Self::PidfdOpen => ("all()", 800),
        }
    }

    /// Tests that make the call themselves, or see whether poised does.
    fn left_out(self) -> &'static [&'static str] {
        match self {
            // They see that short timeouts are exact, and are again for who can make the call.
            Self::EpollPwait2 => &[
                "timeouts::scenario_34_short_timeouts_are_exact",
                "timeouts::scenario_36_epoll_pwait2_is_forbidden",
                "timeouts::scenario_36_epoll_pwait2_is_missing",
            ],
            // They make an eventfd to fill, to wake by, or to watch.
            Self::Eventfd2 => &[
                "sys::unix::notifier::tests::scenario_49_a_full_eventfd_still_notifies",
                "sys::unix::notifier::tests::scenario_68_each_wake_is_an_edge_where_only_the_first_note_is_one",
                "sys::unix::notifier::tests::scenario_68_the_poll_that_follows_a_wake_returns",
                "descriptors::scenario_45_close_before_deregister_leaks_nothing",
                "descriptors::scenario_45_number_closed_and_never_deregistered_used_again",
                "descriptors::scenario_45_number_closed_before_deregister_used_again",
            ],
            Self::Accept4 => &[],
            // It watches a process.
            Self::PidfdOpen => &["limits::scenario_54_process_without_a_watch"],
        }
    }
}

impl Answer {
    pub(crate) const ALL: [Self; 2] = [Self::Unknown, Self::Denied];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "ENOSYS",
            Self::Denied => "EPERM",
        }
    }
}

/// The step for a call: the tests that meet the kernel, once with each answer.
pub(crate) fn step(workspace: &Workspace, call: Call) -> Result<Outcome> {
    let mut total = Outcome::default();
    for answer in Answer::ALL {
        let cmd = Cmd::cargo(workspace).args(["nextest", "run", "--package", "poised", "-E", &filter(call)]);
        let Some(cmd) = under(workspace, cmd, call, answer)? else {
            return Ok(Outcome::note("left out: the filters are Linux's"));
        };
        let cmd = nextest::side_by_side(cmd, nextest::HERE);
        let outcome = nextest::step(workspace, cmd, &format!("without-{}-{}", call.name(), answer.name()))?;
        let ran = outcome.counts.passed + outcome.counts.failed;
        ensure!(ran >= call.tests().1, "{ran} tests ran, at least {} are known", call.tests().1);
        total.counts.passed += outcome.counts.passed;
        total.counts.failed += outcome.counts.failed;
        total.complaint = total.complaint.or(outcome.complaint);
    }
    total.note = format!("{} tests, by {}", total.counts.passed, Answer::ALL.map(Answer::name).join(" and "));
    Ok(total)
}

/// In the language of nextest. The models of other systems' kernels do as those would, whatever Linux lacks below them.
fn filter(call: Call) -> String {
    let left_out = nextest::without(call.left_out().iter().copied());
    let models = "test(/^sys::(contract::)?(windows|kqueue|event_ports)::/)";
    format!("{} - {models} - binary(examples){left_out}", call.tests().0)
}

/// The same cargo command, but that its programs run without the call. None where no filter can be had.
pub(crate) fn under(workspace: &Workspace, cmd: Cmd, call: Call, answer: Answer) -> Result<Option<Cmd>> {
    if cfg!(not(all(target_os = "linux", target_endian = "little"))) {
        return Ok(None);
    }
    let filter = ["without", call.name(), answer.name(), "--"].map(OsStr::new);
    Ok(Some(cmd.runner(&host(workspace)?, &[&[workspace.xtask.as_os_str()], &filter[..]].concat())))
}

/// The target that cargo builds for when it is told none.
fn host(workspace: &Workspace) -> Result<String> {
    let version = Cmd::new(workspace, "rustc").args(["--version", "--verbose"]).run(workspace, "rustc")?.text;
    version.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).context("rustc names no host")
}

/// Installs the filter, sees that it bites, and becomes the program.
#[cfg(all(target_os = "linux", target_endian = "little"))]
pub(crate) fn become_program(options: &Options) -> Result<()> {
    use std::os::unix::process::CommandExt;

    filter::install(options.call, options.answer)?;
    filter::check(options.call, options.answer)?;
    let (program, arguments) = options.program.split_first().context("no program")?;
    let error = std::process::Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", Path::new(program).display()))
}

#[cfg(not(all(target_os = "linux", target_endian = "little")))]
pub(crate) fn become_program(options: &Options) -> Result<()> {
    anyhow::bail!("no filter for {:?} here", options.call)
}
