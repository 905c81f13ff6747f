//! The filter of one call, and the proof that it bites.

use std::collections::BTreeMap;

use anyhow::{ensure, Result};
use rustix::event::epoll::{self, CreateFlags};
use rustix::event::{eventfd, EventfdFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{accept_with, SocketFlags};
use rustix::process::{getpid, pidfd_open, PidfdFlags};
use seccompiler::{apply_filter, BpfProgram, SeccompAction, SeccompFilter};

use super::{Answer, Call};

/// Denies this thread the call, and all that it starts.
pub(super) fn install(call: Call, answer: Answer) -> Result<()> {
    let number = match call {
        Call::EpollPwait2 => libc::SYS_epoll_pwait2,
        Call::Eventfd2 => libc::SYS_eventfd2,
        Call::Accept4 => libc::SYS_accept4,
        Call::PidfdOpen => libc::SYS_pidfd_open,
    };
    let refusal = SeccompAction::Errno(errno(answer).raw_os_error().unsigned_abs());
    let arch = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(BTreeMap::from([(number, Vec::new())]), SeccompAction::Allow, refusal, arch)?;
    Ok(apply_filter(&BpfProgram::try_from(filter)?)?)
}

/// Makes the call; an error if the answer is another one.
pub(super) fn check(call: Call, answer: Answer) -> Result<()> {
    let got = make(call).err();
    ensure!(got == Some(errno(answer)), "the filter does not bite: {} gives {got:?}", call.name());
    Ok(())
}

fn errno(answer: Answer) -> Errno {
    match answer {
        Answer::Unknown => Errno::NOSYS,
        Answer::Denied => Errno::PERM,
    }
}

/// Makes the call, in a way that changes nothing.
fn make(call: Call) -> rustix::io::Result<()> {
    match call {
        Call::EpollPwait2 => {
            let epoll = epoll::create(CreateFlags::CLOEXEC)?;
            // Too long for the older call that would do otherwise. Without room for events it does not wait.
            let years = Timespec { tv_sec: i32::MAX.into(), tv_nsec: 0 };
            let no_room: &mut [epoll::Event; 0] = &mut [];
            epoll::wait(epoll, no_room, Some(&years)).map(drop)
        }
        Call::Eventfd2 => eventfd(0, EventfdFlags::CLOEXEC).map(drop),
        // What is no socket has no connections: without a filter it is that error.
        Call::Accept4 => accept_with(epoll::create(CreateFlags::CLOEXEC)?, SocketFlags::CLOEXEC).map(drop),
        Call::PidfdOpen => pidfd_open(getpid(), PidfdFlags::empty()).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::{check, errno, install, make};
    use crate::faults::{Answer, Call};

    #[test]
    fn filters_bite_in_their_thread_and_nowhere_else() {
        for call in Call::ALL {
            for answer in Answer::ALL {
                assert!(check(call, answer).is_err(), "{call:?} gives {answer:?} without a filter");
                let filtered = thread::spawn(move || {
                    install(call, answer).unwrap();
                    check(call, answer).unwrap();
                    Call::ALL.map(|other| other == call || make(other).err() != Some(errno(answer)))
                });
                assert_eq!(filtered.join().unwrap(), [true; 4], "{call:?} alone");
            }
        }
    }
}
