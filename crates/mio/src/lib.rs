//! poised under mio's name.
//!
//! Software that was written for mio 1.x runs on poised when its workspace says
//!
//! ```toml
//! [patch.crates-io]
//! mio = { path = "path/to/poised/crates/mio" }
//! ```
//!
//! Everything here is poised's: see its documentation for what each item does and promises. What mio has and this crate
//! has not, and the reverse, stands in poised's `docs/mio-parity.md`, which a program keeps.

pub use poised::{event, net, Events, Interest, Poll, Registry, Token, Waker};

#[cfg(unix)]
pub use poised::unix;
#[cfg(windows)]
pub use poised::windows;
#[cfg(not(any(unix, windows)))]
pub use poised::{hermit, wasi};

#[doc = include_str!("features.md")]
pub mod features {}

#[doc = include_str!("guide.md")]
pub mod guide {}
