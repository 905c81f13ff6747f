//! Systems that have poll(2) alone.

pub(in crate::sys::poll) use super::rounded_up::poll;
