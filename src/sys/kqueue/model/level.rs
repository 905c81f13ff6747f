//! What a filter says of a descriptor, found out from Linux: the manual's words are the comments.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::sockopt::{socket_acceptconn, socket_type};
use rustix::net::{SendFlags, SocketType};

use super::constants::{EVFILT_READ, EVFILT_WRITE, EXCEPT};

/// What makes a note active: its data, whether it is the end, and the filter's flags.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    pub(super) data: i64,
    pub(super) end: bool,
    pub(super) fflags: u32,
}

/// Whether a filter can watch a descriptor at all: the error of attaching it.
pub(super) fn attach(fd: BorrowedFd<'_>, filter: i16) -> Result<(), i32> {
    match kind(fd) {
        // "Note that this filter is not supported for vnodes."
        Kind::Vnode if filter != EVFILT_READ => Err(libc::EINVAL),
        // sys_pipe.c, pipe_kqfilter: the other end of the pipe has been closed.
        Kind::Pipe if filter == EVFILT_WRITE && bits(fd).contains(PollFlags::ERR) => Err(libc::EPIPE),
        Kind::Socket(_) | Kind::Vnode | Kind::Pipe | Kind::Device if filter != EXCEPT.0 => Ok(()),
        Kind::Socket(_) => Ok(()),
        // Out-of-band data is a matter of sockets; this lets the others be, as OpenBSD does.
        Kind::Pipe | Kind::Device => Ok(()),
        Kind::Vnode => Err(libc::EINVAL),
    }
}

/// What `filter` sees of a descriptor now; nothing when the condition does not hold.
pub(super) fn look(fd: BorrowedFd<'_>, filter: i16) -> Option<Level> {
    let (kind, bits) = (kind(fd), bits(fd));
    match filter {
        EVFILT_READ => read(fd, kind, bits),
        EVFILT_WRITE => write(fd, kind, bits),
        _ => except(kind, bits),
    }
}

fn read(fd: BorrowedFd<'_>, kind: Kind, bits: PollFlags) -> Option<Level> {
    let unread = || rustix::io::ioctl_fionread(fd).map_or(0, |unread| i64::try_from(unread).unwrap_or(i64::MAX));
    match kind {
        // "Returns when the file pointer is not at the end of file."
        Kind::Vnode => Some(unread()).filter(|left| *left != 0).map(|data| Level { data, ..Level::default() }),
        // "… return when there is an incoming connection pending."
        Kind::Socket(_) if socket_acceptconn(fd).unwrap_or(false) => {
            bits.contains(PollFlags::IN).then_some(Level { data: 1, ..Level::default() })
        }
        // "If the read direction of the socket has shutdown, then the filter also sets EV_EOF in flags, and returns the
        // socket error (if any) in fflags."
        Kind::Socket(_) => {
            let end = bits.contains(PollFlags::RDHUP);
            let ready = end || bits.intersects(PollFlags::IN | PollFlags::ERR);
            ready.then(|| Level { data: unread(), end, fflags: socket_error(end, bits) })
        }
        // "When the last writer disconnects, the filter will set EV_EOF in flags."
        Kind::Pipe | Kind::Device => {
            let end = bits.contains(PollFlags::HUP);
            (end || bits.contains(PollFlags::IN)).then(|| Level { data: unread(), end, fflags: 0 })
        }
    }
}

fn write(fd: BorrowedFd<'_>, kind: Kind, bits: PollFlags) -> Option<Level> {
    let (end, ready) = match kind {
        Kind::Vnode => return None,
        Kind::Socket(kind) => {
            let gone = bits.contains(PollFlags::HUP | PollFlags::RDHUP);
            // A socket that was never connected: uipc_socket.c, filt_sowrite, has it not ready.
            if bits.contains(PollFlags::HUP) && !gone {
                return None;
            }
            // Without an end, an error is readiness.
            let ready = PollFlags::OUT | PollFlags::ERR;
            (gone || (bits.contains(PollFlags::OUT) && is_shut_down(fd, kind, bits)), ready)
        }
        // "The filter will set EV_EOF when the reader disconnects."
        Kind::Pipe => (bits.contains(PollFlags::ERR), PollFlags::OUT),
        Kind::Device => (bits.contains(PollFlags::HUP), PollFlags::OUT),
    };
    let fflags = if matches!(kind, Kind::Socket(_)) { socket_error(end, bits) } else { 0 };
    // How much room there is, nobody here asks.
    (end || bits.intersects(ready)).then_some(Level { data: 1, end, fflags })
}

/// macOS: "If the read direction of the socket has shutdown, then the filter also sets EV_EOF in flags".
fn except(kind: Kind, bits: PollFlags) -> Option<Level> {
    if bits.contains(PollFlags::PRI) {
        return Some(Level { data: 1, end: false, fflags: EXCEPT.1 });
    }
    let end = matches!(kind, Kind::Socket(_)) && bits.contains(PollFlags::RDHUP);
    end.then(|| Level { data: 0, end, fflags: socket_error(end, bits) })
}

/// The socket's error, which Linux tells once, and that is for the program: so it is always the same one here.
fn socket_error(end: bool, bits: PollFlags) -> u32 {
    if end && bits.contains(PollFlags::ERR) {
        libc::ECONNRESET.unsigned_abs()
    } else {
        0
    }
}

/// Whether the sending half of a stream is shut down, which sending nothing tells: it is `EPIPE` then, and nothing else.
fn is_shut_down(fd: BorrowedFd<'_>, kind: SocketType, bits: PollFlags) -> bool {
    kind == SocketType::STREAM
        && !bits.intersects(PollFlags::ERR | PollFlags::HUP)
        && rustix::net::send(fd, &[], SendFlags::NOSIGNAL | SendFlags::DONTWAIT) == Err(rustix::io::Errno::PIPE)
}

#[derive(Clone, Copy)]
enum Kind {
    Vnode,
    Socket(SocketType),
    Pipe,
    Device,
}

fn kind(fd: BorrowedFd<'_>) -> Kind {
    match mode(fd).unwrap_or(0) & libc::S_IFMT {
        libc::S_IFREG | libc::S_IFDIR => Kind::Vnode,
        libc::S_IFIFO => Kind::Pipe,
        libc::S_IFSOCK => socket_type(fd).map_or(Kind::Device, Kind::Socket),
        _ => Kind::Device,
    }
}

pub(super) fn is_pipe(fd: BorrowedFd<'_>) -> bool {
    matches!(kind(fd), Kind::Pipe)
}

pub(super) fn is_vnode(fd: BorrowedFd<'_>) -> bool {
    matches!(kind(fd), Kind::Vnode)
}

fn mode(fd: BorrowedFd<'_>) -> io::Result<libc::mode_t> {
    // SAFETY: it is made of integers, for which zero is a value.
    let mut stat: libc::stat = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes a `struct stat`, for which there is room.
    crate::sys::unix::check(unsafe { libc::fstat(fd.as_raw_fd(), &mut stat) })?;
    Ok(stat.st_mode)
}

fn bits(fd: BorrowedFd<'_>) -> PollFlags {
    let asked = PollFlags::IN | PollFlags::OUT | PollFlags::PRI | PollFlags::RDHUP;
    let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), asked)];
    match rustix::event::poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(_) => fds[0].revents(),
        Err(_) => PollFlags::empty(),
    }
}
