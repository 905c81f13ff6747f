//! The table without a kernel: what it asks, and what it makes of the answers.

use std::io;

use std::time::Duration;

use super::*;
use crate::sys::edges::{Outlook, LONGEST_RENEWAL, PRI, RDHUP, RENEWAL};

const IN: Bits = libc::POLLIN;
const OUT: Bits = libc::POLLOUT;
const HUP: Bits = libc::POLLHUP;
const READ: Interest = Interest::READABLE;
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// A table with one descriptor.
struct One {
    table: Table,
    key: Key,
    now: Instant,
}

fn identity() -> Identity {
    let (reader, _writer) = crate::sys::unix::pipe::new().unwrap();
    kernel::identify(std::os::fd::AsRawFd::as_raw_fd(&reader)).unwrap()
}

fn registering(fd: RawFd, interest: Interest, owned: bool) -> Registering {
    Registering { fd, identity: identity(), token: Token(7), interest, owned }
}

impl One {
    fn new(interest: Interest, owned: bool) -> One {
        let mut table = Table::default();
        let key = table.register(registering(3, interest, owned)).expect("registered");
        One { table, key, now: Instant::now() }
    }

    /// What the kernel would be asked for the descriptor; `None` when it is not shown.
    fn asked(&self) -> Option<Bits> {
        self.table.questions().map(|question| question.descriptor.events).next()
    }

    /// What it is asked before a wait, without waiting.
    fn asked_at_once(&self) -> Option<Bits> {
        self.table.unsettled().map(|question| question.descriptor.events).next()
    }

    /// The bits reported when the kernel says `answer`.
    fn says(&mut self, answer: Bits) -> Bits {
        let mut events = Vec::with_capacity(4);
        self.table.answer(self.key, answer);
        self.table.report(&mut events, self.now, |_| Some(1));
        events.first().map_or(0, |event| event.bits)
    }

    fn settles(&mut self, answer: Bits, unread: c_int) -> bool {
        self.table.settle(self.key, answer, self.now, |_| Some(unread))
    }
}

#[test]
fn a_reported_direction_is_silent_until_it_blocked() {
    let mut one = One::new(BOTH, true);
    assert_eq!(one.says(IN | OUT), IN | OUT);
    assert_eq!(one.says(IN | OUT), 0);
    assert!(one.table.rearm(one.key, READ));
    assert_eq!(one.says(IN | OUT), IN, "the other direction did not block");
    assert!(one.table.rearm(one.key, BOTH));
    assert!(!one.table.rearm(one.key, BOTH), "nothing changes the second time");
}

#[test]
fn a_hang_up_is_reported_when_nothing_is_armed_and_is_not_waited_for() {
    let mut one = One::new(READ, true);
    one.says(IN | libc::POLLRDHUP);
    assert_eq!(one.asked(), Some(0), "shown to the kernel for the hang-up's sake");
    assert_eq!(one.says(HUP), HUP);
    assert!(one.settles(HUP, 0));
    assert_eq!(one.asked(), None, "it would end every wait at once");
    assert!(!one.table.has_news());
    assert!(!one.settles(0, 0));
    assert_eq!(one.asked(), Some(wanted(READ)), "the condition is over");
}

#[test]
fn an_error_that_stays_is_told_once_and_hides_nothing() {
    let mut one = One::new(READ, true);
    let error = libc::POLLERR;
    assert_eq!(one.says(error), error);
    for _ in 0..3 {
        one.table.rearm(one.key, READ);
        assert!(one.settles(error, 0));
        assert!(!one.table.has_news(), "the error is known");
        assert!(one.settles(error | IN, 1));
        assert!(one.table.has_news());
        assert_eq!(one.says(error | IN), error | IN);
    }
    one.settles(error | HUP, 0);
    assert_eq!(one.says(error | HUP), error | HUP, "another condition is news");
}

#[test]
fn an_end_of_stream_is_readable_again() {
    let mut one = One::new(READ, true);
    assert_eq!(one.says(IN), IN);
    assert_eq!(one.says(libc::POLLRDHUP), libc::POLLRDHUP | IN);
}

#[test]
fn a_borrowed_descriptor_is_armed_when_it_is_seen_drained() {
    let mut one = One::new(READ, false);
    assert_eq!(one.says(IN), IN);
    assert!(one.settles(IN, 1), "as it was: look again");
    assert_eq!(one.says(IN), 0);
    one.settles(0, 0);
    assert_eq!(one.says(IN), IN);
}

#[test]
fn an_owned_source_that_was_read_by_its_descriptor_is_armed() {
    let mut one = One::new(BOTH, true);
    assert_eq!(one.says(IN | OUT), IN | OUT);
    assert!(!one.settles(IN, 1), "nobody looks again before the next wait");
    assert_eq!(one.says(IN | OUT), 0);
    one.settles(0, 0);
    assert_eq!(one.says(IN | OUT), IN, "writing is armed by WouldBlock alone");
}

#[test]
fn who_may_have_been_read_from_is_asked_at_once() {
    let mut one = One::new(BOTH, true);
    assert_eq!(one.asked_at_once(), None);
    assert_eq!(one.says(OUT), OUT);
    assert_eq!(one.asked_at_once(), None, "only WouldBlock says that it can't be written to");
    assert_eq!(one.says(IN), IN);
    assert_eq!(one.asked_at_once(), Some(wanted(BOTH)));
    one.settles(OUT, 0);
    assert_eq!(one.asked_at_once(), None);
    let mut borrowed = One::new(BOTH, false);
    assert_eq!(borrowed.asked_at_once(), None);
    assert_eq!(borrowed.says(OUT), OUT);
    assert_eq!(borrowed.asked_at_once(), Some(wanted(BOTH)));
}

/// An operation may have taken an error; for bytes that it took nobody asks.
#[test]
fn an_operation_that_blocked_has_hang_ups_and_errors_looked_at() {
    for (told, standing) in [(IN, false), (IN | HUP, true), (libc::POLLERR, true)] {
        let mut one = One::new(READ, true);
        assert_eq!(one.says(told), told);
        assert_eq!(one.table.standing(one.key).is_some(), standing, "{told}");
    }
}

#[test]
fn a_borrowed_descriptor_is_armed_when_more_came() {
    let mut one = One::new(READ, false);
    one.says(IN);
    one.settles(IN, 2);
    assert_eq!(one.says(IN), IN);
}

#[test]
fn a_borrowed_descriptor_that_stays_ready_is_renewed_later() {
    let mut one = One::new(Interest::WRITABLE, false);
    assert_eq!(one.says(OUT), OUT);
    for interval in [RENEWAL, LONGEST_RENEWAL, LONGEST_RENEWAL] {
        one.now += interval - Duration::from_millis(1);
        one.settles(OUT, 0);
        assert_eq!(one.says(OUT), 0, "too early");
        one.now += Duration::from_millis(1);
        one.settles(OUT, 0);
        assert_eq!(one.says(OUT), OUT);
    }
    // When it was drained all begins anew.
    one.settles(0, 0);
    assert_eq!(one.says(OUT), OUT);
    one.now += RENEWAL;
    one.settles(OUT, 0);
    assert_eq!(one.says(OUT), OUT);
}

#[test]
fn a_closed_descriptor_ends_its_registration() {
    for settled in [false, true] {
        let mut one = One::new(READ, false);
        if settled {
            one.says(IN);
            one.settles(libc::POLLNVAL, 0);
        } else {
            assert_eq!(one.says(libc::POLLNVAL), 0);
        }
        assert_eq!(one.table.key_of(3), None);
        assert!(!one.table.remove(one.key));
    }
}

#[test]
fn the_same_file_is_registered_once_and_another_takes_its_number() {
    let mut table = Table::default();
    let first = registering(3, READ, false);
    let key = table.register(first).unwrap();
    assert!(table.register(first).is_none());
    let other = registering(3, READ, false);
    let second = table.register(other).expect("another file");
    assert_ne!(key, second);
    assert!(!table.reregister(key, Token(1), READ), "a key never names another entry");
}

#[test]
fn no_source_starves_when_there_is_room_for_one() {
    let mut table = Table::default();
    let keys: Vec<_> = (3..8).map(|fd| table.register(registering(fd, READ, true)).unwrap()).collect();
    let mut seen = Vec::new();
    for _ in 0..5 {
        for key in &keys {
            table.rearm(*key, READ);
            table.answer(*key, IN);
        }
        let mut events = Vec::with_capacity(1);
        table.report(&mut events, Instant::now(), |_| None);
        assert_eq!(events.len(), 1);
        seen.push(table.next);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
}

#[test]
fn a_wake_waits_for_room() {
    let mut one = One::new(READ, true);
    let waker = one.table.add_waker(Token(9));
    one.table.wake(waker);
    one.table.answer(one.key, IN);
    let mut events = Vec::with_capacity(1);
    one.table.report(&mut events, one.now, |_| None);
    assert_eq!(events[0].token, Token(7));
    assert!(one.table.has_news());
    events.clear();
    one.table.report(&mut events, one.now, |_| None);
    assert_eq!(events[0].token, Token(9));
    assert!(!one.table.has_news());
}

#[test]
fn each_wake_is_told_and_the_kernel_is_not_asked() {
    let mut table = Table::default();
    let waker = table.add_waker(Token(9));
    for _ in 0..3 {
        table.wake(waker);
        assert_eq!(table.questions().count() + table.unsettled().count(), 0);
        let mut events = Vec::with_capacity(4);
        table.report(&mut events, Instant::now(), |_| None);
        assert_eq!((events.len(), events[0].token, events[0].bits), (1, Token(9), IN));
    }
}

#[test]
fn regular_files_and_closed_descriptors_are_refused() {
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let error = kernel::identify(std::os::fd::AsRawFd::as_raw_fd(&file)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(kernel::identify(-1).unwrap_err().raw_os_error(), Some(libc::EBADF));
}

#[test]
fn what_reading_takes_away_is_armed_when_it_is_gone() {
    let (pri, rdhup) = (PRI, RDHUP);
    let mut one = One::new(READ.add(Interest::PRIORITY), true);
    assert_eq!(one.asked(), Some(IN | pri | rdhup));
    assert_eq!(one.says(IN | pri | rdhup), IN | pri | rdhup);
    assert_eq!(one.asked(), Some(0));
    for (gone, still) in [(pri, IN | rdhup), (IN, rdhup), (rdhup, 0)] {
        let before = one.asked().unwrap();
        assert!(!one.settles(still, 1));
        assert_eq!(one.asked(), Some(before | gone));
    }
}

#[test]
fn a_wait_is_as_long_as_there_is_nothing_to_look_at() {
    let [short, nap, long] = [1, 2, 3].map(Duration::from_millis);
    let timeout = |news, unsettled, left| Outlook { news, unsettled }.timeout(left, nap);
    for left in [None, Some(short), Some(long)] {
        assert_eq!(timeout(false, false, left), left);
        assert_eq!(timeout(true, false, left), Some(Duration::ZERO));
        assert_eq!(timeout(true, true, left), Some(Duration::ZERO));
        assert_eq!(timeout(false, true, left), Some(left.unwrap_or(nap).min(nap)));
    }
}
