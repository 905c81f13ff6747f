//! Pipes: bytes that go one way, between threads or to and from a child process.
//!
//! # Examples
//!
//! ```
//! use std::io::{Read, Write};
//! use poised::unix::pipe;
//! use poised::{Events, Interest, Poll, Token};
//!
//! # fn main() -> std::io::Result<()> {
//! let mut poll = Poll::new()?;
//! let mut events = Events::with_capacity(8);
//! let (mut sender, mut receiver) = pipe::new()?;
//! poll.registry().register(&mut receiver, Token(0), Interest::READABLE)?;
//!
//! sender.write_all(b"hello")?;
//! poll.poll(&mut events, None)?;
//! let mut text = [0; 16];
//! assert_eq!(receiver.read(&mut text)?, 5);
//! # Ok(())
//! # }
//! ```
//!
//! A child's output, watched by a poll:
//!
//! ```
//! use std::process::{Command, Stdio};
//! use poised::unix::pipe::Receiver;
//! use poised::{Interest, Poll, Token};
//!
//! # fn main() -> std::io::Result<()> {
//! let poll = Poll::new()?;
//! let mut child = Command::new("true").stdout(Stdio::piped()).spawn()?;
//! let mut output = Receiver::from(child.stdout.take().expect("piped"));
//! output.set_nonblocking(true)?;
//! poll.registry().register(&mut output, Token(0), Interest::READABLE)?;
//! # child.wait()?;
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{ChildStderr, ChildStdin, ChildStdout};

use crate::net::forward;
use crate::sys::{self, transfer};
use crate::{Interest, IoSource};

/// Makes a pipe. Both ends are non-blocking and are not inherited by child processes.
///
/// # Errors
///
/// The system's own, at the limit of descriptors. [`Unsupported`](io::ErrorKind::Unsupported) where there are no pipes.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let (sender, receiver) = poised::unix::pipe::new()?;
/// # let _ = (sender, receiver);
/// # Ok(())
/// # }
/// ```
pub fn new() -> io::Result<(Sender, Receiver)> {
    let (reader, writer) = sys::pipe::new()?;
    Ok((Sender { inner: IoSource::new(writer) }, Receiver { inner: IoSource::new(reader) }))
}

/// The end of a pipe to write to.
///
/// When the reading end is closed, writing gives [`BrokenPipe`](io::ErrorKind::BrokenPipe), and an event is reported that
/// [is write-closed](crate::event::Event::is_write_closed).
///
/// ```
/// use std::io::Write;
///
/// # fn main() -> std::io::Result<()> {
/// let (mut sender, receiver) = poised::unix::pipe::new()?;
/// drop(receiver);
/// let error = sender.write(b"nobody reads").unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
/// # Ok(())
/// # }
/// ```
pub struct Sender {
    inner: IoSource<File>,
}

forward!(Sender, File);

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.inner).finish()
    }
}

impl Sender {
    /// Sets whether writing gives `WouldBlock` when the pipe is full, or waits. What comes from a child waits.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (sender, _receiver) = poised::unix::pipe::new()?;
    /// sender.set_nonblocking(true)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        sys::pipe::set_nonblocking(self.inner.get_ref(), nonblocking)
    }

    /// Runs an operation of one's own on the pipe: a system call that this type does not have.
    ///
    /// When it gives `WouldBlock`, the next room is an event. See [`IoSource::do_io`].
    ///
    /// # Errors
    ///
    /// Those of the operation.
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (sender, _receiver) = poised::unix::pipe::new()?;
    /// assert_eq!(sender.try_io(|| (&sender).write(b"hello"))?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<F, T>(&self, operation: F) -> io::Result<T>
    where
        F: FnOnce() -> io::Result<T>,
    {
        self.inner.do_io(Interest::WRITABLE, |_| operation())
    }
}

impl Write for Sender {
    #[inline]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        (&*self).write(buffer)
    }

    #[inline]
    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(buffers)
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for &Sender {
    #[inline]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.inner.do_io(Interest::WRITABLE, |pipe| transfer::write(pipe, buffer))
    }

    #[inline]
    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.inner.do_io(Interest::WRITABLE, |pipe| transfer::write_vectored(pipe, buffers))
    }

    /// Does nothing: there is no buffer on this side.
    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<ChildStdin> for Sender {
    /// Takes the input of a child process over. It blocks until [`set_nonblocking`](Sender::set_nonblocking).
    fn from(stdin: ChildStdin) -> Sender {
        Sender::from(OwnedFd::from(stdin))
    }
}

/// The end of a pipe to read from.
///
/// When the last writing end is closed, reading gives `Ok(0)` after what is left, and an event is reported that
/// [is read-closed](crate::event::Event::is_read_closed).
///
/// ```
/// use std::io::Read;
///
/// # fn main() -> std::io::Result<()> {
/// let (sender, mut receiver) = poised::unix::pipe::new()?;
/// let error = receiver.read(&mut [0; 8]).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
/// drop(sender);
/// assert_eq!(receiver.read(&mut [0; 8])?, 0);
/// # Ok(())
/// # }
/// ```
pub struct Receiver {
    inner: IoSource<File>,
}

forward!(Receiver, File);

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.inner).finish()
    }
}

impl Receiver {
    /// Sets whether reading gives `WouldBlock` when the pipe is empty, or waits. What comes from a child waits.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (_sender, receiver) = poised::unix::pipe::new()?;
    /// receiver.set_nonblocking(true)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        sys::pipe::set_nonblocking(self.inner.get_ref(), nonblocking)
    }

    /// Runs an operation of one's own on the pipe: a system call that this type does not have.
    ///
    /// When it gives `WouldBlock`, the next readiness is an event. See [`IoSource::do_io`].
    ///
    /// # Errors
    ///
    /// Those of the operation.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (_sender, receiver) = poised::unix::pipe::new()?;
    /// let result = receiver.try_io(|| (&receiver).read(&mut [0; 8]));
    /// assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<F, T>(&self, operation: F) -> io::Result<T>
    where
        F: FnOnce() -> io::Result<T>,
    {
        self.inner.do_io(Interest::READABLE, |_| operation())
    }
}

impl Read for Receiver {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    #[inline]
    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

impl Read for &Receiver {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.do_io(Interest::READABLE, |pipe| transfer::read(pipe, buffer))
    }

    #[inline]
    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.inner.do_io(Interest::READABLE, |pipe| transfer::read_vectored(pipe, buffers))
    }
}

impl From<ChildStdout> for Receiver {
    /// Takes the output of a child process over. It blocks until [`set_nonblocking`](Receiver::set_nonblocking).
    fn from(stdout: ChildStdout) -> Receiver {
        Receiver::from(OwnedFd::from(stdout))
    }
}

impl From<ChildStderr> for Receiver {
    /// Takes the errors of a child process over. It blocks until [`set_nonblocking`](Receiver::set_nonblocking).
    fn from(stderr: ChildStderr) -> Receiver {
        Receiver::from(OwnedFd::from(stderr))
    }
}
