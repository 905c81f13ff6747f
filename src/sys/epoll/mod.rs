//! Readiness through [epoll(7)](https://man7.org/linux/man-pages/man7/epoll.7.html), edge-triggered: the kernel keeps
//! registrations and edges, and nothing is kept on this side.

// A test build for another mechanism has epoll too, for the contract; its polls hold no epoll descriptor.
#[cfg(not(any(poised_backend = "poll", mio_unsupported_force_poll_poll, poised_backend = "kqueue")))]
mod descriptor;
mod event;
mod selector;
mod syscall;
mod waker;

pub(crate) use selector::Selector;
