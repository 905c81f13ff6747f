//! Readiness on Windows, made of a completion port and polls of `\Device\Afd`.
//!
//! `socket`, `event` and `pipe_io` are the decisions: pure, and explored by `model`. The shell performs them: `selector`
//! waits, `registration` has the sockets and what they lend to the kernel, `waker` wakes, `afd` asks the driver. All of
//! it stands on a few names of the system, and a test build of another platform has them of a `simulated` one.
//!
//! Of the system's own, `device` is the driver, `iocp` the port that all answers come to, `timer` what ends waits on time.
//! `net`, `tcp` and `udp` make sockets, `named_pipe` pipes, with `operation` for what they lend. The completion key says
//! whose a packet is: 0, 1 and 3 below, 2 of pipes.

mod afd;
mod event;
mod handle;
mod pipe_io;
mod registration;
mod selector;
mod socket;
mod waker;

// Exploring takes its time, and comes to the same everywhere.
#[cfg(all(test, not(windows)))]
mod model;

#[cfg(windows)]
mod address;
#[cfg(windows)]
mod device;
#[cfg(windows)]
mod iocp;
#[cfg(windows)]
pub(crate) mod named_pipe;
#[cfg(windows)]
mod net;
#[cfg(windows)]
mod operation;
#[cfg(windows)]
mod source;
#[cfg(windows)]
pub(crate) mod tcp;
#[cfg(windows)]
mod timer;
#[cfg(windows)]
pub(crate) mod udp;
#[cfg(windows)]
use {
    crate::sys::timeout::Deadline,
    std::{sync, time::Instant},
};
#[cfg(windows)]
pub(crate) use {
    selector::Selector,
    source::{check_source, raw_source, AsRawSource, RawSource},
};

#[cfg(not(windows))]
mod simulated;
#[cfg(all(fuzzing, not(windows)))]
pub(super) use {pipe_io::model::run_choices as run_pipe, simulated::choices::run as run_sockets};
#[cfg(not(windows))]
use {
    simulated::clock::{Deadline, Instant},
    simulated::schedule::sync,
    simulated::{device, iocp, named_pipe, net, timer},
};

/// The completion key of AFD's packets: their address is the number of a slot, plus one.
const AFD_KEY: usize = 0;
/// The completion key of wakers: how many bytes were moved is the number of the waker.
const WAKER_KEY: usize = 1;
/// The completion key of a selector's timer, of which the packet says all.
#[cfg(windows)]
const TIMER_KEY: usize = 3;

/// The result of a call: the error of the thread (`GetLastError`, which is `WSAGetLastError`) when it `fails` by being
/// `failure`, as in `syscall!(result, PartialEq::eq, SOCKET_ERROR)`.
#[cfg(windows)]
macro_rules! syscall {
    ($result:expr, $fails:path, $failure:expr $(,)?) => {{
        let result = $result;
        if $fails(&result, &$failure) {
            Err(::std::io::Error::last_os_error())
        } else {
            Ok(result)
        }
    }};
}

#[cfg(windows)]
use syscall;
