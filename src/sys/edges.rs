//! Makes edges of levels: what one registration reports where the kernel says for as long as it is so that a source is
//! ready. poll(2) and event ports share it; it is pure, but for the question how much a descriptor has to read.
//!
//! An entry reports what is ready *and* armed, and disarms it: that makes an edge of a level. It is armed again
//! * by `rearm`, when an operation of its owner would have blocked;
//! * by `reregister`;
//! * by `settle`, when the kernel was seen to say that it is not ready any more. That is the only way for a descriptor
//!   that somebody else owns (`Borrowed`): it is looked at until it is seen drained, and should it never be, it is
//!   reported once more after [`RENEWAL`], and after twice that time again: spurious at times, but never lost. An owned
//!   one is looked at when a wait begins, for those who read it by its descriptor rather than by its type.
//!
//! Hang-ups and errors can't be masked: the kernel reports them for as long as they last, which may be long (an error queue
//! that nobody reads) and need not be for ever (a socket that connects after it was registered). An entry that has
//! reported one and still has it would end every wait at once; so it is not waited for, but looked at every few
//! milliseconds, until the condition changes.

use std::io;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use libc::{c_int, pollfd};

use crate::sys::timeout::Deadline;
#[cfg(not(target_os = "wasi"))]
use crate::sys::unix::readiness::PollBits;
#[cfg(target_os = "wasi")]
use crate::sys::wasi::readiness::PollBits;
use crate::{Interest, Token};

/// Conditions in the bits of poll(2).
#[cfg(not(target_os = "horizon"))]
pub(crate) type Bits = libc::c_short;
#[cfg(target_os = "horizon")]
pub(crate) type Bits = c_int;

/// What makes a source ready whatever it was registered for.
pub(super) const CLOSED: Bits = libc::POLLHUP | libc::POLLERR;

/// Bits that not every system has.
#[cfg(not(target_os = "wasi"))]
pub(super) const PRI: Bits = libc::POLLPRI;
#[cfg(target_os = "wasi")]
pub(super) const PRI: Bits = 0;
#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "emscripten",
    target_os = "hermit",
    target_os = "illumos",
    target_os = "l4re",
    target_os = "nuttx"
))]
pub(super) const RDHUP: Bits = libc::POLLRDHUP;
/// The others tell of a peer that has shut its sending half down as bytes to read, and no more: reading gives 0.
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "emscripten",
    target_os = "hermit",
    target_os = "illumos",
    target_os = "l4re",
    target_os = "nuttx"
)))]
pub(super) const RDHUP: Bits = 0;

/// Whether this is the answer for a descriptor that is not open.
#[cfg(not(target_os = "espidf"))]
pub(super) fn is_closed(answer: Bits) -> bool {
    answer & libc::POLLNVAL != 0
}

/// ESP-IDF has no word for it.
#[cfg(target_os = "espidf")]
pub(super) fn is_closed(_: Bits) -> bool {
    false
}

/// When a borrowed descriptor that stays ready is reported for the second time.
pub(super) const RENEWAL: Duration = Duration::from_millis(100);
/// The longest time between two reports of such a descriptor.
pub(super) const LONGEST_RENEWAL: Duration = Duration::from_millis(200);

/// What reading takes away. (A source is writable most of the time: nothing can be seen there.)
const READING: Bits = libc::POLLIN | PRI | RDHUP;

/// How soon to look again at what is not settled, first and at the longest.
const NAPS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(64));

/// An event: poll(2)'s bits with the token that they belong to.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(super) token: Token,
    pub(super) bits: Bits,
}

// Most systems have them in 16 bits, and none of them is the sign.
#[allow(clippy::unnecessary_cast)]
const fn unsigned(bits: Bits) -> u32 {
    bits.unsigned_abs() as u32
}

impl PollBits for Record {
    const IN: u32 = unsigned(libc::POLLIN);
    const PRI: u32 = unsigned(PRI);
    const OUT: u32 = unsigned(libc::POLLOUT);
    const ERR: u32 = unsigned(libc::POLLERR);
    const HUP: u32 = unsigned(libc::POLLHUP);
    const RDHUP: u32 = unsigned(RDHUP);
    const PREFIX: &'static str = "POLL";

    fn bits(&self) -> u32 {
        unsigned(self.bits)
    }

    fn token(&self) -> Token {
        self.token
    }
}

/// What a turn of waiting has to expect of what was reported before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outlook {
    /// Something can be reported without waiting.
    pub(super) news: bool,
    /// Something must be looked at again soon.
    pub(super) unsettled: bool,
}

impl Outlook {
    /// How long the kernel may wait when `left` is left, and what is not settled is to be looked at again after `nap`.
    pub(super) fn timeout(self, left: Option<Duration>, nap: Duration) -> Option<Duration> {
        match left {
            _ if self.news => Some(Duration::ZERO),
            _ if !self.unsettled => left,
            Some(left) => Some(left.min(nap)),
            None => Some(nap),
        }
    }
}

/// Waits by turns until there are events or the time is over. A turn gets what is left of it, and how soon to look again at
/// what is not settled.
pub(super) fn wait(
    events: &mut Vec<Record>,
    timeout: Option<Duration>,
    mut turn: impl FnMut(&mut Vec<Record>, Option<Duration>, Duration) -> io::Result<()>,
) -> io::Result<()> {
    events.clear();
    let deadline = Deadline::after(timeout);
    let mut left = timeout;
    let mut nap = NAPS.0;
    loop {
        turn(events, left, nap)?;
        left = deadline.left();
        if !events.is_empty() || left == Some(Duration::ZERO) {
            return Ok(());
        }
        nap = (nap * 2).min(NAPS.1);
    }
}

#[derive(Debug)]
enum Kind {
    /// Owned by one of poised's types, which tells of each `WouldBlock`.
    Owned,
    /// Owned by somebody else.
    Borrowed { renewal: Renewal },
    /// Not a descriptor at all: a waker's flag.
    Waker,
}

/// When to report a borrowed descriptor that stays ready once more, and what was unread when it was reported.
#[derive(Debug)]
struct Renewal {
    due: Option<Instant>,
    interval: Duration,
    unread: Option<c_int>,
}

/// One registration, and which of its directions are armed.
#[derive(Debug)]
pub(super) struct Entry {
    kind: Kind,
    fd: RawFd,
    token: Token,
    /// What the registration asks for.
    wanted: Bits,
    /// What of it is reported when it is ready.
    armed: Bits,
    /// The hang-up and error that were reported, and that the kernel still says.
    standing: Bits,
    /// What the kernel said last.
    ready: Bits,
}

/// poll(2)'s bits of an interest.
pub(super) fn wanted(interest: Interest) -> Bits {
    let mut bits = 0;
    if interest.is_readable() {
        bits |= libc::POLLIN | RDHUP;
    }
    if interest.is_writable() {
        bits |= libc::POLLOUT;
    }
    if interest.is_priority() {
        bits |= PRI;
    }
    bits
}

impl Entry {
    /// A descriptor that wants some conditions, all of them armed.
    pub(super) fn new(fd: RawFd, token: Token, wanted: Bits, owned: bool) -> Entry {
        let renewal = Renewal { due: None, interval: RENEWAL, unread: None };
        let kind = if owned { Kind::Owned } else { Kind::Borrowed { renewal } };
        Entry { kind, fd, token, wanted, armed: wanted, standing: 0, ready: 0 }
    }

    /// A waker's flag.
    pub(super) fn waker(token: Token) -> Entry {
        Entry { kind: Kind::Waker, ..Entry::new(-1, token, libc::POLLIN, true) }
    }

    /// Gives it another token and other conditions, and arms it.
    pub(super) fn reregister(&mut self, token: Token, wanted: Bits) {
        self.token = token;
        self.wanted = wanted;
        self.armed = wanted;
        self.standing = 0;
    }

    /// Arms conditions of an owned source again; whether that changes what the kernel is asked.
    pub(super) fn rearm(&mut self, conditions: Bits) -> bool {
        let before = self.armed;
        self.armed |= self.wanted & conditions;
        before != self.armed
    }

    /// Sets a waker's flag.
    pub(super) fn wake(&mut self) {
        self.ready = libc::POLLIN;
    }

    /// Takes what the kernel said.
    pub(super) fn answer(&mut self, answer: Bits) {
        self.ready = answer;
    }

    /// Whether there is something to report without asking the kernel again.
    pub(super) fn is_news(&self) -> bool {
        self.ready & (self.armed | CLOSED & !self.standing) != 0
    }

    /// Whether the last hang-up or error that was reported is still there.
    pub(super) fn is_standing(&self) -> bool {
        self.standing != 0
    }

    /// What the kernel is asked while waiting: the conditions that are armed, and be there none, for hang-ups and errors.
    pub(super) fn question(&self) -> Option<pollfd> {
        let waits = !matches!(self.kind, Kind::Waker) && self.standing == 0;
        waits.then_some(pollfd { fd: self.fd, events: self.armed, revents: 0 })
    }

    /// What the kernel is asked before waiting, without waiting: whether what was reported is over.
    pub(super) fn unsettled(&self) -> Option<pollfd> {
        let unsettled = match self.kind {
            Kind::Borrowed { .. } => self.standing != 0 || self.disarmed() != 0,
            Kind::Owned => self.standing != 0 || self.disarmed() & READING != 0,
            Kind::Waker => false,
        };
        unsettled.then_some(pollfd { fd: self.fd, events: self.wanted, revents: 0 })
    }

    /// Takes the answer to a question of [`unsettled`](Entry::unsettled). Whether it is to be asked again soon.
    pub(super) fn settle(&mut self, answer: Bits, now: Instant, unread: impl Fn(RawFd) -> Option<c_int>) -> bool {
        if self.standing != 0 && self.standing != answer & CLOSED {
            // It connected, it listens, its error was taken, or there is another: all that it is now is news.
            self.standing = 0;
            self.armed = self.wanted;
        }
        self.settle_directions(answer, now, unread);
        if self.standing != 0 {
            self.ready = answer;
        }
        let looks_again = matches!(self.kind, Kind::Borrowed { .. }) && self.disarmed() != 0;
        looks_again || self.standing != 0
    }

    fn disarmed(&self) -> Bits {
        self.wanted & !self.armed
    }

    /// Arms the directions that the kernel does not call ready any more, and those whose turn it is to be told again.
    fn settle_directions(&mut self, answer: Bits, now: Instant, unread: impl Fn(RawFd) -> Option<c_int>) {
        let disarmed = self.disarmed();
        let over = disarmed & !answer;
        let renewal = match &mut self.kind {
            Kind::Owned | Kind::Waker => {
                self.armed |= over & READING;
                return;
            }
            Kind::Borrowed { renewal } => renewal,
        };
        self.armed |= over;
        if over != 0 {
            renewal.interval = RENEWAL;
        }
        if disarmed & answer & libc::POLLIN != 0 && unread(self.fd) != renewal.unread {
            self.armed |= libc::POLLIN;
        }
        if renewal.due.is_some_and(|due| now >= due) {
            self.armed |= disarmed;
            self.standing = 0;
            renewal.interval = (renewal.interval * 2).min(LONGEST_RENEWAL);
            renewal.due = None;
        }
    }

    /// What is reported of what the kernel said: nothing when it is no news.
    pub(super) fn report(&mut self, now: Instant, unread: impl Fn(RawFd) -> Option<c_int>) -> Option<Record> {
        let is_news = self.is_news();
        let ready = std::mem::take(&mut self.ready);
        if !is_news {
            return None;
        }
        let fresh = ready & self.armed;
        let closed = ready & CLOSED;
        let mut bits = fresh | closed;
        #[allow(clippy::bad_bit_mask)] // It is zero where there is no such bit.
        if fresh & RDHUP != 0 {
            // The end of the stream can be read, whether or not that direction was armed.
            bits |= self.wanted & libc::POLLIN;
        }
        match &mut self.kind {
            // Its readiness was the flag, which is taken.
            Kind::Waker => {}
            Kind::Owned => self.armed &= !fresh,
            Kind::Borrowed { renewal } => {
                self.armed &= !fresh;
                renewal.due = Some(now + renewal.interval);
                renewal.unread = unread(self.fd);
            }
        }
        self.standing = closed;
        Some(Record { token: self.token, bits })
    }
}
