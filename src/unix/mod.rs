//! What Unix has and other systems have not: pipes, and descriptors that somebody else owns.

pub mod pipe;
mod source_fd;

pub use source_fd::SourceFd;
