//! epoll by hand: libc's functions, and nothing around them.

#![allow(unsafe_code)]

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use super::{Interest, Listener, Peer, Stream, Wake};

/// An epoll descriptor.
#[derive(Debug)]
pub(crate) struct Raw(OwnedFd);

/// The kernel's records, and for how many there is room.
#[derive(Debug)]
pub(crate) struct Events {
    list: Vec<libc::epoll_event>,
    room: libc::c_int,
}

/// An eventfd that the poll watches.
#[derive(Debug)]
pub(crate) struct Waker(OwnedFd);

/// A TCP socket.
#[derive(Debug)]
pub(crate) struct Tcp(OwnedFd);

/// A Unix stream.
#[derive(Debug)]
pub(crate) struct Unix(OwnedFd);

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

fn length(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn owned(fd: libc::c_int) -> io::Result<OwnedFd> {
    let fd = check(fd)?;
    // SAFETY: the kernel has just given it to us, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The time in milliseconds, rounded up; -1 is forever.
fn millis(timeout: Option<Duration>) -> libc::c_int {
    let Some(timeout) = timeout else { return -1 };
    libc::c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
}

// The kernel's type of conditions is unsigned, libc's constants are not.
#[allow(clippy::cast_sign_loss)]
fn conditions(interest: Interest) -> u32 {
    let bits = match interest {
        Interest::Readable => libc::EPOLLIN | libc::EPOLLRDHUP,
        Interest::Both => libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLOUT,
    };
    (bits | libc::EPOLLET) as u32
}

impl Raw {
    #[inline]
    fn control(&self, operation: libc::c_int, fd: RawFd, token: usize, interest: Interest) -> io::Result<()> {
        let mut event = libc::epoll_event { events: conditions(interest), u64: token as u64 };
        // SAFETY: the kernel reads the record while the call lasts, and keeps no pointer to it.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd, &mut event) }).map(drop)
    }
}

impl Peer for Raw {
    type Events = Events;
    type Waker = Waker;
    type Tcp = Tcp;
    type Unix = Unix;
    type Listener = Tcp;

    fn new() -> io::Result<Self> {
        // SAFETY: the call takes no memory.
        owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(Self)
    }

    fn events(capacity: usize) -> Events {
        Events { list: Vec::with_capacity(capacity), room: libc::c_int::try_from(capacity).unwrap_or(libc::c_int::MAX) }
    }

    #[inline]
    fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let (epoll, Events { list, room }) = (self.0.as_raw_fd(), events);
        list.clear();
        // SAFETY: there is room for so many records behind the pointer.
        let count = length(unsafe { libc::epoll_wait(epoll, list.as_mut_ptr(), *room, millis(timeout)) } as isize)?;
        // SAFETY: the kernel wrote so many records.
        unsafe { list.set_len(count) };
        Ok(())
    }

    #[inline]
    fn seen(events: &Events) -> impl Iterator<Item = (usize, bool)> {
        // Registered from a usize, so nothing is cut off; the kernel's type of conditions is unsigned, libc's are not.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        events.list.iter().map(|event| (event.u64 as usize, event.events & libc::EPOLLIN as u32 != 0))
    }

    #[inline]
    fn register(&self, fd: RawFd, token: usize, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    #[inline]
    fn reregister(&self, fd: RawFd, token: usize, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    #[inline]
    fn deregister(&self, fd: RawFd) -> io::Result<()> {
        // SAFETY: this operation takes no record.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, fd, ptr::null_mut()) }).map(drop)
    }

    fn waker(&self, token: usize) -> io::Result<Waker> {
        // SAFETY: the call takes no memory.
        let notifier = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        self.register(notifier.as_raw_fd(), token, Interest::Readable)?;
        Ok(Waker(notifier))
    }
}

impl Wake for Waker {
    #[inline]
    fn wake(&self) -> io::Result<()> {
        let one = 1_u64;
        // SAFETY: the kernel reads eight bytes.
        length(unsafe { libc::write(self.0.as_raw_fd(), ptr::from_ref(&one).cast(), 8) }).map(drop)
    }
}

/// A stream socket of either kind.
macro_rules! socket {
    ($name:ident, $std:ty) => {
        impl Read for $name {
            #[inline]
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                // SAFETY: the kernel writes at most so many bytes.
                length(unsafe { libc::recv(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) })
            }
        }

        impl Write for $name {
            #[inline]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let flags = libc::MSG_NOSIGNAL;
                // SAFETY: the kernel reads so many bytes.
                length(unsafe { libc::send(self.0.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) })
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        impl Stream<Raw> for $name {
            type Std = $std;

            fn from_std(stream: $std) -> Self {
                Self(stream.into())
            }

            fn register(&mut self, peer: &Raw, token: usize) -> io::Result<()> {
                peer.register(self.0.as_raw_fd(), token, Interest::Both)
            }
        }
    };
}

socket!(Tcp, std::net::TcpStream);
socket!(Unix, std::os::unix::net::UnixStream);

impl Listener<Raw> for Tcp {
    fn from_std(listener: std::net::TcpListener) -> Self {
        Self(listener.into())
    }

    fn register(&mut self, peer: &Raw, token: usize) -> io::Result<()> {
        peer.register(self.0.as_raw_fd(), token, Interest::Readable)
    }

    fn accept(&self) -> io::Result<Tcp> {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: without a pointer for the address the kernel writes none.
        owned(unsafe { libc::accept4(self.0.as_raw_fd(), ptr::null_mut(), ptr::null_mut(), flags) }).map(Tcp)
    }
}
