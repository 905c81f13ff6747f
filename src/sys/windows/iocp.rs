//! The completion port: a queue in the kernel where operations that have ended, and packets posted by hand, wait to be
//! taken.
//!
//! A [`CompletionPort`] is one handle, and all of its calls are safe from any thread. A [`CompletionStatus`] is one
//! packet: plain numbers and an address, which this module passes on and never follows. Who submitted an operation
//! knows what its address stands for; the completion key of the handle (`token` here) says who that is.

use std::fmt;
use std::io;
use std::mem::{align_of, size_of, ManuallyDrop};
use std::os::windows::io::{AsRawHandle, FromRawHandle, IntoRawHandle, OwnedHandle, RawHandle};
use std::ptr;
use std::time::Duration;

use windows_sys::Win32::Foundation::{INVALID_HANDLE_VALUE, NTSTATUS, WAIT_TIMEOUT};
use windows_sys::Win32::System::Threading::INFINITE;
use windows_sys::Win32::System::IO::{
    CreateIoCompletionPort, GetQueuedCompletionStatusEx, PostQueuedCompletionStatus, OVERLAPPED, OVERLAPPED_ENTRY,
};

use super::operation::Loans;
use crate::sys::timeout::Deadline;

/// How long a port that is dropped waits for memory that the kernel has; what is not back then is leaked. The kernel is
/// asked to hand it back, so that this is a matter of microseconds.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// A completion port, closed when dropped.
#[derive(Debug)]
pub(crate) struct CompletionPort {
    handle: OwnedHandle,
    loans: Loans,
}

impl CompletionPort {
    /// Makes a port; at most `threads` threads are let out of it at a time, with 0 as many as there are processors.
    pub(crate) fn new(threads: u32) -> io::Result<CompletionPort> {
        // SAFETY: the call takes no memory; without a port to join it makes one.
        let handle = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, ptr::null_mut(), 0, threads) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is new, valid and nobody else's.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        Ok(CompletionPort { handle, loans: Loans::default() })
    }

    /// Ties `handle` to this port for good: its operations end here, as packets with `token` for their key.
    ///
    /// A handle can be tied once, to one port; a second time is `ERROR_INVALID_PARAMETER`.
    pub(crate) fn add_handle<T: AsRawHandle + ?Sized>(&self, token: usize, handle: &T) -> io::Result<()> {
        // SAFETY: the call takes no memory, and an invalid handle is an error of its own.
        let port = unsafe { CreateIoCompletionPort(handle.as_raw_handle(), self.as_raw_handle(), token, 0) };
        if port.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Waits until there are packets, or `timeout` is over, and fills the head of `list`, which is what it returns.
    /// Nothing when the time is over. The rest of `list` stays as it was.
    ///
    /// The timeout is rounded up to milliseconds; `None` has no end, and what exceeds 49.7 days ends there. The
    /// system's clock ticks coarsely, and may let go up to a tick too early: who promises a time looks at a clock.
    pub(crate) fn get_many<'a>(
        &self,
        list: &'a mut [CompletionStatus],
        timeout: Option<Duration>,
    ) -> io::Result<&'a mut [CompletionStatus]> {
        if list.is_empty() {
            // Windows has an error for it as well; Wine says that there was a packet.
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a list without room for packets"));
        }
        let capacity = u32::try_from(list.len()).unwrap_or(u32::MAX);
        let mut taken = 0;
        // SAFETY: `CompletionStatus` is transparent over the system's entry, and there are at least `capacity` of them.
        let result = unsafe {
            GetQueuedCompletionStatusEx(
                self.as_raw_handle(),
                list.as_mut_ptr().cast::<OVERLAPPED_ENTRY>(),
                capacity,
                &mut taken,
                millis(timeout),
                0, // Not alertable.
            )
        };
        if result != 0 {
            return Ok(&mut list[..taken as usize]);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error().map(i32::unsigned_abs) == Some(WAIT_TIMEOUT) {
            return Ok(&mut list[..0]);
        }
        Err(error)
    }

    /// Puts a packet into the queue, as if an operation had ended.
    pub(crate) fn post(&self, status: CompletionStatus) -> io::Result<()> {
        let CompletionStatus(entry) = status;
        // SAFETY: the call passes the address on as a number.
        let result = unsafe {
            PostQueuedCompletionStatus(
                self.as_raw_handle(),
                entry.dwNumberOfBytesTransferred,
                entry.lpCompletionKey,
                entry.lpOverlapped,
            )
        };
        if result == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// The memory that the kernel has until packets come here.
    pub(super) fn loans(&self) -> &Loans {
        &self.loans
    }
}

/// Takes back what is lent: whoever submitted is gone, and nobody else will take the packets.
impl Drop for CompletionPort {
    fn drop(&mut self) {
        self.loans.cancel_all();
        let deadline = Deadline::after(Some(LAST_WAIT));
        let mut list = [CompletionStatus::zero(); 16];
        while !self.loans.is_empty() {
            let left = deadline.left().unwrap_or_default();
            match self.get_many(&mut list, Some(left)) {
                Ok(packets) if !packets.is_empty() => packets.iter().for_each(|packet| self.loans.discard(packet)),
                _ => break,
            }
        }
    }
}

impl AsRawHandle for CompletionPort {
    fn as_raw_handle(&self) -> RawHandle {
        self.handle.as_raw_handle()
    }
}

impl FromRawHandle for CompletionPort {
    unsafe fn from_raw_handle(handle: RawHandle) -> CompletionPort {
        // SAFETY: the caller hands over a completion port that is open and its own.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        CompletionPort { handle, loans: Loans::default() }
    }
}

impl IntoRawHandle for CompletionPort {
    /// What is lent stays the kernel's: it is leaked.
    fn into_raw_handle(self) -> RawHandle {
        ManuallyDrop::new(self).handle.as_raw_handle()
    }
}

/// Milliseconds as the system counts them. Its greatest number is the one for "without end", so the longest is one less.
fn millis(timeout: Option<Duration>) -> u32 {
    let Some(timeout) = timeout else { return INFINITE };
    let up = timeout.checked_add(Duration::from_nanos(999_999)).unwrap_or(timeout);
    u32::try_from(up.as_millis()).unwrap_or(INFINITE).min(INFINITE - 1)
}

/// One packet of a completion port: the system's own record.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct CompletionStatus(OVERLAPPED_ENTRY);

// `get_many` and `from_entry` take the one for the other.
const _: () = assert!(size_of::<CompletionStatus>() == size_of::<OVERLAPPED_ENTRY>());
const _: () = assert!(align_of::<CompletionStatus>() == align_of::<OVERLAPPED_ENTRY>());

// SAFETY: the record is numbers, the address among them: nothing here follows it.
unsafe impl Send for CompletionStatus {}
// SAFETY: as above.
unsafe impl Sync for CompletionStatus {}

impl CompletionStatus {
    /// A packet to post.
    pub(crate) fn new(bytes: u32, token: usize, overlapped: *mut OVERLAPPED) -> CompletionStatus {
        CompletionStatus(OVERLAPPED_ENTRY {
            lpCompletionKey: token,
            lpOverlapped: overlapped,
            Internal: 0,
            dwNumberOfBytesTransferred: bytes,
        })
    }

    /// A packet of zeros, for a list to be filled.
    pub(crate) const fn zero() -> CompletionStatus {
        CompletionStatus(OVERLAPPED_ENTRY {
            lpCompletionKey: 0,
            lpOverlapped: ptr::null_mut(),
            Internal: 0,
            dwNumberOfBytesTransferred: 0,
        })
    }

    /// The system's record as a packet, in place: for who has called the system directly.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) fn from_entry(entry: &OVERLAPPED_ENTRY) -> &CompletionStatus {
        let entry: *const OVERLAPPED_ENTRY = entry;
        // SAFETY: the packet is transparent over the record, and lives as long.
        unsafe { &*entry.cast::<CompletionStatus>() }
    }

    /// How many bytes the operation moved.
    pub(crate) fn bytes_transferred(&self) -> u32 {
        self.0.dwNumberOfBytesTransferred
    }

    /// The completion key: that of the handle, or the one the packet was posted with.
    pub(crate) fn token(&self) -> usize {
        self.0.lpCompletionKey
    }

    /// The address that the operation was submitted with, or the packet posted with.
    pub(crate) fn overlapped(&self) -> *mut OVERLAPPED {
        self.0.lpOverlapped
    }

    /// How the operation ended. Zero for a packet that was posted.
    ///
    /// The system's headers call the field internal; it is the first word of the I/O status block that the kernel hands
    /// out with each packet ([`NtRemoveIoCompletionEx`]), whose upper half on 64-bit systems says nothing.
    ///
    /// [`NtRemoveIoCompletionEx`]: https://learn.microsoft.com/en-us/windows-hardware/drivers/ddi/wdm/ns-wdm-_io_status_block
    // The lower half is what is wanted, and its sign that of an error.
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    pub(crate) fn status(&self) -> NTSTATUS {
        self.0.Internal as NTSTATUS
    }
}

impl fmt::Debug for CompletionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletionStatus")
            .field("token", &self.token())
            .field("overlapped", &self.overlapped())
            .field("status", &format_args!("{:#010x}", self.status()))
            .field("bytes_transferred", &self.bytes_transferred())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::net::UdpSocket;
    use std::os::windows::io::AsRawSocket;
    use std::thread;
    use std::time::Instant;

    fn address(number: usize) -> *mut OVERLAPPED {
        number as *mut OVERLAPPED
    }

    #[test]
    fn milliseconds_round_up_and_saturate() {
        for (timeout, expected) in [
            (None, INFINITE),
            (Some(Duration::ZERO), 0),
            (Some(Duration::from_nanos(1)), 1),
            (Some(Duration::from_micros(999)), 1),
            (Some(Duration::from_millis(1)), 1),
            (Some(Duration::from_nanos(1_000_001)), 2),
            (Some(Duration::from_millis(u64::from(INFINITE) - 1)), INFINITE - 1),
            (Some(Duration::from_millis(u64::from(INFINITE))), INFINITE - 1),
            (Some(Duration::from_secs(1 << 32)), INFINITE - 1),
            (Some(Duration::MAX), INFINITE - 1),
        ] {
            assert_eq!(millis(timeout), expected, "{timeout:?}");
        }
    }

    #[test]
    fn what_is_posted_comes_in_order_and_as_it_was() {
        let port = CompletionPort::new(1).unwrap();
        for number in 1..=3 {
            port.post(CompletionStatus::new(number, 10, address(0x100))).unwrap();
        }
        let mut list = [CompletionStatus::zero(); 8];
        let packets = port.get_many(&mut list, None).unwrap();
        assert_eq!(packets.iter().map(CompletionStatus::bytes_transferred).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(packets.iter().all(|packet| packet.token() == 10 && packet.overlapped() == address(0x100)));
        assert!(packets.iter().all(|packet| packet.status() == 0));
        assert!(list[3].overlapped().is_null());
    }

    #[test]
    fn a_short_list_loses_nothing() {
        let port = CompletionPort::new(1).unwrap();
        for number in 0..5 {
            port.post(CompletionStatus::new(number, 0, ptr::null_mut())).unwrap();
        }
        let mut list = [CompletionStatus::zero(); 2];
        let mut all = Vec::new();
        while all.len() < 5 {
            let packets = port.get_many(&mut list, Some(Duration::ZERO)).unwrap();
            assert!(!packets.is_empty());
            all.extend(packets.iter().map(CompletionStatus::bytes_transferred));
        }
        assert_eq!(all, [0, 1, 2, 3, 4]);
        assert!(port.get_many(&mut list, Some(Duration::ZERO)).unwrap().is_empty());
        assert!(port.get_many(&mut [], Some(Duration::ZERO)).is_err());
    }

    #[test]
    fn a_timeout_is_waited_for_and_the_longest_ends_by_a_packet() {
        let port = CompletionPort::new(0).unwrap();
        let mut list = [CompletionStatus::zero(); 1];
        let start = Instant::now();
        assert!(port.get_many(&mut list, Some(Duration::from_micros(20_500))).unwrap().is_empty());
        // A tick of the system's clock, 15.6 ms, is what a wait may be short of.
        assert!(start.elapsed() >= Duration::from_millis(5), "{:?}", start.elapsed());
        thread::scope(|scope| {
            scope.spawn(|| port.post(CompletionStatus::new(7, 0, ptr::null_mut())).unwrap());
            let packets = port.get_many(&mut list, Some(Duration::MAX)).unwrap();
            assert_eq!(packets[0].bytes_transferred(), 7);
        });
    }

    #[test]
    fn a_handle_belongs_to_one_port() {
        let port = CompletionPort::new(1).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        port.add_handle(3, &Raw(socket.as_raw_socket() as RawHandle)).unwrap();
        let error =
            CompletionPort::new(1).unwrap().add_handle(3, &Raw(socket.as_raw_socket() as RawHandle)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(87));
        assert!(port.add_handle(3, &Raw(ptr::null_mut())).is_err());
    }

    struct Raw(RawHandle);

    impl AsRawHandle for Raw {
        fn as_raw_handle(&self) -> RawHandle {
            self.0
        }
    }

    #[test]
    fn a_raw_handle_makes_the_same_port() {
        let port = CompletionPort::new(1).unwrap();
        port.post(CompletionStatus::new(9, 8, ptr::null_mut())).unwrap();
        let raw = port.into_raw_handle();
        // SAFETY: the handle was given away a line above, and is a port's.
        let port = unsafe { CompletionPort::from_raw_handle(raw) };
        let mut list = [CompletionStatus::zero(); 4];
        let packets = port.get_many(&mut list, None).unwrap();
        assert_eq!((packets.len(), packets[0].token()), (1, 8));
    }

    #[test]
    fn a_record_is_a_packet() {
        let entry = OVERLAPPED_ENTRY {
            lpCompletionKey: 4,
            lpOverlapped: address(0x20),
            Internal: 0xC000_0120,
            dwNumberOfBytesTransferred: 5,
        };
        let packet = CompletionStatus::from_entry(&entry);
        assert_eq!((packet.token(), packet.overlapped(), packet.bytes_transferred()), (4, address(0x20), 5));
        assert_eq!(packet.status(), windows_sys::Win32::Foundation::STATUS_CANCELLED);
        assert!(format!("{packet:?}").contains("0xc0000120"), "{packet:?}");
    }
}
