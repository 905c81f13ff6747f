//! A descriptor that goes through [`SourceFd`], as a user's own type does it.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use poised::event::Source;
use poised::unix::SourceFd;
use poised::{Interest, Registry, Token};

/// One that the standard library owns.
#[derive(Debug)]
pub struct Descriptor(pub UnixStream);

impl Source for Descriptor {
    fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).register(registry, token, interest)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).reregister(registry, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).deregister(registry)
    }
}
