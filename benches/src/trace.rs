//! Counts system calls: a load runs in a child process, and its main thread stops at each call.
//!
//! What the kernel is asked for cannot be seen from within, where calls are made inline; so the kernel tells. A mark is a
//! call that nobody else makes, and counted is what comes between an odd one and the even one after it. Other threads of
//! the child go on undisturbed and are not counted.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{bail, Context, Result};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::Pid;

/// Begins or ends what is counted.
pub(crate) fn mark() {
    let _ = rustix::process::getppid();
}

/// How many calls the program makes between its marks.
pub(crate) fn count(program: &mut Command) -> Result<u64> {
    let child = start(program).context("cannot trace a process of our own")?;
    // Reaped by this function, in whatever way it ends.
    let child = Pid::from_raw(i32::try_from(child.id())?);
    waitpid(child, None)?;
    ptrace::setoptions(child, Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL)?;
    let (mut counting, mut calls) = (false, 0);
    let mut signal = None;
    loop {
        ptrace::syscall(child, signal.take())?;
        match waitpid(child, None)? {
            WaitStatus::PtraceSyscall(_) => match entered(child)? {
                Some(number) if number == mark_number() => counting = !counting,
                Some(_) => calls += u64::from(counting),
                None => {}
            },
            WaitStatus::Stopped(_, Signal::SIGTRAP) => {}
            WaitStatus::Stopped(_, other) => signal = Some(other),
            WaitStatus::Exited(_, 0) => return Ok(calls),
            WaitStatus::Exited(_, status) => bail!("a process under trace failed with {status}"),
            WaitStatus::Signaled(_, signal, _) => bail!("a process under trace was ended by {signal}"),
            _ => {}
        }
    }
}

#[allow(unsafe_code)]
fn start(program: &mut Command) -> Result<std::process::Child> {
    let traceme = || Ok(ptrace::traceme()?);
    // SAFETY: between fork and exec it does one system call, and allocates nothing.
    unsafe { program.pre_exec(traceme) };
    Ok(program.spawn()?)
}

/// The number of the call that the child is about to make; nothing where it comes back from one.
fn entered(child: Pid) -> Result<Option<u64>> {
    let info = ptrace::syscall_info(child)?;
    if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        return Ok(None);
    }
    Ok(Some(entry_number(&info)))
}

#[allow(unsafe_code)]
fn entry_number(info: &libc::ptrace_syscall_info) -> u64 {
    // SAFETY: of an entry the kernel fills in this member.
    unsafe { info.u.entry.nr }
}

#[allow(clippy::cast_sign_loss)]
const fn mark_number() -> u64 {
    // Numbers of calls are positive.
    libc::SYS_getppid as u64
}
