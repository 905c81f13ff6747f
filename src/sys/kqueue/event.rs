//! The kernel's record, `struct kevent`: a change, the receipt of one, or an event.

use std::fmt;
use std::io;
use std::mem;
use std::ptr;

use super::types::{self, Filter, Flags};
use crate::sys::wakes::WakeEvent;
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

impl WakeEvent for Record {
    fn of_wake(token: Token) -> Record {
        Record::change(0, types::EVFILT_USER, 0, token)
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

// Over the model, which has all filters; the numbers are the system's own elsewhere.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::types::{AIO, EVFILT_READ, EVFILT_USER, EVFILT_WRITE, EV_CLEAR, EV_EOF, EV_ERROR, EXCEPT, LIO};
    use super::*;

    fn event(filter: Filter, flags: Flags, fflags: u32) -> Record {
        let mut event = Record::change(7, filter, 0, Token(usize::MAX)).with(fflags);
        event.0.flags = EV_CLEAR | flags;
        event
    }

    /// What holds of an event, by name.
    fn names(event: &Record) -> String {
        let all = [
            (event.is_readable(), "readable"),
            (event.is_writable(), "writable"),
            (event.is_error(), "error"),
            (event.is_read_closed(), "read_closed"),
            (event.is_write_closed(), "write_closed"),
            (event.is_priority(), "priority"),
            (event.is_aio(), "aio"),
            (event.is_lio(), "lio"),
        ];
        all.iter().filter(|(holds, _)| *holds).map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn p06_an_event_tells_of_its_own_direction() {
        let (except, out_of_band) = EXCEPT.unwrap();
        let reset = libc::ECONNRESET.unsigned_abs();
        for (event, holds) in [
            (event(EVFILT_READ, 0, 0), "readable"),
            (event(EVFILT_WRITE, 0, 0), "writable"),
            (event(EVFILT_READ, EV_EOF, 0), "readable read_closed"),
            (event(EVFILT_WRITE, EV_EOF, 0), "writable write_closed"),
            (event(EVFILT_READ, EV_EOF, reset), "readable error read_closed"),
            (event(EVFILT_WRITE, EV_EOF, reset), "writable error write_closed"),
            // Flags of the filter that are no error number.
            (event(EVFILT_READ, 0, 1), "readable"),
            (event(EVFILT_READ, EV_ERROR, 0), "readable error"),
            (event(except, 0, out_of_band), "readable priority"),
            // An error number that looks like the flag.
            (event(except, EV_EOF, out_of_band), "error read_closed"),
            (event(EVFILT_USER, 0, 0), "readable"),
            (event(EVFILT_USER, 0, READER_GONE), "writable write_closed"),
            (event(AIO.unwrap(), EV_EOF, 0), "aio"),
            (event(LIO.unwrap(), EV_EOF, 0), "lio"),
        ] {
            assert_eq!(names(&event), holds, "{event:?}");
        }
    }

    #[test]
    fn p04_a_token_comes_back_bit_for_bit() {
        for token in [0, 1, usize::MAX, usize::MAX / 2 + 1] {
            assert_eq!(Record::change(7, EVFILT_READ, 0, Token(token)).token(), Token(token));
        }
    }

    #[test]
    fn details_name_filter_and_flags() {
        let known = format!("{:?}", event(EVFILT_READ, EV_EOF, 2));
        assert_eq!(known, "EVFILT_READ | EV_CLEAR | EV_EOF, ident 7, fflags 0x2, data 0");
        let unknown = format!("{:?}", event(-4, 0x0800, 0));
        assert_eq!(unknown, "filter -4 | EV_CLEAR | 0x800, ident 7, fflags 0x0, data 0");
    }

    #[test]
    fn a_receipt_without_an_error_is_none() {
        let mut receipt = event(EVFILT_READ, EV_ERROR, 0);
        assert!(receipt.error().is_none());
        receipt.0.data = i64::from(libc::ENOENT);
        assert_eq!(receipt.error().and_then(|error| error.raw_os_error()), Some(libc::ENOENT));
    }
}
