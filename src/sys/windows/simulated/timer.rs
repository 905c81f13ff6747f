//! The timer of a machine whose clock is exact, so that waits end on time by themselves.

use std::io;
use std::time::Duration;

use super::iocp::{CompletionPort, CompletionStatus};

#[derive(Debug)]
pub(crate) struct Timer;

impl Timer {
    pub(crate) fn new() -> Timer {
        Timer
    }

    pub(crate) fn get_many<'a>(
        &mut self,
        port: &CompletionPort,
        list: &'a mut [CompletionStatus],
        timeout: Option<Duration>,
        on_time: bool,
    ) -> io::Result<&'a mut [CompletionStatus]> {
        if on_time {
            port.machine().note_timed_wait();
        }
        port.get_many(list, timeout)
    }
}
