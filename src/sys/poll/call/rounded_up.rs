//! Waiting by [poll(2)](https://man7.org/linux/man-pages/man2/poll.2.html), in milliseconds that are rounded up.

use std::io;
use std::thread;
use std::time::Duration;

use libc::pollfd;

use super::length;
use crate::sys::timeout;
use crate::sys::unix::count;

/// Waits until one of `descriptors` has what it asks for. A wait beyond what a C int holds of milliseconds, 24.8 days, ends
/// early, and is for the caller to go on with.
pub(in crate::sys::poll) fn poll(descriptors: &mut [pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    // Where nothing interrupts a wait that has begun no wait is long, and the caller looks again.
    const LONGEST: Option<Duration> = if cfg!(target_os = "horizon") { Some(Duration::from_millis(64)) } else { None };

    let timeout = LONGEST.map_or(timeout, |longest| Some(timeout.map_or(longest, |timeout| timeout.min(longest))));
    // The 3DS does not wait for nothing.
    if let (true, Some(timeout)) = (cfg!(target_os = "horizon") && descriptors.is_empty(), timeout) {
        thread::sleep(timeout);
        return Ok(0);
    }
    let millis = timeout.map_or(-1, timeout::saturated_millis);
    let length = length(descriptors);
    // SAFETY: the kernel reads and writes `length` structs, which are there.
    count(unsafe { libc::poll(descriptors.as_mut_ptr(), length, millis) })
}
