//! Non-blocking I/O for every operating system behind one small API.
//!
//! A program hands poised its sockets, pipes and other things that can become ready; [`Poll::poll`] waits for all of
//! them with one thread and says which are. Async runtimes, proxies, databases and games stand on such a crate.
//!
//! # Using poised
//!
//! Make a [`Poll`], [register] event [sources] with a [`Token`] and an [`Interest`], and poll. The [`guide`] goes
//! through it step by step.
//!
//! ```
//! use poised::net::{TcpListener, TcpStream};
//! use poised::{Events, Interest, Poll, Token};
//!
//! const SERVER: Token = Token(0);
//! const CLIENT: Token = Token(1);
//!
//! # fn main() -> std::io::Result<()> {
//! let mut poll = Poll::new()?;
//! let mut events = Events::with_capacity(128);
//!
//! let mut server = TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
//! poll.registry().register(&mut server, SERVER, Interest::READABLE)?;
//!
//! let mut client = TcpStream::connect(server.local_addr()?)?;
//! poll.registry().register(&mut client, CLIENT, Interest::READABLE | Interest::WRITABLE)?;
//!
//! let mut accepted = None;
//! while accepted.is_none() {
//!     poll.poll(&mut events, None)?;
//!     for event in &events {
//!         match event.token() {
//!             SERVER => accepted = Some(server.accept()?),
//!             CLIENT if event.is_writable() => println!("connected: {:?}", client.peer_addr()),
//!             _ => {}
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is where
//!
//! | For | Look at |
//! | --- | --- |
//! | waiting | [`Poll`], [`Events`], [`event::Event`] |
//! | registering | [`Registry`], [`Token`], [`Interest`], [`event::Source`] |
//! | waking a poll from another thread | [`Waker`] |
//! | sockets | [`net`] |
//! | pipes and foreign descriptors on Unix | [`unix`] |
//! | a socket type of one's own | [`IoSource`] |
//!
//! # The rules that every user meets
//!
//! * **Events are edges.** After an event, go on reading, writing or accepting until [`WouldBlock`]; only then is the
//!   next readiness reported. A short read does not count as drained.
//! * **Events are hints.** An event may be spurious: handle `WouldBlock` always.
//! * **A poll may be interrupted.** A signal gives [`Interrupted`]; poll again.
//! * **Sources must be non-blocking.** All that poised makes is; a socket from elsewhere needs `set_nonblocking(true)`
//!   before `from_std`.
//!
//! # Platforms
//!
//! | System | Mechanism | Seen |
//! | --- | --- | --- |
//! | Linux | epoll; poll(2) under `--cfg poised_backend="poll"` | all tests |
//! | Windows | AFD and a completion port | all tests under Wine 8; never Windows itself |
//! | macOS and its sisters, the BSDs | kqueue | compiled; all tests over a model of the kernel, on Linux |
//! | Solaris | event ports | likewise |
//! | WASI, preview 2 | poll(2) | sockets, in one thread: its tests under Wasmtime. `docs/wasi.md` says what it lacks |
//! | illumos, Redox | epoll | compiled |
//! | Hurd, Cygwin, Haiku, QNX, Fuchsia, Hermit, ESP-IDF, Vita, VxWorks, Emscripten | poll(2) | compiled |
//! | AIX, 3DS, NuttX, L4Re | poll(2) | written; their standard library does not compile here |
//! | bare WebAssembly | | compiled: [`Poll::new`] is an error of kind `Unsupported` |
//!
//! The rest is being built.
//!
//! # Crate features
//!
//! | Feature | Default | Effect |
//! | --- | --- | --- |
//! | `log` | yes | a few diagnostics through the [`log`](https://docs.rs/log) facade; without it they compile to nothing |
//! | `libc-syscalls` | no | every system call goes through libc (for LD_PRELOAD stacks and sanitizers) instead of inline system calls on the hot path |
//!
//! [register]: Registry::register
//! [sources]: event::Source
//! [`WouldBlock`]: std::io::ErrorKind::WouldBlock
//! [`Interrupted`]: std::io::ErrorKind::Interrupted

// Where nothing can be waited for, nobody uses what waiting takes.
#![cfg_attr(not(any(unix, windows)), allow(dead_code, unused_imports, unused_macros))]

mod diagnostics;
pub mod event;
/// What Hermit has: descriptors that somebody else owns. (It is there on WASI as well, and means nothing.)
#[cfg(not(any(unix, windows)))]
pub mod hermit {
    crate::sys::on_descriptors! {
        pub use crate::sys::SourceFd;
    }
}
mod interest;
mod io_source;
pub mod net;
mod poll;
mod registry;
mod sys;
mod token;
#[cfg(unix)]
pub mod unix;
/// What WASI has: descriptors that somebody else owns. (It is there on Hermit as well, and means nothing.)
#[cfg(not(any(unix, windows)))]
pub mod wasi {
    crate::sys::on_descriptors! {
        pub use crate::sys::SourceFd;
    }
}
mod waker;
#[cfg(windows)]
pub mod windows;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use sys::fuzzing;

#[doc(inline)]
pub use event::Events;
pub use interest::Interest;
pub use io_source::IoSource;
pub use poll::Poll;
pub use registry::Registry;
pub use token::Token;
pub use waker::Waker;

#[doc = include_str!("guide.md")]
pub mod guide {}
