//! What sys/event.h has: FreeBSD's values, and macOS's for the filter that FreeBSD lacks.

use libc::{c_void, uintptr_t};

pub(in crate::sys::kqueue) const EVFILT_READ: i16 = -1;
pub(in crate::sys::kqueue) const EVFILT_WRITE: i16 = -2;
pub(in crate::sys::kqueue) const EVFILT_AIO: i16 = -3;
pub(in crate::sys::kqueue) const EVFILT_LIO: i16 = -10;
pub(in crate::sys::kqueue) const EVFILT_USER: i16 = -11;

pub(in crate::sys::kqueue) const EV_ADD: u16 = 0x1;
pub(in crate::sys::kqueue) const EV_DELETE: u16 = 0x2;
pub(in crate::sys::kqueue) const EV_ENABLE: u16 = 0x4;
pub(in crate::sys::kqueue) const EV_DISABLE: u16 = 0x8;
pub(in crate::sys::kqueue) const EV_ONESHOT: u16 = 0x10;
pub(in crate::sys::kqueue) const EV_CLEAR: u16 = 0x20;
pub(in crate::sys::kqueue) const EV_RECEIPT: u16 = 0x40;
pub(in crate::sys::kqueue) const EV_ERROR: u16 = 0x4000;
pub(in crate::sys::kqueue) const EV_EOF: u16 = 0x8000;

pub(in crate::sys::kqueue) const NOTE_TRIGGER: u32 = 0x0100_0000;
pub(in crate::sys::kqueue) const NOTE_FFCOPY: u32 = 0xc000_0000;
pub(super) const NOTE_FFCTRLMASK: u32 = 0xc000_0000;
pub(super) const NOTE_FFLAGSMASK: u32 = 0x00ff_ffff;

/// `EVFILT_EXCEPT` and `NOTE_OOB`.
pub(in crate::sys::kqueue) const EXCEPT: (i16, u32) = (-15, 0x2);

/// FreeBSD's, without the extensions.
#[allow(non_camel_case_types)] // As the system names it.
#[derive(Clone, Copy)]
#[repr(C)]
pub(in crate::sys::kqueue) struct kevent {
    pub ident: uintptr_t,
    pub filter: i16,
    pub flags: u16,
    pub fflags: u32,
    pub data: i64,
    pub udata: *mut c_void,
}
