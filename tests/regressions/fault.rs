//! Faults that a test can order from the kernel, and what a process can see of itself, beyond what
//! [`crate::util::linux`] has.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::fs;
use std::os::fd::{BorrowedFd, RawFd};
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread;

use seccompiler::{
    apply_filter, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// A system call that shall fail.
pub(crate) struct Refusal {
    call: i64,
    only: Option<(u8, u64)>,
    errno: c_int,
}

impl Refusal {
    /// Of each `call`, whose number has 32 bits on some systems.
    pub(crate) fn all(call: impl Into<i64>, errno: c_int) -> Refusal {
        Refusal { call: call.into(), only: None, errno }
    }

    /// Only where this argument has this value.
    pub(crate) fn only(self, argument: u8, value: u64) -> Refusal {
        Refusal { only: Some((argument, value)), ..self }
    }
}

/// Runs `body` in a thread of its own, where the kernel refuses a call. Other threads are not concerned, and the
/// filter goes with the thread.
pub(crate) fn refusing<R: Send>(refusal: Refusal, body: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let filtered = scope.spawn(move || {
            apply_filter(&program(&refusal)).expect("a seccomp filter");
            body()
        });
        filtered.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

fn program(refusal: &Refusal) -> BpfProgram {
    let rules = refusal.only.map(|(argument, value)| {
        let equal = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value).unwrap();
        SeccompRule::new(vec![equal]).unwrap()
    });
    let errno = u32::try_from(refusal.errno).unwrap();
    SeccompFilter::new(
        BTreeMap::from([(refusal.call, rules.into_iter().collect())]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        std::env::consts::ARCH.try_into().unwrap(),
    )
    .and_then(BpfProgram::try_from)
    .expect("a seccomp program")
}

/// A descriptor that is known by its number only.
#[allow(unsafe_code)]
pub(crate) fn borrow(fd: RawFd) -> BorrowedFd<'static> {
    // SAFETY: callers found `fd` among this process's open descriptors, and its owner outlives their use of it.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// How many pages of memory this process holds.
pub(crate) fn resident_pages() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The open descriptors of this process, and what each is.
pub(crate) fn descriptors() -> BTreeMap<RawFd, PathBuf> {
    let numbers = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().file_name());
    // What opened the directory is among the numbers, and closed by now.
    let numbers: BTreeSet<RawFd> = numbers.map(|name| name.to_str().unwrap().parse().unwrap()).collect();
    let link = |fd| fs::read_link(format!("/proc/self/fd/{fd}")).ok();
    numbers.into_iter().filter_map(|fd| Some((fd, link(fd)?))).collect()
}
