//! The door to the operating system: the platform table, and [`Selector`], the contract that every mechanism keeps.
//!
//! This is the only place that picks a platform. A mechanism is a folder with the same file names in each: `selector`
//! registers and waits, `event` is the record that the system fills, `waker` wakes. How a family of systems makes
//! sockets is in its own folder (`unix`), and `transfer` holds the calls that move bytes.
//!
//! Promise to the rest of the crate: names here mean the same on every platform, so that nothing outside of `sys` names
//! an operating system.

// The crate denies unsafe code; this module is the one that may hold it.
#![allow(unsafe_code)]

use std::fmt::{self, Debug};
use std::io;
use std::time::Duration;

use crate::{Interest, Token};

#[cfg(any(unix, target_os = "hermit", target_os = "wasi"))]
#[allow(dead_code)] // Only where the kernel tells levels.
mod edges;
pub(crate) mod error;
mod timeout;
pub(crate) mod transfer;
#[cfg(unix)]
#[allow(dead_code)] // Not every mechanism can be asked without the kernel.
mod wakes;

#[cfg(test)]
mod contract;
/// The door of `fuzz/`.
#[cfg(all(fuzzing, target_os = "linux"))]
pub mod fuzzing;
/// Elsewhere nobody comes through it; but a crate that is fuzzed there may stand on this one.
#[cfg(all(fuzzing, not(target_os = "linux")))]
pub mod fuzzing {}
#[cfg(all(test, target_os = "linux"))]
mod scenarios;

// The platform table. One line a choice; the last one says that there is none.

#[cfg(all(
    any(target_os = "linux", target_os = "android", target_os = "illumos", target_os = "redox"),
    any(
        test,
        not(any(
            poised_backend = "poll",
            mio_unsupported_force_poll_poll,
            poised_backend = "kqueue",
            poised_backend = "event-ports"
        ))
    )
))]
mod epoll;
// On Linux over a model of the kernel.
#[cfg(any(target_os = "solaris", all(target_os = "linux", any(test, poised_backend = "event-ports"))))]
mod event_ports;
// On Linux over a model of the kernel.
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd",
    all(target_os = "linux", any(test, poised_backend = "kqueue"))
))]
mod kqueue;
#[cfg(any(
    all(
        any(target_os = "linux", target_os = "android", target_os = "illumos", target_os = "redox"),
        any(test, poised_backend = "poll", mio_unsupported_force_poll_poll)
    ),
    target_os = "aix",
    target_os = "cygwin",
    target_os = "emscripten",
    target_os = "espidf",
    target_os = "fuchsia",
    target_os = "haiku",
    target_os = "hermit",
    target_os = "horizon",
    target_os = "hurd",
    target_os = "l4re",
    target_os = "nto",
    target_os = "nuttx",
    target_os = "vita",
    target_os = "vxworks",
    target_os = "wasi"
))]
mod poll;
// Hermit has the sockets of Unix, and calls itself none.
#[cfg(any(unix, target_os = "hermit"))]
mod unix;
#[cfg(not(any(unix, windows, target_os = "hermit", target_os = "wasi")))]
mod unsupported;
#[cfg(target_os = "wasi")]
mod wasi;
// It is tested over a simulated kernel where there is no Windows; the threads of that are not for s390x.
#[cfg(any(windows, all(fuzzing, target_os = "linux"), all(test, unix, not(target_arch = "s390x"))))]
#[cfg_attr(all(any(fuzzing, loom), not(windows)), allow(dead_code))]
mod windows;

#[cfg(all(
    any(target_os = "linux", target_os = "android", target_os = "illumos", target_os = "redox"),
    not(any(
        poised_backend = "poll",
        mio_unsupported_force_poll_poll,
        poised_backend = "kqueue",
        poised_backend = "event-ports"
    ))
))]
pub(crate) use epoll::Selector as PlatformSelector;
#[cfg(any(target_os = "solaris", all(target_os = "linux", poised_backend = "event-ports")))]
pub(crate) use event_ports::Selector as PlatformSelector;
#[cfg(any(
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd",
    all(target_os = "linux", poised_backend = "kqueue")
))]
pub(crate) use kqueue::Selector as PlatformSelector;
#[cfg(any(
    all(
        any(target_os = "linux", target_os = "android", target_os = "illumos", target_os = "redox"),
        any(poised_backend = "poll", mio_unsupported_force_poll_poll)
    ),
    target_os = "aix",
    target_os = "cygwin",
    target_os = "emscripten",
    target_os = "espidf",
    target_os = "fuchsia",
    target_os = "haiku",
    target_os = "hermit",
    target_os = "horizon",
    target_os = "hurd",
    target_os = "l4re",
    target_os = "nto",
    target_os = "nuttx",
    target_os = "vita",
    target_os = "vxworks",
    target_os = "wasi"
))]
pub(crate) use poll::Selector as PlatformSelector;
#[cfg(any(unix, target_os = "hermit"))]
pub(crate) use unix::{check_source, raw_source, tcp, udp, AsRawSource, RawSource};
#[cfg(unix)]
pub(crate) use unix::{pipe, uds};

#[cfg(windows)]
pub(crate) use windows::{
    check_source, named_pipe, raw_source, tcp, udp, AsRawSource, RawSource, Selector as PlatformSelector,
};

#[cfg(all(
    unix,
    not(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "illumos",
        target_os = "redox",
        target_os = "solaris",
        target_os = "aix",
        target_os = "cygwin",
        target_os = "emscripten",
        target_os = "espidf",
        target_os = "fuchsia",
        target_os = "haiku",
        target_os = "horizon",
        target_os = "hurd",
        target_os = "l4re",
        target_os = "nto",
        target_os = "nuttx",
        target_os = "vita",
        target_os = "vxworks"
    ))
))]
compile_error!("poised does not know this platform: docs/porting.md says how to add it");

#[cfg(target_os = "wasi")]
pub(crate) use wasi::{check_source, raw_source, tcp, udp, AsRawSource, RawSource};

#[cfg(not(any(unix, windows, target_os = "hermit", target_os = "wasi")))]
pub(crate) use unsupported::{
    check_source, raw_source, tcp, udp, AsRawSource, RawSource, Selector as PlatformSelector,
};

#[cfg(any(unix, target_os = "hermit", target_os = "wasi"))]
mod source_fd;
#[cfg(any(unix, target_os = "hermit", target_os = "wasi"))]
pub use source_fd::SourceFd;

/// Keeps items where sources are descriptors, and only there.
#[cfg(any(unix, target_os = "hermit", target_os = "wasi"))]
macro_rules! on_descriptors {
    ($($item:item)*) => { $($item)* };
}
#[cfg(not(any(unix, target_os = "hermit", target_os = "wasi")))]
macro_rules! on_descriptors {
    ($($item:item)*) => {};
}
pub(crate) use on_descriptors;

/// The registration that an [`IoSource`](crate::IoSource) holds.
pub(crate) type Registration = <PlatformSelector as Selector>::Registration;
/// The record that the system fills for each event.
pub(crate) type Event = <PlatformSelector as Selector>::Event;
/// What a [`Waker`](crate::Waker) holds.
pub(crate) type PlatformWaker = <PlatformSelector as Selector>::Waker;

/// The contract between poised and a mechanism of readiness (epoll, poll(2), …), and the guide for porting it.
///
/// A selector keeps registrations, each a source with a token and an interest, and waits until some are ready. Its
/// clones stand for the same set. What it owes is written as tests, in `contract.rs`, which run over every selector
/// that can be compiled here. In short:
///
/// * What is ready at `register` or `reregister` is reported by the next `wait`; an edge, so once, until the source
///   would have blocked or more readiness came.
/// * Registering from one thread while another waits takes effect at once.
/// * After `deregister` no wait that begins later reports the source.
/// * An error changes nothing.
///
/// The source is named by its raw handle, since it belongs to the caller; it is open for the length of the call, or the
/// system's error says that it is not.
pub(crate) trait Selector: Sized + Debug + Send + Sync {
    /// What a source that poised owns keeps: enough to re-arm it, and to end its registration when dropped.
    type Registration: Debug + Send + Sync;
    /// The record of one event, filled by `wait`.
    type Event: Readiness + Clone + Send + Sync;
    /// Wakes a selector; its registration ends when it is dropped.
    type Waker: Debug + Send + Sync;

    /// Whether edges are made by the selector rather than the kernel, so that it must be told of `WouldBlock`.
    const EMULATES_EDGES: bool;

    /// Makes a selector without registrations.
    fn new() -> io::Result<Self>;

    /// Makes another handle of the same set of registrations.
    fn try_clone(&self) -> io::Result<Self>;

    /// Registers a source that will tell of each `WouldBlock` by [`rearm`](Selector::rearm).
    fn register(&self, source: RawSource, token: Token, interest: Interest) -> io::Result<Self::Registration>;

    /// Changes token and interest.
    fn reregister(
        &self,
        registration: &mut Self::Registration,
        source: RawSource,
        token: Token,
        interest: Interest,
    ) -> io::Result<()>;

    /// Ends a registration. It stays as it was on an error.
    fn deregister(&self, registration: &Self::Registration, source: RawSource) -> io::Result<()>;

    /// Watches `direction` again, since an operation would have blocked. Called where edges are emulated only.
    fn rearm(registration: &Self::Registration, direction: Interest) -> io::Result<()>;

    /// Clears `events` and waits until there are some, up to its capacity, or `timeout` is over.
    fn wait(&mut self, events: &mut Vec<Self::Event>, timeout: Option<Duration>) -> io::Result<()>;

    /// The same, for a selector that never had a clone or a waker: nobody can want to wake it, and the system's wait is all.
    #[inline]
    fn wait_plainly(&mut self, events: &mut Vec<Self::Event>, timeout: Option<Duration>) -> io::Result<()> {
        self.wait(events, timeout)
    }

    /// Makes a waker that reports `token`.
    fn waker(&self, token: Token) -> io::Result<Self::Waker>;

    /// Wakes the selector; never blocks.
    fn wake(waker: &Self::Waker) -> io::Result<()>;
}

/// What a selector owes for descriptors that somebody else owns ([`SourceFd`]).
///
/// Nothing is kept with such a descriptor, and nobody tells of its `WouldBlock`: the selector must see by itself that
/// the source was drained, or report it once more.
#[cfg(any(unix, target_os = "hermit", target_os = "wasi"))]
pub(crate) trait SelectDescriptor: Selector {
    /// Registers a descriptor.
    fn register_fd(&self, fd: RawSource, token: Token, interest: Interest) -> io::Result<()>;

    /// Changes token and interest of a registered descriptor.
    fn reregister_fd(&self, fd: RawSource, token: Token, interest: Interest) -> io::Result<()>;

    /// Ends the registration of a descriptor.
    fn deregister_fd(&self, fd: RawSource) -> io::Result<()>;
}

/// What can be asked of the record of an event; [`Event`](crate::event::Event) documents the questions.
pub(crate) trait Readiness {
    fn token(&self) -> Token;
    fn is_readable(&self) -> bool;
    fn is_writable(&self) -> bool;
    fn is_error(&self) -> bool;
    fn is_read_closed(&self) -> bool;
    fn is_write_closed(&self) -> bool;
    fn is_priority(&self) -> bool;

    /// Only some BSDs report the end of POSIX AIO operations, alone or in lists.
    fn is_aio(&self) -> bool {
        false
    }

    fn is_lio(&self) -> bool {
        false
    }

    /// The system's own view of the event, for `Debug`.
    fn details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}
