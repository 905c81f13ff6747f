//! Makes sockets and pipes that are non-blocking and not inherited by children, in two forms with the same names: with both
//! set as they are made, and right after on systems that can't.

// Other systems fall back to its way to accept, and test the rest.
#[cfg_attr(not(target_vendor = "apple"), allow(dead_code))]
pub(super) mod after;
#[cfg_attr(
    any(
        target_vendor = "apple",
        target_os = "aix",
        target_os = "espidf",
        target_os = "haiku",
        target_os = "hermit",
        target_os = "horizon",
        target_os = "nto",
        target_os = "vita",
        target_os = "vxworks"
    ),
    path = "not_at_once.rs"
)]
mod at_once;

pub(super) use at_once::{accept, pipe, socket};
