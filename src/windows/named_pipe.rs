use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Read, Write};
use std::os::windows::io::{AsRawHandle, FromRawHandle, RawHandle};

use crate::event::Source;
use crate::{sys, Interest, Registry, Token};

/// One end of a named pipe: the server's, made by [`new`](NamedPipe::new), or a client's, from a handle.
///
/// Windows tells of operations that have ended, and not of readiness. poised makes the one of the other: it reads ahead
/// into memory of its own, so that an event says that there are bytes, and it copies what is written, so that an event
/// says that the next write can begin. Nothing that a program does with a pipe waits, and its own buffers are never the
/// system's.
///
/// # A server
///
/// A pipe that was made serves one client at a time. [`connect`](NamedPipe::connect) waits for it: the event is
/// [writable](crate::event::Event::is_writable). After [`disconnect`](NamedPipe::disconnect) the same pipe can wait for
/// the next one. Make a second pipe of the same name for a second client.
///
/// # A client
///
/// A client opens the pipe like a file, with `FILE_FLAG_OVERLAPPED`, and hands the handle over. When all of a server's
/// pipes are taken, opening fails with `ERROR_PIPE_BUSY` (231): try again later.
///
/// ```no_run
/// use std::fs::OpenOptions;
/// use std::os::windows::fs::OpenOptionsExt;
/// use std::os::windows::io::{FromRawHandle, IntoRawHandle};
/// use poised::windows::NamedPipe;
///
/// const FILE_FLAG_OVERLAPPED: u32 = 0x4000_0000;
///
/// # fn main() -> std::io::Result<()> {
/// let file = OpenOptions::new()
///     .read(true)
///     .write(true)
///     .custom_flags(FILE_FLAG_OVERLAPPED)
///     .open(r"\\.\pipe\poised-example")?;
/// // SAFETY: the handle is the file's own, which gives it away, and overlapped.
/// let client = unsafe { NamedPipe::from_raw_handle(file.into_raw_handle()) };
/// # drop(client);
/// # Ok(())
/// # }
/// ```
///
/// # Messages
///
/// In a pipe of messages each write is one message, however long. A read gives bytes of one message at most. A message
/// longer than what is read ahead, or than the reader's buffer, comes in parts, one read each; where one ends is not
/// told then, so say it in the message. What is read ahead is 4 KiB at first, and up to 64 KiB for a reader who is behind.
///
/// # Registering
///
/// | | |
/// | --- | --- |
/// | before the first registration | nothing is read or written: `WouldBlock`. A connection is waited for as soon as the pipe is registered |
/// | the first registration | ties the pipe to that poll for good, which is Windows' rule: another one is `AlreadyExists` |
/// | `READABLE` | reading ahead begins |
/// | after `deregister` | no event; what was read ahead stays, and can be read, or is reported when registered again |
/// | `PRIORITY`, `AIO`, `LIO` | `Unsupported` |
/// | a handle that is not overlapped, or tied to another completion port | `InvalidInput`, with the system's error for its source |
/// | a handle that is closed, or none of a file | `ERROR_INVALID_HANDLE` (6) |
///
/// # Dropping
///
/// The handle is closed at once. Only a write that is under way goes on: it keeps the handle open until the other end
/// has read it or is closed, or the poll, its registries and its other pipes are dropped. What was read ahead is gone.
///
/// # Errors
///
/// | From | Error | When |
/// | --- | --- | --- |
/// | all | `WouldBlock` | it is not done yet: an event tells when to try again |
/// | `read` | none: `Ok(0)` | the other end is closed and everything was read |
/// | `read`, `write` | `ERROR_PIPE_NOT_CONNECTED` (233) | the server has disconnected; what was not read is lost |
/// | `write` | `ERROR_NO_DATA` (232, `BrokenPipe`), `ERROR_BROKEN_PIPE` (109, `BrokenPipe`) | the other end is closed |
/// | `write` | `ERROR_PIPE_LISTENING` (536) | no client has connected yet |
/// | `read`, `write` | `ERROR_ACCESS_DENIED` (5, `PermissionDenied`) | the pipe goes the other way only |
///
/// A write that fails after it had returned `Ok` is told by the next one.
///
/// # Examples
///
/// ```
/// use std::fs::OpenOptions;
/// use std::io::{self, Read, Write};
/// use poised::windows::NamedPipe;
/// use poised::{Events, Interest, Poll, Token};
///
/// # fn main() -> io::Result<()> {
/// let name = format!(r"\\.\pipe\poised-doc-{}", std::process::id());
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(8);
///
/// let mut server = NamedPipe::new(&name)?;
/// poll.registry().register(&mut server, Token(0), Interest::READABLE | Interest::WRITABLE)?;
/// assert_eq!(server.connect().unwrap_err().kind(), io::ErrorKind::WouldBlock);
///
/// // A client in the same process; it may also be a `NamedPipe`.
/// let mut client = OpenOptions::new().read(true).write(true).open(&name)?;
/// client.write_all(b"hello")?;
///
/// let mut buffer = [0; 16];
/// let read = loop {
///     match server.read(&mut buffer) {
///         Err(error) if error.kind() == io::ErrorKind::WouldBlock => poll.poll(&mut events, None)?,
///         result => break result?,
///     }
/// };
/// assert_eq!(&buffer[..read], b"hello");
/// # Ok(())
/// # }
/// ```
pub struct NamedPipe {
    inner: sys::named_pipe::NamedPipe,
}

impl NamedPipe {
    /// Makes the server's end of a pipe: both ways, bytes without messages, as many pipes of the name as wanted.
    ///
    /// `name` is of the form `\\.\pipe\name`. For other modes call `CreateNamedPipeW` with `FILE_FLAG_OVERLAPPED`, and
    /// hand the handle over by [`from_raw_handle`](FromRawHandle::from_raw_handle).
    ///
    /// # Errors
    ///
    /// | Error | When |
    /// | --- | --- |
    /// | `InvalidInput` | the name has a zero in it |
    /// | `ERROR_INVALID_NAME` (123), `ERROR_BAD_PATHNAME` (161), `NotFound` | the name is not one of a pipe |
    /// | `PermissionDenied` | somebody made the name their own |
    /// | `ERROR_PIPE_BUSY` (231) | somebody allows a number of pipes of this name, and they are there |
    ///
    /// ```
    /// use poised::windows::NamedPipe;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let server = NamedPipe::new(format!(r"\\.\pipe\poised-new-{}", std::process::id()))?;
    /// assert!(NamedPipe::new("not a pipe's name").is_err());
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new<A: AsRef<OsStr>>(name: A) -> io::Result<NamedPipe> {
        Ok(NamedPipe { inner: sys::named_pipe::NamedPipe::create(name.as_ref())? })
    }

    /// Waits for a client, on the server's side.
    ///
    /// `Ok` when one is there, also one that has closed its end already. Otherwise `WouldBlock`, and a writable event
    /// when one came: call again then, or use the pipe. When waiting failed the event has an error too, which
    /// [`take_error`](NamedPipe::take_error) gives.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, and the system's own, when this is a client's end for instance.
    ///
    /// ```
    /// use poised::windows::NamedPipe;
    /// use poised::{Events, Interest, Poll, Token};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let name = format!(r"\\.\pipe\poised-connect-{}", std::process::id());
    /// # let mut poll = Poll::new()?;
    /// # let mut events = Events::with_capacity(8);
    /// let mut server = NamedPipe::new(&name)?;
    /// poll.registry().register(&mut server, Token(0), Interest::WRITABLE)?;
    /// if server.connect().is_err() {
    ///     # let client = std::fs::OpenOptions::new().read(true).write(true).open(&name)?;
    ///     poll.poll(&mut events, None)?;
    ///     server.connect()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(&self) -> io::Result<()> {
        self.inner.connect()
    }

    /// Ends the connection, on the server's side, so that another client can be waited for.
    ///
    /// What the client has not read is lost to it, and so is what it sent and was not read here: later reads give bytes
    /// of the next client only.
    ///
    /// # Errors
    ///
    /// The system's own, when this is a client's end for instance.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let name = format!(r"\\.\pipe\poised-disconnect-{}", std::process::id());
    /// let server = poised::windows::NamedPipe::new(&name)?;
    /// # let client = std::fs::OpenOptions::new().read(true).write(true).open(&name)?;
    /// server.disconnect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn disconnect(&self) -> io::Result<()> {
        self.inner.disconnect()
    }

    /// Takes the error of a [`connect`](NamedPipe::connect) that failed after it had returned.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let name = format!(r"\\.\pipe\poised-error-{}", std::process::id());
    /// let server = poised::windows::NamedPipe::new(&name)?;
    /// assert!(server.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.inner.take_error())
    }
}

impl Read for NamedPipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl Read for &NamedPipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl Write for NamedPipe {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.inner.write(buffer)
    }

    /// Does nothing: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for &NamedPipe {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.inner.write(buffer)
    }

    /// Does nothing: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for NamedPipe {
    fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.inner.register(registry.selector().port(), token, interest)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.inner.reregister(registry.selector().port(), token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.inner.deregister(registry.selector().port())
    }
}

impl AsRawHandle for NamedPipe {
    fn as_raw_handle(&self) -> RawHandle {
        self.inner.as_raw_handle()
    }
}

#[allow(unsafe_code)]
impl FromRawHandle for NamedPipe {
    /// Takes over one end of a pipe, a server's or a client's, opened with `FILE_FLAG_OVERLAPPED` and tied to no
    /// completion port.
    unsafe fn from_raw_handle(handle: RawHandle) -> NamedPipe {
        // SAFETY: the caller hands over a handle that is open and its own.
        let inner = unsafe { sys::named_pipe::NamedPipe::from_raw_handle(handle) };
        NamedPipe { inner }
    }
}

impl Drop for NamedPipe {
    fn drop(&mut self) {
        self.inner.close();
    }
}

impl fmt::Debug for NamedPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
