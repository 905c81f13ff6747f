//! Registers and waits with epoll. The kernel does the work; here interests become its bits, and timeouts its calls.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::syscall::{self, Record};
use super::waker::Waker;
use crate::sys::timeout::{self, Deadline};
use crate::sys::unix::{borrow, RawSource};
use crate::sys::{error, SelectDescriptor};
use crate::{Interest, Token};

/// An epoll descriptor.
#[derive(Debug)]
pub(crate) struct Selector {
    epoll: OwnedFd,
    /// Whether the kernel takes exact timeouts. A refusal is remembered, and costs one call in the life of a poll.
    pwait2: bool,
}

/// Nothing: the kernel keeps the registration, and ends it when the last descriptor of the file is closed (epoll(7)).
#[derive(Debug)]
pub(crate) struct Registration;

impl Selector {
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
            syscall::wait(self.epoll.as_fd(), events, timeout::saturated_millis(left))?;
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
        Ok(Selector { epoll: syscall::create()?, pwait2: cfg!(target_os = "linux") })
    }

    fn try_clone(&self) -> io::Result<Selector> {
        Ok(Selector { epoll: self.epoll.try_clone()?, pwait2: self.pwait2 })
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

    #[inline]
    fn wait(&mut self, events: &mut Vec<Record>, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        match timeout {
            None => syscall::wait(self.epoll.as_fd(), events, -1),
            Some(timeout) => match timeout::exact_millis(timeout) {
                Some(millis) => syscall::wait(self.epoll.as_fd(), events, millis),
                None => self.wait_exactly(events, timeout),
            },
        }
    }

    fn waker(&self, token: Token) -> io::Result<Waker> {
        Waker::new(self, token)
    }

    #[inline]
    fn wake(waker: &Waker) -> io::Result<()> {
        waker.wake()
    }
}

impl SelectDescriptor for Selector {
    #[inline]
    fn register_fd(&self, fd: RawSource, token: Token, interest: Interest) -> io::Result<()> {
        syscall::add(self.epoll.as_fd(), borrow(fd)?, conditions(interest)?, data(token)).map_err(explain)
    }

    #[inline]
    fn reregister_fd(&self, fd: RawSource, token: Token, interest: Interest) -> io::Result<()> {
        syscall::modify(self.epoll.as_fd(), borrow(fd)?, conditions(interest)?, data(token))
    }

    #[inline]
    fn deregister_fd(&self, fd: RawSource) -> io::Result<()> {
        syscall::delete(self.epoll.as_fd(), borrow(fd)?)
    }
}

impl AsFd for Selector {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
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
