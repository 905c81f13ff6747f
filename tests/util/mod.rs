//! What the public tests share: a poll loop that waits for events without sleeping, and a way to run a test body in
//! a process of its own.
//!
//! Absence of an event is never shown by waiting a while: [`Harness::expect_none`] makes a sentinel ready after what is
//! under test, and says that the sentinel came alone. Every wait has [`PATIENCE`] as its bound, and the runner
//! (`.config/nextest.toml`) one of its own.

// Each test binary includes this file and uses its own part of it; none has an outside that `pub` could reach.
#![allow(dead_code, unreachable_pub)]

#[cfg(unix)]
pub mod descriptor;
#[cfg(not(target_family = "wasm"))]
pub mod leak;
/// WASI has no processes for it, and no count of descriptors.
#[cfg(target_family = "wasm")]
pub mod leak {
    macro_rules! leaves_nothing_open {
        ($($any:tt)*) => {};
    }
    pub(crate) use leaves_nothing_open;
}
#[cfg(target_os = "linux")]
pub mod linux;
pub mod program;

use std::io::{self, Read, Write};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use poised::event::{Event, Source};
use poised::{Events, Interest, Poll, Token, Waker};

/// The bound of every wait: far above what any step needs, so that only a lost event meets it.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The token of the sentinel that [`Harness::expect_none`] uses. Tests keep away from it.
pub const SENTINEL: Token = Token(usize::MAX - 17);

/// Whether the suite was built for event ports.
pub const ON_EVENT_PORTS: bool = cfg!(any(poised_backend = "event-ports", target_os = "solaris"));

/// Whether the suite was built for the poll(2) backend, or for another one that makes edges of its levels.
pub const ON_POLL: bool =
    ON_EVENT_PORTS || cfg!(any(poised_backend = "poll", mio_unsupported_force_poll_poll, target_family = "wasm"));

/// Whether the suite was built for kqueue, where each event is of one direction, and tells the end of that one.
pub const ON_KQUEUE: bool = cfg!(any(
    poised_backend = "kqueue",
    target_vendor = "apple",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd"
));

/// What one token has reported since it was last asked, all its events taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub events: usize,
    pub readable: bool,
    pub writable: bool,
    pub error: bool,
    pub read_closed: bool,
    pub write_closed: bool,
    pub priority: bool,
}

impl Seen {
    /// Whether this says that both directions are closed, as far as the events of `interest` can: kqueue's tell of their own.
    pub fn is_closed(&self, interest: Interest) -> bool {
        let known = |direction: bool| direction || !ON_KQUEUE;
        (self.read_closed || !known(interest.is_readable())) && (self.write_closed || !known(interest.is_writable()))
    }

    /// Whether this tells of an error that is not the end: to kqueue, it is readiness alone.
    pub fn tells_of_error(&self) -> bool {
        self.error || (ON_KQUEUE && self.events > 0)
    }

    /// Adds what one event says.
    pub fn add(&mut self, event: &Event) {
        self.events += 1;
        self.readable |= event.is_readable();
        self.writable |= event.is_writable();
        self.error |= event.is_error();
        self.read_closed |= event.is_read_closed();
        self.write_closed |= event.is_write_closed();
        self.priority |= event.is_priority();
    }
}

/// A [`Poll`], its events and a sentinel.
#[derive(Debug)]
pub struct Harness {
    pub poll: Poll,
    pub events: Events,
    sentinel: Option<Waker>,
}

impl Harness {
    pub fn new() -> Harness {
        Harness::with_capacity(64)
    }

    pub fn with_capacity(capacity: usize) -> Harness {
        Harness { poll: Poll::new().expect("a poll"), events: Events::with_capacity(capacity), sentinel: None }
    }

    pub fn register(&self, source: &mut (impl Source + ?Sized), token: Token, interest: Interest) {
        self.poll.registry().register(source, token, interest).expect("register");
    }

    pub fn reregister(&self, source: &mut (impl Source + ?Sized), token: Token, interest: Interest) {
        self.poll.registry().reregister(source, token, interest).expect("reregister");
    }

    pub fn deregister(&self, source: &mut (impl Source + ?Sized)) {
        self.poll.registry().deregister(source).expect("deregister");
    }

    /// One poll without waiting; how many events it gave.
    pub fn turn(&mut self) -> usize {
        self.poll.poll(&mut self.events, Some(Duration::ZERO)).expect("poll");
        self.events.iter().count()
    }

    /// Polls until the events of `token`, taken together, satisfy `until`. Events of other tokens are passed over.
    #[track_caller]
    pub fn expect(&mut self, token: Token, until: impl Fn(&Seen) -> bool) -> Seen {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Seen::default();
        while !until(&seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{token:?} reported {seen:?} only");
            self.poll.poll(&mut self.events, Some(left)).expect("poll");
            self.events.iter().filter(|event| event.token() == token).for_each(|event| seen.add(event));
        }
        seen
    }

    #[track_caller]
    pub fn expect_readable(&mut self, token: Token) -> Seen {
        self.expect(token, |seen| seen.readable)
    }

    #[track_caller]
    pub fn expect_writable(&mut self, token: Token) -> Seen {
        self.expect(token, |seen| seen.writable)
    }

    /// Says that nothing but the sentinel, made ready now, is reported.
    #[track_caller]
    pub fn expect_none(&mut self) {
        let stray = self.until_sentinel();
        assert!(stray.is_empty(), "events that nobody expected: {stray:?}");
    }

    /// Says that `token` is silent until the sentinel, made ready now, is reported; other tokens may speak.
    #[track_caller]
    pub fn expect_none_of(&mut self, token: Token) {
        let stray: Vec<_> = self.until_sentinel().into_iter().filter(|event| event.token() == token).collect();
        assert!(stray.is_empty(), "events that nobody expected: {stray:?}");
    }

    /// All events up to the sentinel's, which is made ready now, without the sentinel's own.
    #[track_caller]
    pub fn until_sentinel(&mut self) -> Vec<Event> {
        if self.sentinel.is_none() {
            self.sentinel = Some(Waker::new(self.poll.registry(), SENTINEL).expect("a sentinel"));
        }
        self.sentinel.as_ref().unwrap().wake().expect("wake the sentinel");
        let deadline = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the sentinel was not reported");
            self.poll.poll(&mut self.events, Some(left)).expect("poll");
            others.extend(self.events.iter().filter(|event| event.token() != SENTINEL).cloned());
            if self.events.iter().any(|event| event.token() == SENTINEL) {
                return others;
            }
        }
    }
}

/// Whether this runs under Wine, which differs from Windows by what `difference` says: the test leaves that out, and
/// prints so. Never on another system.
pub fn on_wine(difference: &str) -> bool {
    left_out(is_wine(), "Wine", difference)
}

/// The same of the suite that was built for kqueue.
pub fn on_kqueue(difference: &str) -> bool {
    left_out(ON_KQUEUE, "kqueue", difference)
}

/// Whether a peer that shuts its sending half down is told of as bytes to read, and no more: the test expects just that, and
/// prints so.
pub fn half_close_is_untold() -> bool {
    let what = "of an end of one direction: it is read";
    on_wasi(&format!("does not tell {what}")) || left_out(ON_EVENT_PORTS, "Solaris", &format!("does not tell {what}"))
}

/// Whether this runs on WASI, which has less by what `difference` says: the test leaves that out, and prints so.
pub fn on_wasi(difference: &str) -> bool {
    left_out(cfg!(target_family = "wasm"), "WASI", difference)
}

#[allow(clippy::print_stdout)] // The runner keeps it for who looks, and `cargo xtask platforms` reads it.
fn left_out(is_left_out: bool, system: &str, difference: &str) -> bool {
    if is_left_out {
        println!("left out: {system} {difference}");
    }
    is_left_out
}

/// Makes `source` as ready to be written to as it is elsewhere from the start: a host of WASI knows no readiness of a
/// socket before it was waited for once.
pub fn warm(source: &mut impl Source) {
    if cfg!(target_family = "wasm") {
        let mut elsewhere = Harness::new();
        elsewhere.register(source, Token(0), Interest::WRITABLE);
        elsewhere.expect_writable(Token(0));
        elsewhere.deregister(source);
    }
}

#[cfg(not(windows))]
fn is_wine() -> bool {
    false
}

/// Wine's ntdll.dll says so, to those who ask.
#[cfg(windows)]
fn is_wine() -> bool {
    use std::ffi::{c_char, c_void};

    #[link(name = "kernel32")]
    extern "system" {
        fn GetModuleHandleA(name: *const c_char) -> *mut c_void;
        fn GetProcAddress(module: *mut c_void, name: *const c_char) -> *mut c_void;
    }
    // SAFETY: the text ends with a zero.
    #[allow(unsafe_code)]
    let module = unsafe { GetModuleHandleA(b"ntdll.dll\0".as_ptr().cast()) };
    // SAFETY: likewise, and every process has this module.
    #[allow(unsafe_code)]
    let version = unsafe { GetProcAddress(module, b"wine_get_version\0".as_ptr().cast()) };
    !version.is_null()
}

/// Reads until `WouldBlock` or the end; the bytes, and whether the end was met.
pub fn drain(mut source: impl Read) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return (all, true),
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return (all, false),
            Err(error) => panic!("read: {error}"),
        }
    }
}

/// Writes until `WouldBlock`; how many bytes went in.
pub fn fill(mut source: impl Write) -> usize {
    let mut total = 0;
    loop {
        match source.write(&[b'x'; 4096]) {
            Ok(n) => total += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return total,
            Err(error) => panic!("write: {error}"),
        }
    }
}

/// Says that `result` is an error of `kind`, and gives the error.
#[track_caller]
pub fn expect_error<T: std::fmt::Debug>(result: io::Result<T>, kind: io::ErrorKind) -> io::Error {
    let error = result.expect_err("an error");
    assert_eq!(error.kind(), kind, "{error:?}");
    error
}

#[track_caller]
pub fn expect_would_block<T: std::fmt::Debug>(result: io::Result<T>) {
    expect_error(result, io::ErrorKind::WouldBlock);
}

/// Sets a flag at the end of a scope, also when a panic ends it: for a thread that goes on until then.
pub struct OnDrop<'a>(pub &'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        // Release: who sees it finds all that was done before.
        self.0.store(true, Ordering::Release);
    }
}

/// How many descriptors this process has open. Meaningful in a process that runs one test: see [`isolated`].
#[cfg(target_os = "linux")]
pub fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc/self/fd").count() - 1
}

const CHILD: &str = "POISED_TEST_CHILD";

/// Runs `body` in a process of its own: for tests that change what a process shares (limits, signals, filters,
/// environment). `name` is the full path of the calling test, as `cargo test -- --list` prints it.
#[track_caller]
pub fn isolated(name: &str, body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let output = program::command(&std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .output()
        .expect("run the test's child");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("1 passed"), "{name}: {text}\n{}", String::from_utf8_lossy(&output.stderr));
}
