//! The contract of [`Selector`] as tests: one suite, run over every mechanism that is compiled here.
//!
//! Each test knows a selector by the trait alone. That something is *not* reported is shown by a waker that is: it is
//! woken after what is under test.

// WASI runs a part of it.
#![cfg_attr(target_os = "wasi", allow(dead_code))]

use std::io::{self, Read, Write};
#[cfg(not(unix))]
use std::net::{TcpListener, TcpStream as Stream};
#[cfg(unix)]
use std::os::fd::AsRawFd;
#[cfg(unix)]
use std::os::unix::net::UnixStream as Stream;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

#[cfg(unix)]
use crate::sys::SelectDescriptor;
use crate::sys::{raw_source, Readiness, Selector};
use crate::{Interest, Token};

const READ: Interest = Interest::READABLE;
const WRITE: Interest = Interest::WRITABLE;
const BOTH: Interest = READ.add(WRITE);
const FENCE: Token = Token(usize::MAX);

/// What an event said: token, readable, writable, read closed, write closed.
type Said = (Token, bool, bool, bool, bool);

/// A selector with a waker, which is the fence between what was and what will be reported.
struct Bench<S: Selector> {
    selector: S,
    fence: S::Waker,
    capacity: usize,
}

impl<S: Selector> Bench<S> {
    fn new() -> Bench<S> {
        let selector = S::new().unwrap();
        let fence = selector.waker(FENCE).unwrap();
        Bench { selector, fence, capacity: 16 }
    }

    /// All that is reported until the fence is.
    fn reported(&mut self) -> Vec<Said> {
        S::wake(&self.fence).unwrap();
        let mut events = Vec::with_capacity(self.capacity);
        let mut all = Vec::new();
        loop {
            self.selector.wait(&mut events, Some(Duration::from_secs(10))).unwrap();
            assert!(!events.is_empty(), "the fence was not reported");
            let said = |event: &S::Event| {
                let closed = (event.is_read_closed(), event.is_write_closed());
                (event.token(), event.is_readable(), event.is_writable(), closed.0, closed.1)
            };
            let fenced = events.iter().any(|event| event.token() == FENCE);
            all.extend(events.iter().map(said).filter(|said| said.0 != FENCE));
            if fenced {
                return joined(all);
            }
        }
    }

    fn tokens(&mut self) -> Vec<usize> {
        let mut tokens: Vec<_> = self.reported().into_iter().map(|said| said.0 .0).collect();
        tokens.sort_unstable();
        tokens
    }
}

/// Where the kernel has a note for each direction, a source that is ready in both gives two events: here they are one.
fn joined(all: Vec<Said>) -> Vec<Said> {
    let mut joined: Vec<Said> = Vec::new();
    for said in all {
        let other_half =
            |half: &&mut Said| half.0 == said.0 && half.1 != half.2 && (half.2, half.1) == (said.1, said.2);
        match joined.iter_mut().find(other_half) {
            Some(half) => *half = (said.0, true, true, half.3 || said.3, half.4 || said.4),
            None => joined.push(said),
        }
    }
    joined
}

#[cfg(unix)]
fn blocking_pair() -> (Stream, Stream) {
    Stream::pair().unwrap()
}

#[cfg(not(unix))]
fn blocking_pair() -> (Stream, Stream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = Stream::connect(listener.local_addr().unwrap()).unwrap();
    (one, listener.accept().unwrap().0)
}

/// Two connected streams that do not block.
fn pair() -> (Stream, Stream) {
    let (one, other) = blocking_pair();
    one.set_nonblocking(true).unwrap();
    other.set_nonblocking(true).unwrap();
    #[cfg(target_os = "wasi")]
    // The host knows no readiness of a stream before it was waited for once.
    [&one, &other].map(|stream| wasi::until_ready(stream, WRITE));
    (one, other)
}

/// Writes a byte from one end of a pair, and returns when it can be read from the other: with WASI it takes its time.
#[cfg_attr(not(target_os = "wasi"), allow(unused_variables))]
fn write(mut from: &Stream, to: &Stream) {
    from.write_all(b"x").unwrap();
    #[cfg(target_os = "wasi")]
    wasi::until_ready(to, READ);
}

/// Reads until it would block, and tells the selector that it did.
fn drain<S: Selector>(registration: &S::Registration, mut stream: &Stream) {
    let mut buffer = [0; 64];
    while !matches!(stream.read(&mut buffer), Err(error) if error.kind() == io::ErrorKind::WouldBlock) {}
    S::rearm(registration, READ).unwrap();
}

fn what_is_ready_when_registered_is_reported_once<S: Selector>() {
    let mut bench = Bench::<S>::new();
    let (here, there) = pair();
    write(&there, &here);
    let _registration = bench.selector.register(raw_source(&here), Token(1), BOTH).unwrap();
    assert_eq!(bench.reported(), [(Token(1), true, true, false, false)]);
    assert_eq!(bench.tokens(), []);
}

fn new_readiness_after_a_drain_is_reported<S: Selector>() {
    let mut bench = Bench::<S>::new();
    let (here, there) = pair();
    let registration = bench.selector.register(raw_source(&here), Token(1), READ).unwrap();
    for _ in 0..3 {
        assert_eq!(bench.tokens(), []);
        write(&there, &here);
        assert_eq!(bench.reported(), [(Token(1), true, false, false, false)]);
        drain::<S>(&registration, &here);
    }
}

fn reregistering_reports_again_with_the_new_token_and_interest<S: Selector>() {
    let mut bench = Bench::<S>::new();
    let (here, there) = pair();
    write(&there, &here);
    let mut registration = bench.selector.register(raw_source(&here), Token(1), READ).unwrap();
    assert_eq!(bench.tokens(), [1]);
    bench.selector.reregister(&mut registration, raw_source(&here), Token(2), WRITE).unwrap();
    assert_eq!(bench.reported(), [(Token(2), false, true, false, false)]);
    bench.selector.reregister(&mut registration, raw_source(&here), Token(3), BOTH).unwrap();
    assert_eq!(bench.reported(), [(Token(3), true, true, false, false)]);
}

fn a_deregistered_source_is_silent_and_can_be_registered_again<S: Selector>() {
    let mut bench = Bench::<S>::new();
    let (here, there) = pair();
    let registration = bench.selector.register(raw_source(&here), Token(1), READ).unwrap();
    write(&there, &here);
    bench.selector.deregister(&registration, raw_source(&here)).unwrap();
    drop(registration);
    assert_eq!(bench.tokens(), []);
    let mut other = Bench::<S>::new();
    let _registration = other.selector.register(raw_source(&here), Token(2), READ).unwrap();
    assert_eq!(other.tokens(), [2]);
}

fn a_closed_source_is_gone_and_its_number_is_free<S: Selector>() {
    let mut bench = Bench::<S>::new();
    for round in 0..4 {
        let (here, there) = pair();
        let registration = bench.selector.register(raw_source(&here), Token(round), READ).unwrap();
        write(&there, &here);
        assert_eq!(bench.tokens(), [round]);
        drop(registration);
        drop(here);
        assert_eq!(bench.tokens(), []);
    }
}

#[cfg(unix)]
fn mistakes_are_errors_and_change_nothing<S: SelectDescriptor>() {
    let mut bench = Bench::<S>::new();
    let other = S::new().unwrap();
    let (here, there) = pair();
    let fd = here.as_raw_fd();
    let kind = |result: io::Result<()>| result.unwrap_err().kind();

    assert_eq!(kind(bench.selector.reregister_fd(fd, Token(1), READ)), io::ErrorKind::NotFound);
    assert_eq!(kind(bench.selector.deregister_fd(fd)), io::ErrorKind::NotFound);
    assert_eq!(kind(bench.selector.register_fd(fd, Token(1), Interest::AIO | READ)), io::ErrorKind::Unsupported);

    let mut registration = bench.selector.register(fd, Token(1), READ).unwrap();
    assert_eq!(kind(bench.selector.register_fd(fd, Token(2), READ)), io::ErrorKind::AlreadyExists);
    assert_eq!(kind(bench.selector.reregister_fd(fd, Token(2), Interest::LIO)), io::ErrorKind::Unsupported);
    assert_eq!(kind(other.reregister(&mut registration, fd, Token(2), READ)), io::ErrorKind::NotFound);
    assert_eq!(kind(other.deregister(&registration, fd)), io::ErrorKind::NotFound);
    write(&there, &here);
    assert_eq!(bench.tokens(), [1]);
}

#[cfg(unix)]
fn a_number_that_is_not_open_is_refused<S: SelectDescriptor>() {
    let bench = Bench::<S>::new();
    for number in [-1, i32::MAX] {
        let error = bench.selector.register_fd(number, Token(1), READ).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF), "{number}");
        bench.selector.deregister_fd(number).expect_err("nothing was left registered");
    }
}

#[cfg(target_os = "linux")]
fn regular_files_are_refused<S: SelectDescriptor>() {
    let bench = Bench::<S>::new();
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let error = bench.selector.register_fd(file.as_raw_fd(), Token(1), READ).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("regular files"), "{error}");
    bench.selector.deregister_fd(file.as_raw_fd()).expect_err("nothing was left registered");
}

#[cfg(unix)]
fn a_borrowed_descriptor_needs_nobody_to_tell_of_would_block<S: SelectDescriptor>() {
    let mut bench = Bench::<S>::new();
    let (mut here, there) = pair();
    bench.selector.register_fd(here.as_raw_fd(), Token(1), READ).unwrap();
    for _ in 0..3 {
        write(&there, &here);
        assert_eq!(bench.reported().first(), Some(&(Token(1), true, false, false, false)));
        let mut buffer = [0; 8];
        assert_eq!(here.read(&mut buffer).unwrap(), 1);
        // Not reported while it is empty, and the selector sees that it is.
        bench.tokens();
    }
    bench.selector.deregister_fd(here.as_raw_fd()).unwrap();
    write(&there, &here);
    assert_eq!(bench.tokens(), []);
}

fn the_end_of_a_stream_is_reported_in_each_direction_of_interest<S: Selector>() {
    for interest in [READ, WRITE, BOTH] {
        let said = said_at_the_end::<S>(interest);
        let (read, write) = (said.iter().any(|said| said.3), said.iter().any(|said| said.4));
        assert!((read || !interest.is_readable()) && (write || !interest.is_writable()), "{interest:?}: {said:?}");
        assert!(interest.is_readable() || said.iter().all(|said| !said.1), "{interest:?}: {said:?}");
    }
}

/// Where an event is of a source, not of a direction.
#[cfg(any(target_os = "linux", windows))]
fn the_end_of_a_stream_is_the_end_of_both_directions<S: Selector>() {
    for interest in [READ, WRITE, BOTH] {
        let said = said_at_the_end::<S>(interest);
        assert!(said.iter().any(|said| said.3 && said.4), "{interest:?}: {said:?}");
    }
}

/// What is reported when the peer closes.
fn said_at_the_end<S: Selector>(interest: Interest) -> Vec<Said> {
    let mut bench = Bench::<S>::new();
    let (here, there) = pair();
    let _registration = bench.selector.register(raw_source(&here), Token(1), interest).unwrap();
    bench.tokens();
    // Over TCP the end of the whole stream is a reset, which this makes of it.
    #[cfg(windows)]
    (&here).write_all(b"not read").unwrap();
    drop(there);
    let mut said = bench.reported();
    // Where the kernel has no edges, an end may take a moment.
    let deadline = Instant::now() + Duration::from_secs(10);
    while S::EMULATES_EDGES && said.is_empty() && Instant::now() < deadline {
        said = bench.reported();
    }
    said
}

fn more_events_than_fit_come_one_after_the_other<S: Selector>() {
    let mut bench = Bench::<S>::new();
    let pairs: Vec<_> = (0..20).map(|_| pair()).collect();
    let registered: Vec<_> = pairs
        .iter()
        .enumerate()
        .map(|(n, (here, _))| bench.selector.register(raw_source(here), Token(n), WRITE).unwrap())
        .collect();
    let mut events = Vec::with_capacity(1);
    let mut tokens = Vec::new();
    for _ in &registered {
        bench.selector.wait(&mut events, Some(Duration::ZERO)).unwrap();
        assert_eq!(events.len(), 1);
        tokens.push(events[0].token().0);
    }
    tokens.sort_unstable();
    assert_eq!(tokens, (0..20).collect::<Vec<_>>());
    assert_eq!(bench.tokens(), []);
}

fn registering_while_another_thread_waits_takes_effect<S: Selector>() {
    let mut bench = Bench::<S>::new();
    let handle = bench.selector.try_clone().unwrap();
    let (here, _there) = pair();
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let registered = scope.spawn(|| {
            start.wait();
            handle.register(raw_source(&here), Token(1), WRITE).unwrap()
        });
        let mut events = Vec::with_capacity(4);
        start.wait();
        bench.selector.wait(&mut events, Some(Duration::from_secs(10))).unwrap();
        assert_eq!(events.iter().map(|event: &S::Event| event.token()).collect::<Vec<_>>(), [Token(1)]);
        registered.join().unwrap();
    });
}

fn every_waker_has_its_token_and_none_is_lost<S: Selector>() {
    let mut bench = Bench::<S>::new();
    let clone = bench.selector.try_clone().unwrap();
    let wakers = [bench.selector.waker(Token(1)).unwrap(), clone.waker(Token(2)).unwrap()];
    for waker in &wakers {
        S::wake(waker).unwrap();
        S::wake(waker).unwrap();
    }
    let mut tokens = bench.tokens();
    tokens.dedup();
    assert_eq!(tokens, [1, 2]);
    assert_eq!(bench.tokens(), []);
    S::wake(&wakers[1]).unwrap();
    assert_eq!(bench.reported(), [(Token(2), true, false, false, false)]);
    drop(wakers);
    assert_eq!(bench.tokens(), []);
}

fn a_wake_is_seen_by_who_waits_and_by_who_comes<S: Selector>() {
    let mut bench = Bench::<S>::new();
    thread::scope(|scope| {
        let fence = &bench.fence;
        scope.spawn(|| S::wake(fence).unwrap());
        let mut events = Vec::with_capacity(4);
        bench.selector.wait(&mut events, None).unwrap();
        assert_eq!(events[0].token(), FENCE);
    });
}

fn timeouts_are_never_short<S: Selector>() {
    let mut bench = Bench::<S>::new();
    let mut events = Vec::with_capacity(4);
    for micros in [0, 1, 100, 999, 1_000, 1_001, 2_500] {
        let timeout = Duration::from_micros(micros);
        let start = Instant::now();
        bench.selector.wait(&mut events, Some(timeout)).unwrap();
        let elapsed = start.elapsed();
        assert!(events.is_empty() && elapsed >= timeout, "{timeout:?} took {elapsed:?}");
    }
    S::wake(&bench.fence).unwrap();
    bench.selector.wait(&mut events, Some(Duration::MAX)).unwrap();
    assert_eq!(events.len(), 1);
}

fn who_has_no_waker_waits_plainly<S: Selector>() {
    let mut selector = S::new().unwrap();
    let (here, there) = pair();
    let registration = selector.register(raw_source(&here), Token(1), READ).unwrap();
    let mut events = Vec::with_capacity(4);
    for timeout in [None, Some(Duration::from_secs(10)), Some(Duration::MAX)] {
        write(&there, &here);
        selector.wait_plainly(&mut events, timeout).unwrap();
        assert_eq!(events.iter().map(Readiness::token).collect::<Vec<_>>(), [Token(1)]);
        drain::<S>(&registration, &here);
        let (short, start) = (Duration::from_micros(1_001), Instant::now());
        selector.wait_plainly(&mut events, Some(short)).unwrap();
        assert!(events.is_empty() && start.elapsed() >= short);
    }
}

fn debug_says_what_it_is<S: Selector>() {
    let bench = Bench::<S>::new();
    let (stream, _other) = pair();
    let registration = bench.selector.register(raw_source(&stream), Token(0), READ).unwrap();
    let (text, registration) = (format!("{:?}", bench.selector), format!("{registration:?}"));
    assert!(text.starts_with("Selector {") && registration.starts_with("Registration"), "{text}, {registration}");
}

/// The suite for each selector, as tests of their own. The second list is for those that take descriptors, the third for those
/// whose events are of sources rather than of directions, and the last for those that know no files.
macro_rules! suite {
    ([$($name:ident),+ $(,)?], [$($descriptor:ident),+ $(,)?], [$($joint:ident),+], [$($file:ident),+]) => {
        #[cfg(target_os = "linux")]
        mod epoll {
            $(#[test] fn $name() { super::$name::<crate::sys::epoll::Selector>(); })+
            $(#[test] fn $descriptor() { super::$descriptor::<crate::sys::epoll::Selector>(); })+
            $(#[test] fn $joint() { super::$joint::<crate::sys::epoll::Selector>(); })+
            $(#[test] fn $file() { super::$file::<crate::sys::epoll::Selector>(); })+
        }

        #[cfg(target_os = "linux")]
        mod poll {
            $(#[test] fn $name() { super::$name::<crate::sys::poll::Selector>(); })+
            $(#[test] fn $descriptor() { super::$descriptor::<crate::sys::poll::Selector>(); })+
            $(#[test] fn $joint() { super::$joint::<crate::sys::poll::Selector>(); })+
            $(#[test] fn $file() { super::$file::<crate::sys::poll::Selector>(); })+
        }

        // On Linux over a model of the kernel.
        #[cfg(unix)]
        mod kqueue {
            $(#[test] fn $name() { super::$name::<crate::sys::kqueue::Selector>(); })+
            $(#[test] fn $descriptor() { super::$descriptor::<crate::sys::kqueue::Selector>(); })+
        }

        #[cfg(target_os = "linux")]
        mod event_ports {
            $(#[test] fn $name() { super::$name::<crate::sys::event_ports::Selector>(); })+
            $(#[test] fn $descriptor() { super::$descriptor::<crate::sys::event_ports::Selector>(); })+
            $(#[test] fn $joint() { super::$joint::<crate::sys::event_ports::Selector>(); })+
            $(#[test] fn $file() { super::$file::<crate::sys::event_ports::Selector>(); })+
        }

        #[cfg(windows)]
        mod windows {
            $(#[test] fn $name() { super::$name::<crate::sys::windows::Selector>(); })+
            $(#[test] fn $joint() { super::$joint::<crate::sys::windows::Selector>(); })+
        }
    };
}

suite! {
    [
        what_is_ready_when_registered_is_reported_once,
        new_readiness_after_a_drain_is_reported,
        reregistering_reports_again_with_the_new_token_and_interest,
        a_deregistered_source_is_silent_and_can_be_registered_again,
        a_closed_source_is_gone_and_its_number_is_free,
        the_end_of_a_stream_is_reported_in_each_direction_of_interest,
        more_events_than_fit_come_one_after_the_other,
        registering_while_another_thread_waits_takes_effect,
        every_waker_has_its_token_and_none_is_lost,
        a_wake_is_seen_by_who_waits_and_by_who_comes,
        timeouts_are_never_short,
        who_has_no_waker_waits_plainly,
        debug_says_what_it_is,
    ],
    [
        mistakes_are_errors_and_change_nothing,
        a_number_that_is_not_open_is_refused,
        a_borrowed_descriptor_needs_nobody_to_tell_of_would_block,
    ],
    [the_end_of_a_stream_is_the_end_of_both_directions],
    [regular_files_are_refused]
}

/// What of the suite needs no threads, and no kernel that tells of ends: WASI has neither.
#[cfg(target_os = "wasi")]
mod wasi {
    use super::{raw_source, Duration, Interest, Selector, Stream, Token};

    /// Waits with a selector of its own.
    pub(super) fn until_ready(stream: &Stream, interest: Interest) {
        let mut elsewhere = crate::sys::PlatformSelector::new().unwrap();
        let _registration = elsewhere.register(raw_source(stream), Token(0), interest).unwrap();
        let mut events = Vec::with_capacity(1);
        elsewhere.wait(&mut events, Some(Duration::from_secs(10))).unwrap();
        assert_eq!(events.len(), 1);
    }

    macro_rules! suite {
        ($($name:ident),+ $(,)?) => {
            $(#[test] fn $name() { super::$name::<crate::sys::poll::Selector>(); })+
        };
    }

    suite! {
        what_is_ready_when_registered_is_reported_once,
        new_readiness_after_a_drain_is_reported,
        reregistering_reports_again_with_the_new_token_and_interest,
        a_deregistered_source_is_silent_and_can_be_registered_again,
        a_closed_source_is_gone_and_its_number_is_free,
        more_events_than_fit_come_one_after_the_other,
        every_waker_has_its_token_and_none_is_lost,
        timeouts_are_never_short,
        who_has_no_waker_waits_plainly,
    }
}
