//! A descriptor that becomes readable when somebody notifies it: the base of wakers.
//!
//! An [eventfd(2)](https://man7.org/linux/man-pages/man2/eventfd.2.html) where the system has it, and else, or under
//! `--cfg poised_waker="pipe"`, a pipe. Both hold what was not consumed, and both can be full; that is no error, since
//! what is full is readable.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

use crate::sys::transfer;

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
    #[cfg(all(
        any(target_os = "linux", target_os = "android"),
        not(any(poised_waker = "pipe", mio_unsupported_force_waker_pipe))
    ))]
    pub(crate) fn new() -> io::Result<Notifier> {
        match Notifier::counter() {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => Notifier::pipe(),
            result => result,
        }
    }

    #[cfg(not(all(
        any(target_os = "linux", target_os = "android"),
        not(any(poised_waker = "pipe", mio_unsupported_force_waker_pipe))
    )))]
    pub(crate) fn new() -> io::Result<Notifier> {
        Notifier::pipe()
    }

    #[cfg(all(
        any(target_os = "linux", target_os = "android"),
        any(test, not(any(poised_waker = "pipe", mio_unsupported_force_waker_pipe)))
    ))]
    fn counter() -> io::Result<Notifier> {
        use std::os::fd::FromRawFd;

        // SAFETY: takes plain numbers.
        let fd = super::check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: the call made this descriptor, and nobody else has it.
        Ok(Notifier { reader: unsafe { File::from_raw_fd(fd) }, writer: None })
    }

    fn pipe() -> io::Result<Notifier> {
        let (reader, writer) = super::pipe::new()?;
        Ok(Notifier { reader, writer: Some(writer) })
    }

    /// Makes the descriptor readable, and edge-triggered selectors report it anew.
    ///
    /// When there is no room it makes some first, so that the write itself is what selectors see: an edge-triggered one
    /// reports nothing without a write.
    #[inline]
    pub(crate) fn notify(&self) -> io::Result<()> {
        let writer = self.writer.as_ref().unwrap_or(&self.reader);
        loop {
            match transfer::write(writer, &NOTE) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.clear()?,
                result => return result.map(drop),
            }
        }
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
