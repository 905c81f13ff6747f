//! The kernel's record, `struct kevent`: a change, the receipt of one, or an event.

use std::fmt;
use std::io;
use std::mem;
use std::ptr;

use super::types::{self, Filter, Flags};
use crate::sys::Readiness;
use crate::Token;

/// In the flags of a user event: that it stands in for the write filter of a pipe whose reader is gone.
pub(super) const READER_GONE: u32 = 1;

/// `struct kevent`. As an event it is in the kernel's own form, so nothing is converted when waiting.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Record(pub(super) types::kevent);

// SAFETY: the only pointer in it is a token, which is never followed.
unsafe impl Send for Record {}
// SAFETY: likewise.
unsafe impl Sync for Record {}

impl Record {
    /// A change of the note that `ident` and `filter` name, which gives a receipt.
    pub(super) fn change(ident: usize, filter: Filter, flags: Flags, token: Token) -> Record {
        // SAFETY: it is made of integers and a pointer, for which zero is a value.
        let mut record: types::kevent = unsafe { mem::zeroed() };
        record.ident = ident;
        record.filter = filter;
        record.flags = flags | types::EV_RECEIPT;
        // Not a pointer to anything, and never followed.
        record.udata = ptr::null_mut::<u8>().wrapping_add(token.0).cast();
        Record(record)
    }

    /// The same with flags of the filter.
    pub(super) fn with(mut self, fflags: u32) -> Record {
        self.0.fflags = fflags;
        self
    }

    /// What went wrong with the change that this is the receipt of.
    pub(super) fn error(&self) -> Option<io::Error> {
        if self.0.flags & types::EV_ERROR == 0 || self.0.data == 0 {
            return None;
        }
        // An error number is a C int.
        #[allow(clippy::cast_possible_truncation)]
        let code = self.0.data as i32;
        Some(io::Error::from_raw_os_error(code))
    }

    fn is(&self, filter: Filter) -> bool {
        self.0.filter == filter
    }

    fn has(&self, flags: Flags) -> bool {
        self.0.flags & flags != 0
    }

    fn reader_gone(&self) -> bool {
        self.is(types::EVFILT_USER) && self.0.fflags & READER_GONE != 0
    }

    fn except(&self) -> Option<u32> {
        types::EXCEPT.filter(|except| self.is(except.0)).map(|except| except.1)
    }
}

impl Readiness for Record {
    #[inline]
    fn token(&self) -> Token {
        Token(self.0.udata as usize)
    }

    /// As on epoll, priority counts as readable. A user event is a waker's.
    #[inline]
    fn is_readable(&self) -> bool {
        self.is(types::EVFILT_READ) || self.is_priority() || (self.is(types::EVFILT_USER) && !self.reader_gone())
    }

    #[inline]
    fn is_writable(&self) -> bool {
        self.is(types::EVFILT_WRITE) || self.reader_gone()
    }

    /// `EV_EOF` brings the socket's error, if there is one, as the filter's flags (kqueue(2)).
    #[inline]
    fn is_error(&self) -> bool {
        self.has(types::EV_ERROR) || (self.has(types::EV_EOF) && self.0.fflags != 0)
    }

    /// Each filter tells of its own direction: after a local `shutdown(Write)`, the write filter has its end and the peer's
    /// data still arrives.
    #[inline]
    fn is_read_closed(&self) -> bool {
        let reads = self.is(types::EVFILT_READ) || self.except().is_some();
        (reads && self.has(types::EV_EOF)) || self.has(types::HANG_UP)
    }

    #[inline]
    fn is_write_closed(&self) -> bool {
        (self.is(types::EVFILT_WRITE) && self.has(types::EV_EOF)) || self.has(types::HANG_UP) || self.reader_gone()
    }

    #[inline]
    fn is_priority(&self) -> bool {
        // macOS reports the end of the stream by this filter, too: then the filter's flags are an error number.
        self.except().is_some_and(|out_of_band| self.0.fflags & out_of_band != 0 && !self.has(types::EV_EOF))
    }

    #[inline]
    fn is_aio(&self) -> bool {
        types::AIO.is_some_and(|filter| self.is(filter))
    }

    #[inline]
    fn is_lio(&self) -> bool {
        types::LIO.is_some_and(|filter| self.is(filter))
    }

    fn details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Some(types::EVFILT_READ), "EVFILT_READ"),
            (Some(types::EVFILT_WRITE), "EVFILT_WRITE"),
            (types::EXCEPT.map(|except| except.0), "EVFILT_EXCEPT"),
            (Some(types::EVFILT_USER), "EVFILT_USER"),
            (types::AIO, "EVFILT_AIO"),
            (types::LIO, "EVFILT_LIO"),
        ];
        match names.iter().find(|(filter, _)| *filter == Some(self.0.filter)) {
            Some((_, name)) => f.write_str(name)?,
            None => write!(f, "filter {}", { self.0.filter })?,
        }
        let mut rest = self.0.flags;
        for (flag, name) in [
            (types::EV_CLEAR, "EV_CLEAR"),
            (types::EV_RECEIPT, "EV_RECEIPT"),
            (types::EV_ONESHOT, "EV_ONESHOT"),
            (types::EV_ADD, "EV_ADD"),
            (types::EV_ERROR, "EV_ERROR"),
            (types::EV_EOF, "EV_EOF"),
        ] {
            if rest & flag != 0 {
                write!(f, " | {name}")?;
                rest &= !flag;
            }
        }
        if rest != 0 {
            write!(f, " | {rest:#x}")?;
        }
        // Copies, since Apple's struct is packed.
        let (ident, fflags, data) = (self.0.ident, self.0.fflags, self.0.data);
        write!(f, ", ident {ident}, fflags {fflags:#x}, data {data}")
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.details(f)
    }
}
