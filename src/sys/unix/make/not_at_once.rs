//! Systems whose calls take no flags for what they make.

pub(in crate::sys::unix) use super::after::{accept, pipe, socket};
