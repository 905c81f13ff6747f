//! Makes sockets and pipes that are non-blocking and not inherited by children, in two forms with the same names: with both
//! set as they are made, and, for Apple's systems, which can't, right after.

// Other systems fall back to its way to accept, and test the rest.
#[cfg_attr(not(target_vendor = "apple"), allow(dead_code))]
pub(super) mod after;
#[cfg(not(target_vendor = "apple"))]
mod at_once;

#[cfg(target_vendor = "apple")]
use after as form;
#[cfg(not(target_vendor = "apple"))]
use at_once as form;

pub(super) use form::{accept, pipe, socket};
