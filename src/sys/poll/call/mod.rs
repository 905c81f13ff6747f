//! poll(2) itself, in two forms: ppoll(2), which counts in nanoseconds, and poll(2), in milliseconds, for systems that have
//! nothing else.

use libc::{nfds_t, pollfd};

#[cfg_attr(
    not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "cygwin",
        target_os = "fuchsia",
        target_os = "haiku",
        target_os = "hurd",
        target_os = "l4re"
    )),
    path = "no_ppoll.rs"
)]
mod exact;
#[allow(dead_code)] // For systems without the other; tests know both.
mod rounded_up;

pub(super) use exact::poll;

fn length(descriptors: &[pollfd]) -> nfds_t {
    nfds_t::try_from(descriptors.len()).unwrap_or(nfds_t::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};
    use std::os::fd::AsRawFd as _;
    use std::os::unix::net::UnixStream;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    type Form = fn(&mut [pollfd], Option<Duration>) -> io::Result<usize>;

    fn each_form(test: impl Fn(Form)) {
        test(poll);
        test(rounded_up::poll);
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
