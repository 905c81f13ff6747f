//! [libkqueue](https://github.com/mheily/libkqueue): somebody else's kqueue for Linux, in the place of the model. No registry
//! has it, so this is for whoever has built it, and run by hand: docs/platforms.md tells how, and what was seen.

use libc::{c_int, timespec};

// Its header has the numbers of FreeBSD, and so has the model.
#[path = "model/constants.rs"]
#[allow(dead_code)] // The model knows more of them.
mod constants;

pub(super) use constants::{
    kevent, EVFILT_AIO, EVFILT_LIO, EVFILT_READ, EVFILT_USER, EVFILT_WRITE, EV_ADD, EV_CLEAR, EV_DELETE, EV_DISABLE,
    EV_ENABLE, EV_EOF, EV_ERROR, EV_ONESHOT, EV_RECEIPT, NOTE_FFCOPY, NOTE_TRIGGER,
};

#[link(name = "kqueue")]
extern "C" {
    pub(super) fn kqueue() -> c_int;
    pub(super) fn kevent(
        queue: c_int,
        changes: *const kevent,
        change_count: c_int,
        events: *mut kevent,
        event_count: c_int,
        timeout: *const timespec,
    ) -> c_int;
}
