//! What is known of a link without asking the system: what was put in, what came out, and what follows from that.
//!
//! It says what *must* be ready, and is silent where systems differ: after a reset, when a side was shut down for reading,
//! or when a buffer is neither empty nor full.

use std::net::Shutdown;
use std::sync::OnceLock;

use crate::ends::Kind;
#[cfg(unix)]
use crate::util::{ON_EVENT_PORTS, ON_POLL};

/// Up to this much, in bytes and in writes, leaves room for more with every kind.
const ROOMY: (u64, u64) = (4096, 4);

/// The bytes from one side of a link to the other, or its datagrams.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    sent: u64,
    taken: u64,
    /// How often was written since all was taken.
    writes: u64,
    /// A write would have blocked, and not all was taken since.
    full: bool,
    /// Nothing more comes: the writer has shut it down, or is closed.
    ended: bool,
    /// The reader is closed.
    unread: bool,
    /// Something has happened after which systems differ.
    vague: bool,
}

impl Way {
    fn is_empty(&self) -> bool {
        self.sent == self.taken
    }
}

/// A link of two sides.
#[derive(Debug)]
pub struct Ledger {
    kind: Kind,
    /// By the side that writes.
    ways: [Way; 2],
}

impl Ledger {
    pub fn new(kind: Kind) -> Ledger {
        Ledger { kind, ways: [Way::default(); 2] }
    }

    fn to(&self, side: usize) -> &Way {
        &self.ways[1 - side]
    }

    /// Whether this side is made for reading at all.
    pub fn reads(&self, side: usize) -> bool {
        !self.is_one_way() || side == 0
    }

    pub fn writes(&self, side: usize) -> bool {
        !self.is_one_way() || side == 1
    }

    pub fn is_readable(&self, side: usize) -> bool {
        let way = self.to(side);
        self.reads(side) && !way.vague && (!way.is_empty() || way.ended && !self.is_datagrams())
    }

    pub fn is_writable(&self, side: usize) -> bool {
        let way = &self.ways[side];
        let is_roomy = way.sent - way.taken <= ROOMY.0 && way.writes <= ROOMY.1 && !way.full;
        // What has no reader any more is ready to fail.
        let is_ready = if way.unread { self.tells_writers() } else { is_roomy };
        self.writes(side) && !way.vague && !way.ended && is_ready
    }

    /// Whether a write may be tried: datagrams that nobody has room for would be lost without a word.
    pub fn may_send(&self, side: usize) -> bool {
        let way = &self.ways[side];
        self.writes(side) && (self.kind != Kind::Udp || way.sent - way.taken < 16)
    }

    /// The bytes to write next.
    pub fn fill(&self, side: usize, bytes: &mut [u8]) {
        bytes.copy_from_slice(pattern(self.ways[side].sent, bytes.len()));
    }

    /// So many bytes were written.
    pub fn sent(&mut self, side: usize, count: usize) {
        let count = if self.is_datagrams() { 1 } else { count };
        let way = &mut self.ways[side];
        way.sent += u64::try_from(count).expect("a length");
        way.writes += 1;
        if way.unread {
            // The answer is a reset.
            self.failed();
        }
    }

    pub fn send_blocked(&mut self, side: usize) {
        let way = &mut self.ways[side];
        way.full = !way.is_empty();
    }

    /// These bytes were read; none are the end, or an empty datagram. Panics if they are not what was written.
    pub fn received(&mut self, side: usize, bytes: &[u8]) {
        let is_datagrams = self.is_datagrams();
        let way = &mut self.ways[1 - side];
        if bytes.is_empty() || is_datagrams {
            assert!(!bytes.is_empty() || way.vague || way.ended, "an end that is none: {way:?}");
            // Wine 8 has given the end of a connection with megabytes under way before the last of them.
            let is_whole = way.vague || way.unread || way.is_empty() || is_datagrams;
            assert!(is_whole || cfg!(windows), "the end, and not all was read: {way:?}");
        } else {
            let expected = pattern(way.taken, bytes.len());
            assert!(bytes == expected, "other bytes than were written: {way:?}");
        }
        way.taken += if is_datagrams { 1 } else { u64::try_from(bytes.len()).expect("a length") };
        if way.is_empty() {
            (way.full, way.writes) = (false, 0);
        }
        assert!(way.vague || way.taken <= way.sent, "more was read than was written: {way:?}");
    }

    /// Whether both sides are as they were made, so that no operation may fail.
    pub fn is_sound(&self) -> bool {
        self.ways.iter().all(|way| !way.ended && !way.unread && !way.vague)
    }

    /// An operation failed.
    pub fn failed(&mut self) {
        self.ways.iter_mut().for_each(|way| way.vague = true);
    }

    pub fn shut_down(&mut self, side: usize, how: Shutdown) {
        if how == Shutdown::Write && !self.is_datagrams() {
            self.ways[side].ended = true;
        } else {
            self.failed();
        }
    }

    /// The last source of a side was closed.
    pub fn closed(&mut self, side: usize) {
        self.ways[side].ended = true;
        self.ways[1 - side].unread = true;
        // Bytes that nobody read make a reset of the end.
        self.ways[side].vague |= !self.tells_writers() && !self.to(side).is_empty();
    }

    pub fn is_datagrams(&self) -> bool {
        match self.kind {
            Kind::Udp => true,
            #[cfg(unix)]
            Kind::UnixDatagram => true,
            _ => false,
        }
    }

    fn is_one_way(&self) -> bool {
        #[cfg(unix)]
        return self.kind == Kind::Pipe;
        #[cfg(not(unix))]
        false
    }

    /// Whether who writes is told that the reader is gone, before trying.
    fn tells_writers(&self) -> bool {
        match self.kind {
            Kind::Tcp | Kind::Udp => false,
            #[cfg(unix)]
            Kind::UnixDatagram => false,
            #[cfg(windows)]
            Kind::NamedPipe => false,
            #[cfg(unix)]
            _ => true,
        }
    }

    /// Whether who has read the end is told of it still. A named pipe tells of operations that end, and that one has.
    pub fn ends_for_good(&self) -> bool {
        #[cfg(windows)]
        return self.kind != Kind::NamedPipe;
        #[cfg(not(windows))]
        true
    }

    /// Whether what is written can be read at once. Bytes on the loopback interface may take their time; a `SourceFd` is
    /// looked at from time to time where the system can't be asked for edges; and the event of a port is of the time when
    /// it was queued: the next poll tells what came since.
    pub fn is_prompt(&self) -> bool {
        match self.kind {
            Kind::Tcp | Kind::Udp => false,
            #[cfg(unix)]
            _ if ON_EVENT_PORTS => false,
            #[cfg(unix)]
            Kind::SourceFd => !ON_POLL,
            #[cfg(windows)]
            Kind::NamedPipe => false,
            #[cfg(unix)]
            _ => true,
        }
    }
}

/// The bytes from a position on, of 64 KiB at most: their period is no power of two, as buffers' lengths are. They are there
/// already, so that megabytes take no time where nothing is optimised.
fn pattern(from: u64, length: usize) -> &'static [u8] {
    const LAST: u8 = 250;
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = BYTES.get_or_init(|| (0..=LAST).cycle().take((64 << 10) + usize::from(LAST)).collect());
    let start = usize::try_from(from % (u64::from(LAST) + 1)).expect("less than a period");
    &bytes[start..start + length]
}
