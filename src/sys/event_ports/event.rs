//! What a port hands over, `port_event_t`, and what it means here.

use std::fmt;
use std::os::fd::RawFd;
use std::ptr;

use libc::c_int;

use super::kernel::{port_event, PORT_SOURCE_ALERT, PORT_SOURCE_FD, PORT_SOURCE_USER};
use crate::sys::edges::Bits;

/// The kernel's record. Tokens are not in it: it may be of a registration that has changed since.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Notice(pub(super) port_event);

// SAFETY: the only pointer in it is a number, which is never followed.
unsafe impl Send for Notice {}
// SAFETY: likewise.
unsafe impl Sync for Notice {}

/// What a record says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The descriptor has conditions, and its association is over.
    Ready { fd: RawFd, generation: usize, bits: Bits },
    /// The waker of this number was woken.
    Woken(usize),
    /// The port is alerted.
    Alerted,
    /// Not what is sent here, or not a record at all.
    Nothing,
}

impl Notice {
    /// No record: there is no source of number 0 (sys/port.h).
    pub(super) const NONE: Notice = Notice(port_event {
        portev_events: 0,
        portev_source: 0,
        portev_pad: 0,
        portev_object: 0,
        portev_user: ptr::null_mut(),
    });

    pub(super) fn is_none(&self) -> bool {
        self.0.portev_source == 0
    }

    pub(super) fn meaning(&self) -> Meaning {
        let number = self.0.portev_user as usize;
        match c_int::from(self.0.portev_source) {
            PORT_SOURCE_FD => match (RawFd::try_from(self.0.portev_object), Bits::try_from(self.0.portev_events)) {
                (Ok(fd), Ok(bits)) => Meaning::Ready { fd, generation: number, bits },
                _ => Meaning::Nothing,
            },
            PORT_SOURCE_USER => Meaning::Woken(number),
            PORT_SOURCE_ALERT => Meaning::Alerted,
            _ => Meaning::Nothing,
        }
    }
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.meaning().fmt(f)
    }
}
