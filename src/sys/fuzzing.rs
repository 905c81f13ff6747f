//! What the fuzz targets in `fuzz/` reach of the crate's inside: nothing of it is for programs, or there without
//! `--cfg fuzzing`, which cargo-fuzz sets.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::SocketAddr as UnixAddr;

use super::{unix, windows};

/// The bytes of a fuzzer, as choices. When they are over, each is the first one.
#[derive(Clone, Debug)]
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// The choices that are these bytes.
    pub fn new(bytes: &'a [u8]) -> Choices<'a> {
        Choices(bytes)
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// A number below `count`, which is at most 256.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    /// So many bytes, or fewer when they are over.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (first, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        first
    }

    /// Whether none is left.
    pub fn are_over(&self) -> bool {
        self.0.is_empty()
    }
}

/// Runs the Windows backend over its simulated kernel: panics where a promise is broken.
pub fn afd_sockets(choices: &mut Choices<'_>) {
    windows::run_sockets(choices);
}

/// Runs the operations of a named pipe over a pretended kernel: panics where an event is lost.
pub fn named_pipes(choices: &mut Choices<'_>) {
    windows::run_pipe(choices);
}

/// An address as system calls take it and give it.
#[allow(missing_debug_implementations)] // As that of `sys::unix`.
pub struct Address(unix::Address);

impl Address {
    /// The address in C's layout.
    pub fn of_ip(address: SocketAddr) -> Address {
        Address(unix::Address::from(address))
    }

    /// The address in C's layout.
    pub fn of_unix(address: &UnixAddr) -> Address {
        Address(unix::Address::from(address))
    }

    /// What a kernel would have written, as far as there is room; `length` is what it says of it.
    pub fn of_bytes(bytes: &[u8], length: u32) -> Address {
        let (_, address) = unix::Address::receive(|room, room_length| {
            // SAFETY: both are valid for the call, and the room is as long as its length says.
            let count = bytes.len().min(unsafe { *room_length } as usize);
            // SAFETY: as above; the bytes are somewhere else.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), room.cast(), count) };
            // SAFETY: as above.
            unsafe { *room_length = length };
            Ok(())
        })
        .expect("nothing fails");
        Address(address)
    }

    /// The address in Rust's form; an error when it is not of the internet.
    pub fn to_ip(&self) -> io::Result<SocketAddr> {
        self.0.to_ip()
    }

    /// The address in Rust's form; nothing when it has none there.
    pub fn to_unix(&self) -> Option<UnixAddr> {
        self.0.to_unix()
    }

    /// The bytes that the length covers.
    pub fn bytes(&self) -> Vec<u8> {
        // SAFETY: the length is at most that of the address, which is one piece of initialised memory.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() as usize) }.to_vec()
    }
}
