//! poll(2) itself, in two forms: ppoll(2), which counts in nanoseconds, and poll(2), in milliseconds, for systems that have
//! nothing else.

use std::io;
use std::time::Duration;

use libc::{nfds_t, pollfd};

use crate::sys::unix::count;

#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "cygwin",
    target_os = "fuchsia",
    target_os = "haiku",
    target_os = "hurd",
    target_os = "l4re"
))]
pub(super) use exact as poll;
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "cygwin",
    target_os = "fuchsia",
    target_os = "haiku",
    target_os = "hurd",
    target_os = "l4re"
)))]
pub(super) use rounded_up as poll;

/// Waits until one of `descriptors` has what it asks for; `None` waits for ever.
#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "cygwin",
    target_os = "fuchsia",
    target_os = "haiku",
    target_os = "hurd",
    target_os = "l4re"
))]
pub(super) fn exact(descriptors: &mut [pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    use std::ptr;

    let timespec = timeout.map(crate::sys::unix::timespec);
    let timespec = timespec.as_ref().map_or(ptr::null(), |timespec| timespec as *const libc::timespec);
    let length = length(descriptors);
    // SAFETY: the kernel reads and writes `length` structs, which are there; it reads the timespec, which lives for the
    // call, or none, and no signal mask.
    count(unsafe { libc::ppoll(descriptors.as_mut_ptr(), length, timespec, ptr::null()) })
}

/// The same, in milliseconds that are rounded up. A wait beyond what a C int holds of them, 24.8 days, ends early, and is for
/// the caller to go on with.
#[cfg(any(
    test,
    not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "cygwin",
        target_os = "fuchsia",
        target_os = "haiku",
        target_os = "hurd",
        target_os = "l4re"
    ))
))]
pub(super) fn rounded_up(descriptors: &mut [pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    // Where nothing interrupts a wait that has begun no wait is long, and the caller looks again.
    const LONGEST: Option<Duration> = if cfg!(target_os = "horizon") { Some(Duration::from_millis(64)) } else { None };

    let timeout = LONGEST.map_or(timeout, |longest| Some(timeout.map_or(longest, |timeout| timeout.min(longest))));
    // The 3DS does not wait for nothing.
    if let (true, Some(timeout)) = (cfg!(target_os = "horizon") && descriptors.is_empty(), timeout) {
        std::thread::sleep(timeout);
        return Ok(0);
    }
    let millis = timeout.map_or(-1, crate::sys::timeout::saturated_millis);
    let length = length(descriptors);
    // SAFETY: the kernel reads and writes `length` structs, which are there.
    count(unsafe { libc::poll(descriptors.as_mut_ptr(), length, millis) })
}

fn length(descriptors: &[pollfd]) -> nfds_t {
    nfds_t::try_from(descriptors.len()).unwrap_or(nfds_t::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::net::UnixStream;
    use std::thread;
    use std::time::Instant;

    use super::*;

    type Form = fn(&mut [pollfd], Option<Duration>) -> io::Result<usize>;

    fn each_form(test: impl Fn(Form)) {
        #[cfg(target_os = "linux")]
        test(exact);
        test(rounded_up);
    }

    fn ask(stream: &UnixStream) -> [pollfd; 1] {
        [pollfd { fd: stream.as_raw_fd(), events: libc::POLLIN, revents: 0 }]
    }

    #[test]
    fn p12_no_form_is_early() {
        let (quiet, _other) = UnixStream::pair().unwrap();
        let (millisecond, nanosecond) = (Duration::from_millis(1), Duration::from_nanos(1));
        for timeout in [nanosecond, millisecond - nanosecond, millisecond + nanosecond, 9 * millisecond / 2] {
            each_form(|poll| {
                let begun = Instant::now();
                assert_eq!(poll(&mut ask(&quiet), Some(timeout)).unwrap(), 0);
                assert!(begun.elapsed() >= timeout, "{timeout:?}");
            });
        }
        each_form(|poll| assert_eq!(poll(&mut ask(&quiet), Some(Duration::ZERO)).unwrap(), 0));
    }

    #[test]
    fn p12_every_form_takes_every_timeout_and_none() {
        let (ready, mut other) = UnixStream::pair().unwrap();
        other.write_all(b"x").unwrap();
        for timeout in [None, Some(Duration::ZERO), Some(Duration::from_nanos(1)), Some(Duration::MAX)] {
            each_form(|poll| {
                let mut asked = ask(&ready);
                assert_eq!(poll(&mut asked, timeout).unwrap(), 1, "{timeout:?}");
                assert_eq!(asked[0].revents, libc::POLLIN);
            });
        }
    }

    #[test]
    fn p12_no_form_ends_by_itself() {
        each_form(|poll| {
            let (quiet, mut other) = UnixStream::pair().unwrap();
            thread::scope(|scope| {
                scope.spawn(move || {
                    // Nothing relies on it; it gives a form that would end by itself the time to do so.
                    thread::sleep(Duration::from_millis(20));
                    other.write_all(b"x").unwrap();
                });
                assert_eq!(poll(&mut ask(&quiet), None).unwrap(), 1);
            });
        });
    }
}
