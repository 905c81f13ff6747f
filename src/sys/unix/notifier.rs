//! A descriptor that becomes readable when somebody notifies it: the base of wakers.
//!
//! An [eventfd(2)](https://man7.org/linux/man-pages/man2/eventfd.2.html) on Linux; a pipe elsewhere, and under
//! `--cfg poised_waker="pipe"`. Both count what was not consumed, and both can be full; that is no error, since what is full is readable.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

use crate::sys::transfer;

#[cfg(all(
    any(target_os = "linux", target_os = "android"),
    not(any(poised_waker = "pipe", mio_unsupported_force_waker_pipe))
))]
pub(crate) use eventfd::Notifier;
#[cfg(any(
    not(any(target_os = "linux", target_os = "android")),
    poised_waker = "pipe",
    mio_unsupported_force_waker_pipe
))]
pub(crate) use pipe::Notifier;

/// Writes a note; when there is no room for it, makes room first, so that the write itself is what selectors see. An
/// edge-triggered one reports nothing without a write.
fn note(writer: &File, reader: &File, message: &[u8]) -> io::Result<()> {
    loop {
        match transfer::write(writer, message) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => drain(reader)?,
            result => return result.map(drop),
        }
    }
}

/// Takes out what is there, until nothing is.
fn drain(reader: &File) -> io::Result<()> {
    let mut notes = [0; 512];
    loop {
        match transfer::read(reader, &mut notes) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(all(
    any(target_os = "linux", target_os = "android"),
    any(test, not(any(poised_waker = "pipe", mio_unsupported_force_waker_pipe)))
))]
mod eventfd {
    use std::os::fd::FromRawFd;

    use super::{drain, io, note, AsRawFd, File, RawFd};
    use crate::sys::unix::check;

    /// An eventfd: a counter, readable while it is above zero.
    #[derive(Debug)]
    pub(crate) struct Notifier {
        counter: File,
    }

    #[cfg_attr(all(test, any(poised_waker = "pipe", mio_unsupported_force_waker_pipe)), allow(dead_code))]
    impl Notifier {
        pub(crate) fn new() -> io::Result<Notifier> {
            // SAFETY: takes plain numbers.
            let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
            // SAFETY: the call made this descriptor, and nobody else has it.
            Ok(Notifier { counter: unsafe { File::from_raw_fd(fd) } })
        }

        /// Makes the descriptor readable, and edge-triggered selectors report it anew.
        #[inline]
        pub(crate) fn notify(&self) -> io::Result<()> {
            note(&self.counter, &self.counter, &1_u64.to_ne_bytes())
        }

        /// Makes the descriptor unreadable until the next note.
        #[allow(dead_code)] // Only a selector that is not edge-triggered needs it.
        pub(crate) fn clear(&self) -> io::Result<()> {
            drain(&self.counter)
        }
    }

    impl AsRawFd for Notifier {
        fn as_raw_fd(&self) -> RawFd {
            self.counter.as_raw_fd()
        }
    }
}

#[cfg(any(
    test,
    not(any(target_os = "linux", target_os = "android")),
    poised_waker = "pipe",
    mio_unsupported_force_waker_pipe
))]
mod pipe {
    use super::{drain, io, note, AsRawFd, File, RawFd};
    use crate::sys::unix::pipe;

    /// A pipe: readable while there are bytes in it.
    #[derive(Debug)]
    pub(crate) struct Notifier {
        reader: File,
        writer: File,
    }

    #[cfg_attr(all(test, not(any(poised_waker = "pipe", mio_unsupported_force_waker_pipe))), allow(dead_code))]
    impl Notifier {
        pub(crate) fn new() -> io::Result<Notifier> {
            let (reader, writer) = pipe::new()?;
            Ok(Notifier { reader, writer })
        }

        /// Makes the descriptor readable, and edge-triggered selectors report it anew.
        #[inline]
        pub(crate) fn notify(&self) -> io::Result<()> {
            note(&self.writer, &self.reader, &[1])
        }

        /// Makes the descriptor unreadable until the next note.
        #[allow(dead_code)] // Only a selector that is not edge-triggered needs it.
        pub(crate) fn clear(&self) -> io::Result<()> {
            drain(&self.reader)
        }
    }

    impl AsRawFd for Notifier {
        fn as_raw_fd(&self) -> RawFd {
            self.reader.as_raw_fd()
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{eventfd, pipe, transfer, AsRawFd, File};
    use crate::sys::{SelectDescriptor, Selector};
    use crate::{Interest, Token};

    /// Both forms are full at some time; a note must get through then, and be seen.
    macro_rules! a_full_notifier_still_notifies {
        ($form:ident, $fill:expr) => {
            let notifier = $form::Notifier::new().unwrap();
            let mut selector = crate::sys::epoll::Selector::new().unwrap();
            selector.register_fd(notifier.as_raw_fd(), Token(1), Interest::READABLE).unwrap();
            let mut events = Vec::with_capacity(4);
            #[allow(clippy::redundant_closure_call)]
            $fill(&notifier);
            selector.wait(&mut events, Some(std::time::Duration::ZERO)).unwrap();
            assert_eq!(events.len(), 1);

            notifier.notify().unwrap();
            selector.wait(&mut events, Some(std::time::Duration::ZERO)).unwrap();
            assert_eq!(events.len(), 1, "the note did not get through");

            notifier.clear().unwrap();
            notifier.notify().unwrap();
            selector.wait(&mut events, Some(std::time::Duration::ZERO)).unwrap();
            assert_eq!(events.len(), 1);
        };
    }

    #[test]
    fn scenario_49_a_full_eventfd_still_notifies() {
        a_full_notifier_still_notifies!(eventfd, |notifier: &eventfd::Notifier| {
            let most = (u64::MAX - 1).to_ne_bytes();
            let writer = crate::sys::unix::borrow(notifier.as_raw_fd()).unwrap().try_clone_to_owned().unwrap();
            assert_eq!(transfer::write(&File::from(writer), &most).unwrap(), most.len());
        });
    }

    #[test]
    fn scenario_33_a_full_pipe_still_notifies() {
        a_full_notifier_still_notifies!(pipe, |notifier: &pipe::Notifier| {
            // The default size of a pipe, see pipe(7): 64 KiB.
            (0..65_536).for_each(|_| notifier.notify().unwrap());
        });
    }
}
