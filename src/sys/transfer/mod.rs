//! The calls that move bytes, in two forms with the same names: inline system calls through rustix on Linux and Android,
//! and the standard library's, which go through libc, everywhere else and under the feature `libc-syscalls`.

#[cfg(all(any(target_os = "linux", target_os = "android"), not(feature = "libc-syscalls")))]
mod inline;
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(feature = "libc-syscalls"))))]
mod std;

#[cfg(all(any(target_os = "linux", target_os = "android"), not(feature = "libc-syscalls")))]
use inline as form;
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(feature = "libc-syscalls"))))]
use std as form;

pub(crate) use form::{
    peek, peek_datagram, peek_from, receive, receive_datagram, receive_from, receive_vectored, send, send_datagram,
    send_to, send_vectored,
};
// Pipes are files on Unix alone; so are eventfds, which Hermit has, too.
#[cfg(unix)]
pub(crate) use form::{read, read_vectored, write, write_vectored};
#[cfg(target_os = "hermit")]
pub(crate) use form::{read, write};
