//! What differs between the systems that have kqueue: the widths of numbers, and which filters there are.

// On Linux there is a model, or libkqueue.
#[cfg(all(target_os = "linux", not(poised_kqueue = "libkqueue")))]
pub(super) use super::kernel::constants as system;
#[cfg(all(target_os = "linux", poised_kqueue = "libkqueue"))]
pub(super) use super::libkqueue as system;
#[cfg(not(target_os = "linux"))]
pub(super) use libc as system;

pub(super) use system::{
    kevent, EVFILT_READ, EVFILT_USER, EVFILT_WRITE, EV_ADD, EV_CLEAR, EV_DELETE, EV_DISABLE, EV_ENABLE, EV_EOF,
    EV_ERROR, EV_ONESHOT, EV_RECEIPT, NOTE_FFCOPY, NOTE_TRIGGER,
};

/// NetBSD numbers filters from 0, without a sign, and has wider flags.
#[cfg(target_os = "netbsd")]
pub(super) type Filter = u32;
#[cfg(not(target_os = "netbsd"))]
pub(super) type Filter = i16;
#[cfg(target_os = "netbsd")]
pub(super) type Flags = u32;
#[cfg(not(target_os = "netbsd"))]
pub(super) type Flags = u16;

/// Exceptional conditions, with the flag that asks for out-of-band data. FreeBSD, NetBSD and libkqueue have no such filter.
pub(super) const EXCEPT: Option<(Filter, u32)> = except();

#[cfg(target_vendor = "apple")]
const fn except() -> Option<(Filter, u32)> {
    // sys/event.h: not yet in the oldest libc that is allowed.
    Some((-15, 0x2))
}

#[cfg(any(target_os = "dragonfly", target_os = "openbsd"))]
const fn except() -> Option<(Filter, u32)> {
    Some((libc::EVFILT_EXCEPT, libc::NOTE_OOB))
}

#[cfg(any(target_os = "freebsd", target_os = "netbsd", poised_kqueue = "libkqueue"))]
const fn except() -> Option<(Filter, u32)> {
    None
}

#[cfg(all(target_os = "linux", not(poised_kqueue = "libkqueue")))]
const fn except() -> Option<(Filter, u32)> {
    Some(system::EXCEPT)
}

/// The ends of POSIX AIO. macOS, NetBSD and OpenBSD have the number, but never report one.
#[cfg(any(target_os = "freebsd", target_os = "dragonfly"))]
pub(super) const AIO: Option<Filter> = Some(libc::EVFILT_AIO);
#[cfg(target_os = "linux")]
pub(super) const AIO: Option<Filter> = Some(system::EVFILT_AIO);
#[cfg(not(any(target_os = "linux", target_os = "freebsd", target_os = "dragonfly")))]
pub(super) const AIO: Option<Filter> = None;

/// The ends of lists of POSIX AIO operations.
#[cfg(target_os = "freebsd")]
pub(super) const LIO: Option<Filter> = Some(libc::EVFILT_LIO);
#[cfg(target_os = "linux")]
pub(super) const LIO: Option<Filter> = Some(system::EVFILT_LIO);
#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
pub(super) const LIO: Option<Filter> = None;

/// With `EV_EOF`, that both directions are closed: DragonFly alone says so.
#[cfg(target_os = "dragonfly")]
pub(super) const HANG_UP: Flags = 0x0800;
#[cfg(not(target_os = "dragonfly"))]
pub(super) const HANG_UP: Flags = 0;
