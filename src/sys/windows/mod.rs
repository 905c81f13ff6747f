//! Readiness on Windows, made of a completion port and polls of `\Device\Afd`.
//!
//! `socket`, `event` and `pipe_io` are the decisions, `model` the proof of those for sockets; all are pure, so that a test
//! build of another platform has them. The rest performs them: `selector` waits, `timer` has it end on time,
//! `registration` has the sockets and what they lend to the kernel, `afd` asks the driver, `iocp` is the port that all
//! answers come to. `net`, `tcp` and `udp` make sockets, `named_pipe` pipes, with `operation` for what they lend. The
//! completion key says whose a packet is: 0, 1 and 3 below, 2 of pipes.

mod event;
mod pipe_io;
mod socket;

// Exploring takes its time, and comes to the same everywhere.
#[cfg(all(test, not(windows)))]
mod model;

#[cfg(windows)]
mod afd;
#[cfg(windows)]
mod handle;
#[cfg(windows)]
mod iocp;
#[cfg(windows)]
pub(crate) mod named_pipe;
#[cfg(windows)]
mod net;
#[cfg(windows)]
mod operation;
#[cfg(windows)]
mod registration;
#[cfg(windows)]
mod selector;
#[cfg(windows)]
pub(crate) mod tcp;
#[cfg(windows)]
mod timer;
#[cfg(windows)]
pub(crate) mod udp;
#[cfg(windows)]
mod waker;

#[cfg(windows)]
pub(crate) use selector::Selector;
#[cfg(windows)]
pub(crate) use std::os::windows::io::{AsRawSocket as AsRawSource, RawSocket as RawSource};

/// The completion key of AFD's packets: their address is the number of a slot, plus one.
#[cfg(windows)]
const AFD_KEY: usize = 0;
/// The completion key of wakers: how many bytes were moved is the number of the waker.
#[cfg(windows)]
const WAKER_KEY: usize = 1;
/// The completion key of a selector's timer, of which the packet says all.
#[cfg(windows)]
const TIMER_KEY: usize = 3;

#[cfg(windows)]
#[inline]
pub(crate) fn raw_source(io: &impl AsRawSource) -> RawSource {
    io.as_raw_socket()
}

/// Would warn of a source that blocks, but WinSock does not tell of a socket whether it does.
#[cfg(windows)]
pub(crate) fn check_source(_: RawSource) {}

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
