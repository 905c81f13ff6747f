//! Pipes for the tests: names of their own, both ends, and the system's calls for what `NamedPipe::new` does not make.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, IntoRawHandle};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use poised::windows::NamedPipe;
use poised::{Interest, Token};
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::Storage::FileSystem::{FILE_FLAG_OVERLAPPED, PIPE_ACCESS_DUPLEX, PIPE_ACCESS_OUTBOUND};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, SetNamedPipeHandleState, PIPE_READMODE_MESSAGE, PIPE_TYPE_MESSAGE,
};

use crate::util::{leak, Harness};

pub const SERVER: Token = Token(1);
pub const CLIENT: Token = Token(2);
pub const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

static TURN: Mutex<()> = Mutex::new(());

/// Runs `test` while no other one runs, and says that it leaves no handle behind.
///
/// What the system, the standard library and the runner open once makes a difference too, but not each time.
#[track_caller]
pub fn alone(test: impl Fn()) {
    let _turn: MutexGuard<'_, ()> = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut counts = vec![leak::open()];
    for _ in 0..5 {
        test();
        let now = leak::open();
        if counts.last().is_some_and(|before| now <= *before) {
            return;
        }
        counts.push(now);
    }
    panic!("handles after each run: {counts:?}");
}

/// A name that no other test of this machine has.
pub fn name() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!(r"\\.\pipe\poised-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The client's end as a file that waits.
pub fn open_blocking(name: &str) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(name)
}

pub fn open(name: &str) -> io::Result<NamedPipe> {
    let file = OpenOptions::new().read(true).write(true).custom_flags(FILE_FLAG_OVERLAPPED).open(name)?;
    // SAFETY: the file gives its handle away, which is overlapped.
    Ok(unsafe { NamedPipe::from_raw_handle(file.into_raw_handle()) })
}

/// Makes a server's end with a mode of its own.
fn create(name: &str, access: u32, mode: u32, quota: u32, instances: u32) -> NamedPipe {
    let name: Vec<u16> = OsStr::new(name).encode_wide().chain([0]).collect();
    // SAFETY: the name ends with a zero and outlives the call.
    let handle = unsafe {
        CreateNamedPipeW(name.as_ptr(), access | FILE_FLAG_OVERLAPPED, mode, instances, quota, quota, 0, ptr::null())
    };
    assert_ne!(handle, INVALID_HANDLE_VALUE, "{}", io::Error::last_os_error());
    // SAFETY: the handle is new, and nobody else's.
    unsafe { NamedPipe::from_raw_handle(handle) }
}

pub fn create_messages(name: &str) -> NamedPipe {
    create(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 64 << 10, 255)
}

/// A server's end that can only be written to.
pub fn create_outbound(name: &str) -> NamedPipe {
    create(name, PIPE_ACCESS_OUTBOUND, 0, 64 << 10, 255)
}

/// A server's end that must be the only one of its name.
pub fn create_one(name: &str) -> NamedPipe {
    create(name, PIPE_ACCESS_DUPLEX, 0, 64 << 10, 1)
}

/// Has the client's end give messages as messages.
pub fn read_messages(pipe: &NamedPipe) {
    let mode = PIPE_READMODE_MESSAGE;
    // SAFETY: the handle is open, and the mode outlives the call.
    let result = unsafe { SetNamedPipeHandleState(pipe.as_raw_handle(), &mode, ptr::null(), ptr::null()) };
    assert_ne!(result, 0, "{}", io::Error::last_os_error());
}

/// Both ends of a pipe, connected and registered for both directions.
pub fn connected(harness: &mut Harness) -> (NamedPipe, NamedPipe) {
    let name = name();
    let server = NamedPipe::new(&name).expect("a server");
    let client = open(&name).expect("a client");
    join(harness, server, client)
}

pub fn connected_messages(harness: &mut Harness) -> (NamedPipe, NamedPipe) {
    let name = name();
    let server = create_messages(&name);
    let client = open(&name).expect("a client");
    read_messages(&client);
    join(harness, server, client)
}

fn join(harness: &mut Harness, mut server: NamedPipe, mut client: NamedPipe) -> (NamedPipe, NamedPipe) {
    harness.register(&mut server, SERVER, BOTH);
    harness.register(&mut client, CLIENT, BOTH);
    server.connect().expect("the client is there");
    harness.expect_writable(CLIENT);
    (server, client)
}

/// Reads until so many bytes came, or the end; waits for events in between.
pub fn read_some(harness: &mut Harness, mut pipe: &NamedPipe, token: Token, count: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 1 << 10];
    while all.len() < count {
        match pipe.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                harness.expect_readable(token);
            }
            Err(error) => panic!("read: {error}"),
        }
    }
    all
}

/// Writes, and waits while the write before is under way.
pub fn write_some(harness: &mut Harness, mut pipe: &NamedPipe, token: Token, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match pipe.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                harness.expect_writable(token);
            }
            result => return result,
        }
    }
}
