//! What Unix has and other systems have not: pipes, and descriptors that somebody else owns.

pub mod pipe;

pub use crate::sys::SourceFd;
