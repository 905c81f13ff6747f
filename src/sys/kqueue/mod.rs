//! Readiness through kqueue, on macOS and its sisters and on the BSDs: [FreeBSD's
//! manual](https://man.freebsd.org/cgi/man.cgi?kqueue), which the others follow but for what `types` says.
//!
//! The kernel keeps a note for each descriptor and filter (reading, writing, exceptions), with the token in it; all are
//! edge-triggered (`EV_CLEAR`), and end when the descriptor is closed. So a source that was registered for reading and
//! writing gives two events. On this side:
//!
//! * `selector` turns interests into changes of notes, each with its own receipt (`EV_RECEIPT`), and takes back what was
//!   done of a registration that fails.
//! * `registered` remembers what was registered: adding a note a second time is no error to the kernel, and removing one
//!   needs to know which there are. It is a hint only: descriptors are closed behind its back, and the kernel is asked.
//! * `waker` wakes by `EVFILT_USER`, or by a pipe on a kernel that is too old for it.
//! * `kernel` has the system calls, and `types` what differs between the systems.
//!
//! The ends of POSIX AIO are not registered here: a program names the queue (`Registry` is its descriptor) and the token in
//! the `sigevent` of the operation (aio(4)). The events tell what they are.
//!
//! On Linux all of this is tested over `model`, a kevent(2) made after the manuals; `--cfg poised_backend="kqueue"` puts
//! the whole crate on it, for the public test suite. `--cfg poised_kqueue="libkqueue"` puts libkqueue in its place, for
//! whoever has built that: then `kernel` runs as well.

mod event;
#[cfg_attr(all(target_os = "linux", not(poised_kqueue = "libkqueue")), path = "model/mod.rs")]
mod kernel;
#[cfg(all(target_os = "linux", poised_kqueue = "libkqueue"))]
mod libkqueue;
mod registered;
// They have the model fail.
#[cfg(all(test, target_os = "linux", not(poised_kqueue = "libkqueue")))]
mod scenarios;
mod selector;
mod types;
mod waker;

pub(crate) use selector::Selector;
