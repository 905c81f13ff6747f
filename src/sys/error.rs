//! The errors that poised makes itself, or explains. Everything else is the system's, as it came.

use std::error::Error;
use std::fmt;
use std::io;

use crate::Interest;

/// A source was registered a second time.
#[cold]
pub(crate) fn already_registered() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "the source is registered already: deregister it first")
}

/// A source was reregistered or deregistered without being registered with this poll.
#[cold]
pub(crate) fn not_registered() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the source is not registered with this poll")
}

/// Refuses an interest with anything in it that the mechanism does not have.
#[inline]
pub(crate) fn refuse(interest: Interest, missing: Interest) -> io::Result<()> {
    if interest.has(missing) {
        return Err(unsupported_interest(interest));
    }
    Ok(())
}

#[cold]
fn unsupported_interest(interest: Interest) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("this platform can't report the interest {interest:?}"))
}

/// A stream has no peer: `ENOTCONN`. macOS says `EINVAL` of one that is connecting still, or that was shut down (xnu,
/// getpeername), and there is no other reason for that.
pub(crate) fn no_peer(error: io::Error) -> io::Error {
    no_peer_where(cfg!(target_vendor = "apple"), error)
}

fn no_peer_where(says_invalid: bool, error: io::Error) -> io::Error {
    if says_invalid && error.kind() == io::ErrorKind::InvalidInput {
        return io::ErrorKind::NotConnected.into();
    }
    error
}

/// A socket of Windows is not the system's own, and what is below it can't be found.
#[cfg(windows)]
#[cold]
pub(crate) fn layered_socket(error: io::Error) -> io::Error {
    let explanation =
        "this socket can't be polled: it is layered over another (by a layered service provider: a proxy \
                       or filter), and WinSock does not tell which";
    io::Error::new(error.kind(), Explained { explanation, error })
}

/// The system did not tie a handle to the completion port of a poll: `ERROR_INVALID_PARAMETER`, which says little.
#[cfg(windows)]
#[cold]
pub(crate) fn not_tieable(error: io::Error) -> io::Error {
    let explanation =
        "this pipe can't be registered: its handle was not opened with FILE_FLAG_OVERLAPPED, or it is tied \
                       to another completion port, which is for good";
    io::Error::new(error.kind(), Explained { explanation, error })
}

/// The system refused to poll a descriptor; `error` is its own error, which stays the source of the one returned.
#[cfg(any(unix, target_os = "hermit", target_os = "wasi"))]
#[allow(dead_code)] // epoll's and poll(2)'s.
#[cold]
pub(crate) fn not_pollable(error: io::Error) -> io::Error {
    let explanation =
        "this descriptor can't be polled: regular files and directories are always ready, and so are some devices; \
         read and write them without waiting, on a thread of their own where that takes long";
    io::Error::new(error.kind(), Explained { explanation, error })
}

/// The kernel has no filter for a descriptor.
#[cfg(unix)]
#[allow(dead_code)] // kqueue's.
#[cold]
pub(crate) fn not_in_queue(error: io::Error) -> io::Error {
    let explanation =
        "kqueue can't watch this descriptor for that: regular files can't be watched for writing, and some devices not at \
         all, /dev/tty of macOS among them; open the terminal by its own name, which ttyname(3) tells";
    io::Error::new(error.kind(), Explained { explanation, error })
}

/// An event port has room for no more descriptors: `EAGAIN`, which would say that another try may help.
#[cfg(unix)]
#[allow(dead_code)] // Event ports'.
#[cold]
pub(crate) fn full_port(error: io::Error) -> io::Error {
    let explanation =
        "no more sources can be registered with this poll: the resource control process.max-port-events says \
         how many, see rctladm(1M)";
    io::Error::new(io::ErrorKind::OutOfMemory, Explained { explanation, error })
}

/// A system's error with what it means here.
#[derive(Debug)]
struct Explained {
    explanation: &'static str,
    error: io::Error,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.explanation, self.error)
    }
}

impl Error for Explained {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_explained_error_keeps_kind_and_code() {
        let error = not_pollable(io::Error::from_raw_os_error(libc::EPERM));
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("regular files"), "{error}");
        let system = error.get_ref().and_then(|explained| explained.source()).expect("a source");
        let system = system.downcast_ref::<io::Error>().expect("the system's error");
        assert_eq!(system.raw_os_error(), Some(libc::EPERM));
    }

    #[test]
    fn scenario_66_that_macos_knows_no_peer_yet_is_no_other_error() {
        let error = || io::Error::from_raw_os_error(libc::EINVAL);
        assert_eq!(no_peer_where(true, error()).kind(), io::ErrorKind::NotConnected);
        assert_eq!(no_peer_where(false, error()).raw_os_error(), Some(libc::EINVAL), "elsewhere it is what it says");
        let reset = io::Error::from_raw_os_error(libc::ECONNRESET);
        assert_eq!(no_peer_where(true, reset).raw_os_error(), Some(libc::ECONNRESET));
    }
}
