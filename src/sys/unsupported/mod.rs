//! Systems that have no way to wait for sources, such as bare WebAssembly: everything compiles, for crates that are
//! built for many targets, and [`Poll::new`](crate::Poll::new) is an error of kind `Unsupported`.
//!
//! Nothing behind that error can be reached, and the types say so: there is no value of them.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::sys::Readiness;
use crate::{Interest, Token};

pub(crate) mod tcp;
pub(crate) mod udp;

/// What a source is known by: nothing, since it can't be registered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawSource;

/// Any type.
#[allow(unreachable_pub)] // It bounds a public implementation.
pub trait AsRawSource {}

impl<T> AsRawSource for T {}

pub(crate) fn raw_source(_: &impl AsRawSource) -> RawSource {
    RawSource
}

pub(crate) fn check_source(_: RawSource) {}

#[cold]
fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "poised can't wait for anything on this platform: it has no way to")
}

/// What there is none of.
#[derive(Clone, Debug)]
pub(crate) enum Selector {}

impl crate::sys::Selector for Selector {
    type Registration = Selector;
    type Event = Selector;
    type Waker = Selector;

    const EMULATES_EDGES: bool = false;

    fn new() -> io::Result<Selector> {
        Err(unsupported())
    }

    fn try_clone(&self) -> io::Result<Selector> {
        match *self {}
    }

    fn register(&self, _: RawSource, _: Token, _: Interest) -> io::Result<Selector> {
        match *self {}
    }

    fn reregister(&self, _: &mut Selector, _: RawSource, _: Token, _: Interest) -> io::Result<()> {
        match *self {}
    }

    fn deregister(&self, _: &Selector, _: RawSource) -> io::Result<()> {
        match *self {}
    }

    fn rearm(registration: &Selector, _: Interest) -> io::Result<()> {
        match *registration {}
    }

    fn wait(&mut self, _: &mut Vec<Selector>, _: Option<Duration>) -> io::Result<()> {
        match *self {}
    }

    fn waker(&self, _: Token) -> io::Result<Selector> {
        match *self {}
    }

    fn wake(waker: &Selector) -> io::Result<()> {
        match *waker {}
    }
}

impl Readiness for Selector {
    fn token(&self) -> Token {
        match *self {}
    }

    fn is_readable(&self) -> bool {
        match *self {}
    }

    fn is_writable(&self) -> bool {
        match *self {}
    }

    fn is_error(&self) -> bool {
        match *self {}
    }

    fn is_read_closed(&self) -> bool {
        match *self {}
    }

    fn is_write_closed(&self) -> bool {
        match *self {}
    }

    fn is_priority(&self) -> bool {
        match *self {}
    }

    fn details(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
