//! Readiness through [epoll(7)](https://man7.org/linux/man-pages/man7/epoll.7.html), edge-triggered: the kernel keeps
//! registrations and edges, and nothing is kept on this side.

mod event;
mod selector;
mod syscall;
mod waker;

pub(crate) use selector::Selector;
