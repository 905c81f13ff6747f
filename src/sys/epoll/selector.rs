//! Registers and waits with epoll. The kernel does the work; here interests become its bits, and timeouts its calls.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::syscall::{self, Record};
use super::waker::Waker;
use crate::sys::timeout::{self, Deadline};
use crate::sys::unix::notifier::Notifier;
use crate::sys::unix::{borrow, RawSource};
use crate::sys::wakes::Sleeper;
use crate::sys::{error, SelectDescriptor};
use crate::{Interest, Token};

/// An epoll descriptor, and what its wakers share with it.
#[derive(Debug)]
pub(crate) struct Selector {
    kernel: Kernel,
    sleeper: Sleeper<Notifier>,
}

#[derive(Debug)]
struct Kernel {
    epoll: OwnedFd,
    /// Whether the kernel takes exact timeouts. A refusal is remembered, and costs one call in the life of a poll.
    pwait2: bool,
}

/// Nothing: the kernel keeps the registration, and ends it when the last descriptor of the file is closed (epoll(7)).
#[derive(Debug)]
pub(crate) struct Registration;

impl Kernel {
    /// Waits into the spare capacity of `events`.
    #[inline(always)] // Into the way without wakers as well as into that with them.
    fn wait(&mut self, events: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
        match timeout {
            Some(timeout) if !timeout::is_whole_millis(timeout) => self.wait_exactly(events, timeout),
            timeout => syscall::wait(self.epoll.as_fd(), events, timeout),
        }
    }

    fn wait_exactly(&mut self, events: &mut Vec<Record>, timeout: Duration) -> io::Result<()> {
        if self.pwait2 {
            match syscall::wait_exactly(self.epoll.as_fd(), events, timeout) {
                // The kernel is older than 5.11, or a seccomp filter, whose author had not heard of the call, denies it.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => self.pwait2 = false,
                result => return result,
            }
        }
        self.wait_rounded_up(events, timeout)
    }

    fn wait_rounded_up(&self, events: &mut Vec<Record>, timeout: Duration) -> io::Result<()> {
        let deadline = Deadline::after(Some(timeout));
        let mut left = timeout;
        loop {
            let millis = timeout::saturated_millis(left).unsigned_abs();
            syscall::wait(self.epoll.as_fd(), events, Some(Duration::from_millis(millis.into())))?;
            // Once round is enough below 24.8 days.
            left = deadline.left().unwrap_or(Duration::MAX);
            if !events.is_empty() || left.is_zero() {
                return Ok(());
            }
        }
    }
}

impl crate::sys::Selector for Selector {
    type Registration = Registration;
    type Event = Record;
    type Waker = Waker;

    const EMULATES_EDGES: bool = false;

    fn new() -> io::Result<Selector> {
        // Linux alone has the call. On Android an unknown one kills the process (seccomp with SIGSYS), so that trying is no
        // option.
        let kernel = Kernel { epoll: syscall::create()?, pwait2: cfg!(target_os = "linux") };
        Ok(Selector { kernel, sleeper: Sleeper::new() })
    }

    fn try_clone(&self) -> io::Result<Selector> {
        let kernel = Kernel { epoll: self.kernel.epoll.try_clone()?, pwait2: self.kernel.pwait2 };
        Ok(Selector { kernel, sleeper: self.sleeper.share() })
    }

    #[inline]
    fn register(&self, source: RawSource, token: Token, interest: Interest) -> io::Result<Registration> {
        self.register_fd(source, token, interest).map(|()| Registration)
    }

    #[inline]
    fn reregister(&self, _: &mut Registration, source: RawSource, token: Token, interest: Interest) -> io::Result<()> {
        self.reregister_fd(source, token, interest)
    }

    #[inline]
    fn deregister(&self, _: &Registration, source: RawSource) -> io::Result<()> {
        self.deregister_fd(source)
    }

    fn rearm(_: &Registration, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn wait(&mut self, events: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
        self.sleeper.wait(events, timeout, |events, timeout| self.kernel.wait(events, timeout))
    }

    #[inline(always)] // Into each poll: what comes between a program and the kernel is counted in instructions.
    fn wait_plainly(&mut self, events: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        self.kernel.wait(events, timeout)
    }

    fn waker(&self, token: Token) -> io::Result<Waker> {
        let notifier = Notifier::new()?;
        // Being an edge, its readiness need not be consumed: each further write is reported anew.
        self.register_fd(notifier.as_raw_fd(), token, Interest::READABLE)?;
        Ok(Waker::new(self.sleeper.waker(token, notifier)))
    }

    #[inline]
    fn wake(waker: &Waker) -> io::Result<()> {
        waker.wake()
    }
}

impl SelectDescriptor for Selector {
    #[inline]
    fn register_fd(&self, fd: RawSource, token: Token, interest: Interest) -> io::Result<()> {
        syscall::add(self.kernel.epoll.as_fd(), borrow(fd)?, conditions(interest)?, data(token)).map_err(explain)
    }

    #[inline]
    fn reregister_fd(&self, fd: RawSource, token: Token, interest: Interest) -> io::Result<()> {
        syscall::modify(self.kernel.epoll.as_fd(), borrow(fd)?, conditions(interest)?, data(token))
    }

    #[inline]
    fn deregister_fd(&self, fd: RawSource) -> io::Result<()> {
        syscall::delete(self.kernel.epoll.as_fd(), borrow(fd)?)
    }
}

impl AsFd for Selector {
    /// For who may watch it: from now on each wake makes it readable.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sleeper.be_watched();
        self.kernel.epoll.as_fd()
    }
}

/// The kernel's bits of an interest. Errors and hang-ups come unasked.
#[inline]
fn conditions(interest: Interest) -> io::Result<u32> {
    error::refuse(interest, Interest::ASYNC_IO)?;
    let mut bits = libc::EPOLLET;
    if interest.is_readable() {
        bits |= libc::EPOLLIN | libc::EPOLLRDHUP;
    }
    if interest.is_writable() {
        bits |= libc::EPOLLOUT;
    }
    if interest.is_priority() {
        bits |= libc::EPOLLPRI;
    }
    // The kernel's type is unsigned, libc's constants are not.
    #[allow(clippy::cast_sign_loss)]
    Ok(bits as u32)
}

#[inline]
fn data(token: Token) -> u64 {
    token.0 as u64
}

/// epoll_ctl(2) gives EPERM for what does not support polling; ENOENT and EEXIST have the right kinds by themselves.
#[cold]
fn explain(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EPERM) => error::not_pollable(error),
        _ => error,
    }
}
