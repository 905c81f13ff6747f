//! The processors that threads run on, and the descriptors that they may have.

use std::sync::OnceLock;

use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};
use rustix::thread::{sched_getaffinity, sched_setaffinity, CpuSet};

/// Who runs where: server and client each have a processor of their own, where there are two.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Server,
    Client,
}

/// Keeps this thread on its processor. With one alone there is no choice.
pub(crate) fn pin(side: Side) {
    let cpus = cpus();
    let cpu = match side {
        Side::Server => cpus.first(),
        Side::Client => cpus.get(1),
    };
    if let (Some(&cpu), true) = (cpu, cpus.len() > 1) {
        let mut set = CpuSet::new();
        set.set(cpu);
        // Where it is not allowed, the threads run where the system has them run.
        let _ = sched_setaffinity(None, &set);
    }
}

/// The processors that this program may use. Asked before any thread is pinned.
pub(crate) fn cpus() -> &'static [usize] {
    static CPUS: OnceLock<Vec<usize>> = OnceLock::new();
    CPUS.get_or_init(|| {
        let set = sched_getaffinity(None).unwrap_or_default();
        (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
    })
}

/// Raises the limit of descriptors as far as it goes. How many there may be.
pub(crate) fn descriptors() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(limit).unwrap_or(usize::MAX)
}
