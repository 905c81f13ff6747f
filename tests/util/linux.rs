//! What the tests ask of Linux itself: whether a thread sleeps, signals, fork, limits, flags of descriptors.
//!
//! Signals, fork and limits belong to the whole process: their users run in [`super::isolated`].

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{fcntl, FcntlArg, FdFlag, OFlag};
use nix::sys::pthread::{pthread_kill, pthread_self, Pthread};
use nix::sys::resource::{getrlimit, getrusage, setrlimit, Resource, UsageWho};
use nix::sys::signal::{self, SaFlags, SigAction, SigHandler, SigSet, Signal};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeValLike;
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{fork, gettid, ForkResult};

use super::{Harness, PATIENCE};

/// A thread that any thread may send signals to.
#[derive(Clone, Copy, Debug)]
pub struct Thread(Pthread);

// SAFETY: it is a name, good in the whole process; only musl's looks like a pointer.
#[allow(unsafe_code)]
unsafe impl Send for Thread {}
// SAFETY: likewise.
#[allow(unsafe_code)]
unsafe impl Sync for Thread {}

impl Thread {
    /// The one that runs this.
    pub fn current() -> Thread {
        Thread(pthread_self())
    }

    pub fn signal(&self, signal: Signal) {
        pthread_kill(self.0, signal).expect("pthread_kill");
    }
}

/// A thread that polls while the test does something else.
#[derive(Debug)]
pub struct Poller {
    thread: Thread,
    id: i32,
}

impl Poller {
    /// Sends the thread a signal.
    pub fn signal(&self, signal: Signal) {
        self.thread.signal(signal);
    }

    /// Waits until the thread sleeps in the kernel.
    #[track_caller]
    pub fn until_asleep(&self) {
        let path = format!("/proc/self/task/{}/stat", self.id);
        let deadline = Instant::now() + PATIENCE;
        while state_of(&path) != "S" {
            assert!(Instant::now() < deadline, "the thread does not sleep");
            thread::yield_now();
        }
    }
}

/// The state in `/proc/…/stat`: the first word behind the name, which stands in parentheses.
fn state_of(path: &str) -> String {
    let stat = std::fs::read_to_string(path).expect("the state of a thread");
    let (_, rest) = stat.rsplit_once(')').expect("a name in parentheses");
    rest.split_whitespace().next().expect("a state").to_owned()
}

/// Polls once in a thread of its own, and runs `meanwhile` as soon as that thread sleeps in the poll. What the poll
/// returned, and what `meanwhile` did.
#[track_caller]
pub fn while_polling<R>(
    harness: &mut Harness,
    timeout: Option<Duration>,
    meanwhile: impl FnOnce(&Poller) -> R,
) -> (io::Result<()>, R) {
    let thread = Mutex::new(None);
    let id = AtomicI32::new(0);
    thread::scope(|scope| {
        let poller = scope.spawn(|| {
            *thread.lock().unwrap() = Some(Thread::current());
            // Release: whoever sees the id finds the thread in the mutex.
            id.store(gettid().as_raw(), Ordering::Release);
            harness.poll.poll(&mut harness.events, timeout)
        });
        while id.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
        let it = Poller { thread: thread.lock().unwrap().unwrap(), id: id.load(Ordering::Acquire) };
        it.until_asleep();
        let done = meanwhile(&it);
        (poller.join().expect("the polling thread"), done)
    })
}

/// The processor time that this thread has used.
pub fn thread_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("getrusage");
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(micros.try_into().expect("time that is not negative"))
}

/// Makes this process catch `signal`: without SA_RESTART, so that calls it meets are interrupted.
pub fn catch(signal: Signal) {
    extern "C" fn nothing(_: i32) {}
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler touches nothing, so it may run at any point of any thread.
    #[allow(unsafe_code)]
    unsafe { signal::sigaction(signal, &action) }.expect("sigaction");
}

/// Runs `body` in a fork of this process, which then ends without unwinding or cleaning up, and waits for it.
#[track_caller]
pub fn in_fork(body: impl FnOnce()) {
    // SAFETY: the caller's process runs this test alone (see `isolated`), so no other thread can hold a lock that the
    // child would wait for.
    #[allow(unsafe_code)]
    match unsafe { fork() }.expect("fork") {
        ForkResult::Child => {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // Neither exit handlers nor destructors: they belong to the parent's test.
            signal::raise(if result.is_ok() { Signal::SIGKILL } else { Signal::SIGABRT }).expect("raise");
            unreachable!("it has killed itself");
        }
        ForkResult::Parent { child } => {
            let status = waitpid(child, None).expect("waitpid");
            assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _)), "the fork: {status:?}");
        }
    }
}

/// Lets this process open `count` descriptors more than it has; returns the undo.
pub fn allow_descriptors(count: usize) -> impl FnOnce() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("getrlimit");
    let limit = lowest_free() + count;
    setrlimit(Resource::RLIMIT_NOFILE, limit.try_into().expect("a limit"), hard).expect("setrlimit");
    move || setrlimit(Resource::RLIMIT_NOFILE, soft, hard).expect("setrlimit")
}

/// The number that the next descriptor gets. The caller has no holes below its highest one.
fn lowest_free() -> usize {
    let probe = std::fs::File::open("/dev/null").expect("/dev/null");
    usize::try_from(std::os::fd::AsRawFd::as_raw_fd(&probe)).expect("a descriptor")
}

pub fn is_cloexec(fd: impl AsFd) -> bool {
    let flags = fcntl(fd, FcntlArg::F_GETFD).expect("F_GETFD");
    FdFlag::from_bits_retain(flags).contains(FdFlag::FD_CLOEXEC)
}

pub fn is_nonblocking(fd: impl AsFd) -> bool {
    let flags = fcntl(fd, FcntlArg::F_GETFL).expect("F_GETFL");
    OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK)
}

/// Makes closing the socket reset its connection.
pub fn reset_on_close(socket: impl AsFd) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    setsockopt(&socket, sockopt::Linger, &linger).expect("SO_LINGER");
}
