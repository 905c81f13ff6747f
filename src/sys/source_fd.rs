use std::io;
use std::os::fd::RawFd;

use super::SelectDescriptor as _;
use crate::event::Source;
use crate::{Interest, Registry, Token};

/// A descriptor that somebody else owns, as an event [`Source`].
///
/// It is `unix::SourceFd`, `hermit::SourceFd` and `wasi::SourceFd`.
///
/// Nothing is kept here: make one for each call. Keep the descriptor open while it is registered, and deregister it
/// before it is closed. It should be non-blocking; poised neither checks nor changes that.
///
/// For a value that the program owns, [`IoSource`](crate::IoSource) is safer: it ends the registration when dropped, and
/// sees operations that would have blocked.
///
/// | | epoll | kqueue | event ports, `--cfg poised_backend="poll"` |
/// | --- | --- | --- | --- |
/// | edges | the kernel's | the kernel's | poised looks at the descriptor again every few milliseconds while it was reported ready and not seen drained |
/// | spurious events | hardly ever | hardly ever | every 100 to 200 milliseconds while a descriptor stays ready |
/// | closed without deregistering | the kernel ends it with the last duplicate | the kernel ends it | ended at the next poll |
/// | regular files, directories | `PermissionDenied` | readable while not at the end; `InvalidInput` for writing | `PermissionDenied` |
///
/// # Errors
///
/// [`PermissionDenied`](io::ErrorKind::PermissionDenied) when what is registered can't be polled: regular files and
/// directories are always ready ([epoll_ctl(2)](https://man7.org/linux/man-pages/man2/epoll_ctl.2.html), `EPERM`).
/// The system's own error is its [source](std::error::Error::source).
///
/// # Examples
///
/// ```
/// use std::net::TcpListener;
/// use std::os::fd::AsRawFd;
/// # #[cfg(unix)]
/// use poised::unix::SourceFd;
/// # #[cfg(target_os = "wasi")]
/// # use poised::wasi::SourceFd;
/// use poised::{Interest, Poll, Token};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// listener.set_nonblocking(true)?;
///
/// let poll = Poll::new()?;
/// poll.registry().register(&mut SourceFd(&listener.as_raw_fd()), Token(0), Interest::READABLE)?;
/// poll.registry().deregister(&mut SourceFd(&listener.as_raw_fd()))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SourceFd<'a>(
    /// The number of the descriptor.
    pub &'a RawFd,
);

impl Source for SourceFd<'_> {
    fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        registry.selector().register_fd(*self.0, token, interest)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        registry.selector().reregister_fd(*self.0, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.selector().deregister_fd(*self.0)
    }
}
