//! Faults that a test can order from the kernel, and what a process can see of itself, beyond what
//! [`crate::util::linux`] has.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread;

use libc::{sock_filter, sock_fprog};

/// A system call that shall fail.
pub(crate) struct Refusal {
    call: i64,
    only: Option<(u32, u32)>,
    errno: c_int,
}

impl Refusal {
    /// Of each `call`, whose number has 32 bits on some systems.
    pub(crate) fn all(call: impl Into<i64>, errno: c_int) -> Refusal {
        Refusal { call: call.into(), only: None, errno }
    }

    /// Only where this argument has this value.
    pub(crate) fn only(self, argument: u32, value: u32) -> Refusal {
        Refusal { only: Some((argument, value)), ..self }
    }
}

/// Runs `body` in a thread of its own, where the kernel refuses a call. Other threads are not concerned, and the
/// filter goes with the thread.
pub(crate) fn refusing<R: Send>(refusal: Refusal, body: impl FnOnce() -> R + Send) -> R {
    filtered(program(&refusal), body)
}

/// Runs `body` in a thread of its own, where the kernel refuses all calls but those that a thread ends with, and those by
/// which it waits for a lock. What `body` asks of the kernel fails.
pub(crate) fn alone<R: Send>(body: impl FnOnce() -> R + Send) -> R {
    const OF_THREADS: [libc::c_long; 9] = [
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_madvise,
        libc::SYS_mprotect,
        libc::SYS_munmap,
        libc::SYS_rt_sigprocmask,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
    ];
    let mut program = vec![load(0)];
    for call in OF_THREADS {
        // Behind the next line, which allows it, where it is not this call.
        let compare = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        program.push(sock_filter { jf: 1, ..step(compare, call.try_into().unwrap(), 0) });
        program.push(step(libc::BPF_RET, libc::SECCOMP_RET_ALLOW, 0));
    }
    program.push(step(libc::BPF_RET, libc::SECCOMP_RET_ERRNO | u32::try_from(libc::EPERM).unwrap(), 0));
    filtered(program, body)
}

fn filtered<R: Send>(filter: Vec<sock_filter>, body: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let filtered = scope.spawn(move || {
            install(filter);
            body()
        });
        filtered.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Puts the filter between this thread and the kernel, for good.
#[allow(unsafe_code)]
fn install(mut filter: Vec<sock_filter>) {
    let program = sock_fprog { len: filter.len().try_into().unwrap(), filter: filter.as_mut_ptr() };
    // SAFETY: it takes numbers, and gives up rights that no test needs.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
    // SAFETY: the kernel copies the program, which outlives the call.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// A filter over `seccomp_data`: the number of the call in its first word, the arguments from its 16th byte on, 8 bytes each.
fn program(refusal: &Refusal) -> Vec<sock_filter> {
    let errno = libc::SECCOMP_RET_ERRNO | u32::try_from(refusal.errno).unwrap();
    let mut program = equal(0, refusal.call.try_into().unwrap());
    if let Some((argument, value)) = refusal.only {
        let high_half_first = if cfg!(target_endian = "big") { 4 } else { 0 };
        program.extend(equal(16 + 8 * argument + high_half_first, value));
    }
    program.push(step(libc::BPF_RET, errno, 0));
    program
}

/// Allows the call unless the word at this offset has this value.
fn equal(offset: u32, value: u32) -> Vec<sock_filter> {
    vec![
        load(offset),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 1),
        step(libc::BPF_RET, libc::SECCOMP_RET_ALLOW, 0),
    ]
}

fn load(offset: u32) -> sock_filter {
    step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0)
}

fn step(code: u32, k: u32, jt: u8) -> sock_filter {
    sock_filter { code: code.try_into().unwrap(), jt, jf: 0, k }
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
