//! The traits that the compiler works out, which a field can take away without anybody noticing.

use std::fmt::Debug;
use std::mem::size_of;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::util::leak::leaves_nothing_open;
use poised::event::{Event, Events, Iter};
use poised::net::{TcpListener, TcpStream, UdpSocket};
use poised::{Events as RootEvents, Interest, IoSource, Poll, Registry, Token, Waker};

fn has_all<T: Debug + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
fn is_static<T: 'static>() {}

#[test]
fn core_types() {
    has_all::<Poll>();
    has_all::<Registry>();
    has_all::<Waker>();
    has_all::<Token>();
    has_all::<Interest>();
    has_all::<Events>();
    has_all::<Event>();
    has_all::<Iter<'static>>();
    is_static::<Event>();
}

#[test]
fn sockets() {
    has_all::<TcpListener>();
    has_all::<TcpStream>();
    has_all::<UdpSocket>();
    has_all::<IoSource<std::net::TcpStream>>();
}

#[cfg(unix)]
#[test]
fn unix_types() {
    has_all::<poised::net::UnixListener>();
    has_all::<poised::net::UnixStream>();
    has_all::<poised::net::UnixDatagram>();
    has_all::<poised::unix::SourceFd<'static>>();
    has_all::<poised::unix::pipe::Sender>();
    has_all::<poised::unix::pipe::Receiver>();
}

/// `Option` of a registered thing costs nothing where the type has a hole: consumers keep arrays of them.
#[test]
fn sizes() {
    assert_eq!(size_of::<Option<Interest>>(), size_of::<Interest>());
    assert_eq!(size_of::<Token>(), size_of::<usize>());
}

/// Names that both `event` and the root have are the same types.
#[test]
fn the_root_shows_events() {
    fn same(events: RootEvents) -> Events {
        events
    }
    assert_eq!(same(RootEvents::with_capacity(3)).capacity(), 3);
}

leaves_nothing_open!(
    core_types,
    sockets,
    #[cfg(unix)]
    unix_types,
    sizes,
    the_root_shows_events,
);
