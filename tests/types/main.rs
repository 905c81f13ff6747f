//! One module per public type of poised: every method and every trait of it, with what they promise.

// A test binary has no outside that `pub` could reach.
#![allow(unreachable_pub)]

#[path = "../util/mod.rs"]
mod util;

mod auto_traits;
mod event;
mod events;
mod interest;
mod io_source;
mod poll;
mod registry;
mod source;
mod tcp_listener;
mod tcp_stream;
mod token;
mod udp_socket;
mod waker;

#[cfg(unix)]
mod handles;
#[cfg(unix)]
mod pipe;
#[cfg(unix)]
mod source_fd;
#[cfg(target_os = "wasi")]
mod source_fd_of_wasi;
#[cfg(unix)]
mod unix_datagram;
#[cfg(unix)]
mod unix_listener;
#[cfg(unix)]
mod unix_stream;
