//! A descriptor that becomes readable when somebody notifies it: the base of wakers.
//!
//! An [eventfd(2)](https://man7.org/linux/man-pages/man2/eventfd.2.html) where the system has it, and else, or under
//! `--cfg poised_waker="pipe"`, a pipe. Both hold what was not consumed, and both can be full; that is no error, since
//! what is full is readable. The 3DS has neither, and takes that of WASI.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

use crate::sys::transfer;

#[cfg_attr(
    not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "espidf",
        target_os = "fuchsia",
        target_os = "hermit",
        target_os = "illumos",
        target_os = "nuttx"
    )),
    path = "notifier/no_counter.rs"
)]
mod counter;

/// A counter or a pipe: readable while there are notes in it.
#[derive(Debug)]
pub(crate) struct Notifier {
    reader: File,
    /// The other end of a pipe. An eventfd is both ends of itself.
    writer: Option<File>,
}

/// What one notification writes: 1 to a counter, eight bytes to a pipe, which takes them whole or not at all.
const NOTE: [u8; 8] = 1_u64.to_ne_bytes();

impl Notifier {
    /// An eventfd where the system has them, and else a pipe: sandboxes and emulated kernels may lack the call.
    pub(crate) fn new() -> io::Result<Notifier> {
        if cfg!(any(poised_waker = "pipe", mio_unsupported_force_waker_pipe)) {
            return Notifier::pipe();
        }
        match Notifier::counter() {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => Notifier::pipe(),
            result => result,
        }
    }

    fn counter() -> io::Result<Notifier> {
        Ok(Notifier { reader: counter::new()?, writer: None })
    }

    fn pipe() -> io::Result<Notifier> {
        let (reader, writer) = super::make::pipe()?;
        Ok(Notifier { reader: File::from(reader), writer: Some(File::from(writer)) })
    }

    /// Makes the descriptor readable, and edge-triggered selectors report it anew.
    #[inline]
    pub(crate) fn notify(&self) -> io::Result<()> {
        if cfg!(any(target_os = "illumos", target_os = "redox")) {
            self.write_first_note()
        } else {
            self.write_note()
        }
    }

    /// When there is no room it makes some first, so that the write itself is what selectors see: an edge-triggered one
    /// reports nothing without a write.
    fn write_note(&self) -> io::Result<()> {
        let writer = self.writer.as_ref().unwrap_or(&self.reader);
        loop {
            match transfer::write(writer, &NOTE) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.clear()?,
                result => return result.map(drop),
            }
        }
    }

    /// For selectors to which only the first note is an edge: epoll of illumos (illumos.org/issues/16700), and that of Redox,
    /// of which it is not known. Another thread may write between the two calls, but then its note is the first,
    /// and who is woken by it sees what this thread did before.
    fn write_first_note(&self) -> io::Result<()> {
        self.clear()?;
        self.write_note()
    }

    /// Makes the descriptor unreadable until the next note.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let mut notes = [0; 512];
        loop {
            match transfer::read(&self.reader, &mut notes) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsRawFd for Notifier {
    fn as_raw_fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{transfer, AsRawFd, File, Notifier, NOTE};
    use crate::sys::{SelectDescriptor, Selector};
    use crate::{Interest, Token};

    /// A note must get through when there is no room for it, and be seen.
    fn a_full_one_still_notifies(notifier: &Notifier, fill: impl FnOnce(&Notifier)) {
        let mut selector = crate::sys::epoll::Selector::new().unwrap();
        selector.register_fd(notifier.as_raw_fd(), Token(1), Interest::READABLE).unwrap();
        let mut events = Vec::with_capacity(4);
        fill(notifier);
        selector.wait(&mut events, Some(std::time::Duration::ZERO)).unwrap();
        assert_eq!(events.len(), 1);

        notifier.notify().unwrap();
        selector.wait(&mut events, Some(std::time::Duration::ZERO)).unwrap();
        assert_eq!(events.len(), 1, "the note did not get through");

        notifier.clear().unwrap();
        notifier.notify().unwrap();
        selector.wait(&mut events, Some(std::time::Duration::ZERO)).unwrap();
        assert_eq!(events.len(), 1);
    }

    /// As seen by a selector to which only a change from nothing to something is an edge.
    fn each_wake_is_the_first_note(notifier: &Notifier) {
        for _ in 0..100 {
            notifier.write_first_note().unwrap();
            let mut notes = [0; 64];
            assert_eq!(transfer::read(&notifier.reader, &mut notes).unwrap(), NOTE.len());
            assert_eq!(notes[..NOTE.len()], NOTE, "it was not empty before");
            notifier.write_note().unwrap();
        }
    }

    #[test]
    fn scenario_68_each_wake_is_an_edge_where_only_the_first_note_is_one() {
        each_wake_is_the_first_note(&Notifier::counter().unwrap());
        each_wake_is_the_first_note(&Notifier::pipe().unwrap());
    }

    /// Nobody reads in between.
    #[test]
    fn scenario_68_the_poll_that_follows_a_wake_returns() {
        for notifier in [Notifier::counter().unwrap(), Notifier::pipe().unwrap()] {
            let mut selector = crate::sys::epoll::Selector::new().unwrap();
            selector.register_fd(notifier.as_raw_fd(), Token(1), Interest::READABLE).unwrap();
            let mut events = Vec::with_capacity(4);
            for wake in 0..1000 {
                std::thread::scope(|scope| scope.spawn(|| notifier.notify()).join().unwrap()).unwrap();
                selector.wait(&mut events, Some(std::time::Duration::ZERO)).unwrap();
                assert_eq!(events.len(), 1, "wake {wake}");
            }
        }
    }

    #[test]
    fn scenario_49_a_full_eventfd_still_notifies() {
        a_full_one_still_notifies(&Notifier::counter().unwrap(), |notifier| {
            let most = (u64::MAX - 1).to_ne_bytes();
            let writer = crate::sys::unix::borrow(notifier.as_raw_fd()).unwrap().try_clone_to_owned().unwrap();
            assert_eq!(transfer::write(&File::from(writer), &most).unwrap(), most.len());
        });
    }

    #[test]
    fn scenario_33_a_full_pipe_still_notifies() {
        a_full_one_still_notifies(&Notifier::pipe().unwrap(), |notifier| {
            // The default size of a pipe, see pipe(7): 64 KiB.
            (0..65_536 / NOTE.len()).for_each(|_| notifier.notify().unwrap());
        });
    }
}
