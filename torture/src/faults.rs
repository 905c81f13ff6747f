//! What happens to a process besides its own work: signals, forks, programs that it starts.

#![allow(unsafe_code)] // A handler, a fork.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use nix::sys::signal::{sigaction, SaFlags, SigAction, SigEvent, SigHandler, SigSet, SigevNotify, Signal};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::sys::wait::{waitpid, WaitStatus};
use nix::time::ClockId;
use nix::unistd::{fork, gettid, ForkResult};

const SIGNAL: Signal = Signal::SIGUSR1;
/// No whole part of anything else's period.
const BETWEEN_SIGNALS: Duration = Duration::from_micros(1_237);
const BETWEEN_FORKS: Duration = Duration::from_millis(150);

extern "C" fn nothing(_: i32) {}

/// Signals to this thread, many in a second, until it is dropped. They end waits: the handler wants no call restarted.
#[derive(Debug)]
pub(crate) struct Storm {
    _timer: Timer,
}

impl Storm {
    pub(crate) fn begin() -> Result<Storm> {
        let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing, which any thread may do at any time.
        unsafe { sigaction(SIGNAL, &action) }?;
        let to = SigevNotify::SigevThreadId { signal: SIGNAL, thread_id: gettid().as_raw(), si_value: 0 };
        let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(to)).context("no timer for signals")?;
        timer.set(Expiration::Interval(BETWEEN_SIGNALS.into()), TimerSetTimeFlags::empty())?;
        Ok(Storm { _timer: timer })
    }
}

/// A thread that forks while others poll: children that end at once, and children that become another program.
#[derive(Debug)]
pub(crate) struct Forks {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<u64>>,
}

impl Forks {
    pub(crate) fn begin() -> Forks {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut children = 0;
            // Relaxed: it is a word to stop, and says nothing of other memory.
            while !stopped.load(Ordering::Relaxed) {
                fork_and_end()?;
                children += 1 + u64::from(start_another()?);
                thread::sleep(BETWEEN_FORKS);
            }
            Ok(children)
        });
        Forks { stop, thread }
    }

    /// How many children there were.
    pub(crate) fn end(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed); // As above.
        self.thread.join().map_err(|_| anyhow::anyhow!("the thread that forks panicked"))?
    }
}

/// A copy of this process, with all its descriptors, for a moment.
fn fork_and_end() -> Result<()> {
    // SAFETY: the child makes one call, which is allowed after a fork of many threads.
    match unsafe { fork() }.context("fork")? {
        ForkResult::Child => {
            // SAFETY: it ends this process, and runs nothing of it.
            unsafe { nix::libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            let end = waitpid(child, None)?;
            ensure!(matches!(end, WaitStatus::Exited(_, 0)), "a child ended so: {end:?}");
            Ok(())
        }
    }
}

/// A program that must inherit no descriptor but the standard ones. Whether it could be started: where no descriptor is left
/// it can't.
fn start_another() -> Result<bool> {
    let mut command = Command::new("ls");
    command.arg("/proc/self/fd").stdin(Stdio::null()).stderr(Stdio::null());
    let output = match command.output() {
        Err(error) if matches!(error.raw_os_error(), Some(nix::libc::EMFILE | nix::libc::EAGAIN)) => return Ok(false),
        output => output.context("cannot start ls")?,
    };
    let inherited = String::from_utf8_lossy(&output.stdout).lines().filter(|line| !is_standard(line)).count();
    // Its own, of the folder.
    ensure!(inherited <= 1 + before(), "a child inherited {inherited} descriptors");
    Ok(true)
}

fn is_standard(number: &str) -> bool {
    ["0", "1", "2"].contains(&number)
}

/// How many descriptors whoever started this process let it inherit.
fn before() -> usize {
    use std::sync::OnceLock;
    static BEFORE: OnceLock<usize> = OnceLock::new();
    *BEFORE.get_or_init(|| {
        let entries = std::fs::read_dir("/proc/self/fd").map(|entries| entries.flatten().collect::<Vec<_>>());
        let inheritable = |number: &str| {
            let number: i32 = number.parse().unwrap_or(-1);
            // SAFETY: it asks for the flags of a number, whatever that is.
            let flags = unsafe { nix::libc::fcntl(number, nix::libc::F_GETFD) };
            flags >= 0 && flags & nix::libc::FD_CLOEXEC == 0
        };
        let names = entries.unwrap_or_default().into_iter().filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| !is_standard(name) && inheritable(name)).count()
    })
}

/// Notes what was inherited, before this process opens anything itself.
pub(crate) fn note_what_was_inherited() {
    before();
}
