//! What is handed over wrongly is an error that says so: no panic, nothing leaked, and the rest goes on.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::mem::ManuallyDrop;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{
    AsRawHandle, AsRawSocket, FromRawHandle, FromRawSocket, IntoRawHandle, OwnedHandle, RawHandle, RawSocket,
};
use std::ptr;

use poised::net::{TcpListener, TcpStream, UdpSocket};
use poised::windows::NamedPipe;
use windows_sys::Win32::Foundation::{ERROR_INVALID_HANDLE, ERROR_PIPE_BUSY, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Storage::FileSystem::FILE_FLAG_OVERLAPPED;
use windows_sys::Win32::System::Threading::CreateEventW;
use windows_sys::Win32::System::IO::{CreateIoCompletionPort, GetQueuedCompletionStatusEx, OVERLAPPED_ENTRY};

use crate::pipes::{alone, create_one, name, open, open_blocking, BOTH, SERVER};
use crate::sockets::{local, pair, IT, READ};
use crate::util::{drain, expect_error, expect_would_block, on_wine, Harness};

/// Never a handle, and never a socket.
const NOTHING: usize = 0x7FFF_FFF0;
const NOT_A_SOCKET: i32 = 10038;

fn new_port() -> OwnedHandle {
    // SAFETY: the call takes no memory; without a port to join it makes one.
    let port = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, ptr::null_mut(), 0, 1) };
    // SAFETY: the handle is new, and nobody else's.
    unsafe { OwnedHandle::from_raw_handle(port) }
}

/// Ties `handle` to a port of its own.
fn tied(handle: RawHandle) -> OwnedHandle {
    let port = new_port();
    // SAFETY: the call takes no memory.
    let result = unsafe { CreateIoCompletionPort(handle, port.as_raw_handle(), 7, 0) };
    assert!(!result.is_null(), "{}", io::Error::last_os_error());
    port
}

fn is_empty(port: &OwnedHandle) -> bool {
    let mut entries = [OVERLAPPED_ENTRY::default(); 4];
    let mut taken = 0;
    // SAFETY: there are four entries, which outlive the call, as does the count.
    let result =
        unsafe { GetQueuedCompletionStatusEx(port.as_raw_handle(), entries.as_mut_ptr(), 4, &mut taken, 0, 0) };
    result == 0
}

#[test]
fn a_socket_that_is_tied_to_another_port_is_polled() {
    alone(|| {
        let (mut stream, mut other) = pair();
        let port = tied(stream.as_raw_socket() as RawHandle);
        let mut harness = Harness::new();
        harness.register(&mut stream, IT, READ);
        for _ in 0..3 {
            other.write_all(b"x").unwrap();
            harness.expect_readable(IT);
            assert_eq!(drain(&stream).0, b"x");
        }
        assert!(is_empty(&port), "the other port has none of it");
    });
}

#[test]
fn a_pipe_that_is_tied_to_another_port_is_an_error() {
    alone(|| {
        let mut pipe = NamedPipe::new(name()).unwrap();
        let port = tied(pipe.as_raw_handle());
        let mut harness = Harness::new();
        refused(&harness, &mut pipe);
        harness.expect_none();
        assert!(is_empty(&port));
    });
}

/// Says that `pipe` can't be registered, again and again, and why.
#[track_caller]
fn refused(harness: &Harness, pipe: &mut NamedPipe) {
    for _ in 0..3 {
        let error = expect_error(harness.poll.registry().register(pipe, SERVER, BOTH), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.contains("completion port") && text.contains("FILE_FLAG_OVERLAPPED"), "{text}");
        expect_error(harness.poll.registry().deregister(pipe), ErrorKind::NotFound);
        expect_would_block(pipe.read(&mut [0; 8]));
    }
}

#[test]
fn a_pipe_that_is_not_overlapped_is_an_error() {
    alone(|| {
        let name = name();
        let _server = NamedPipe::new(&name).unwrap();
        let file = open_blocking(&name).unwrap();
        // SAFETY: the file gives its handle away.
        let mut pipe = unsafe { NamedPipe::from_raw_handle(file.into_raw_handle()) };
        let mut harness = Harness::new();
        refused(&harness, &mut pipe);
        harness.expect_none();
    });
}

fn new_event() -> OwnedHandle {
    // SAFETY: an event without a name takes no memory.
    let event = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
    // SAFETY: the handle is new, and nobody else's.
    unsafe { OwnedHandle::from_raw_handle(event) }
}

#[test]
fn handles_that_are_no_pipes_are_errors() {
    alone(|| {
        let mut harness = Harness::new();
        // SAFETY: the event gives its handle away.
        let mut event = unsafe { NamedPipe::from_raw_handle(new_event().into_raw_handle()) };
        // SAFETY: the number is no handle, and closing it does nothing.
        let mut nothing = unsafe { NamedPipe::from_raw_handle(NOTHING as RawHandle) };
        for pipe in [&mut event, &mut nothing] {
            let error = harness.poll.registry().register(pipe, SERVER, BOTH).unwrap_err();
            assert_eq!(error.raw_os_error().map(i32::unsigned_abs), Some(ERROR_INVALID_HANDLE), "{error}");
            expect_would_block(pipe.read(&mut [0; 8]));
            assert!(pipe.disconnect().is_err());
        }
        harness.expect_none();
    });
}

/// A temporary file, a pipe, an event and nothing at all: as numbers, which their owners keep.
fn no_sockets() -> (Vec<(&'static str, RawSocket)>, impl Drop) {
    struct Kept(File, NamedPipe, OwnedHandle, std::path::PathBuf);
    impl Drop for Kept {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.3);
        }
    }
    let path = std::env::temp_dir().join(format!("poised-{}", std::process::id()));
    let file = OpenOptions::new().write(true).create(true).custom_flags(FILE_FLAG_OVERLAPPED).open(&path).unwrap();
    let kept = Kept(file, NamedPipe::new(name()).unwrap(), new_event(), path);
    let numbers = [
        ("a file", kept.0.as_raw_handle()),
        ("a pipe", kept.1.as_raw_handle()),
        ("an event", kept.2.as_raw_handle()),
        ("nothing", NOTHING as RawHandle),
    ];
    (numbers.into_iter().map(|(what, handle)| (what, handle as RawSocket)).collect(), kept)
}

#[test]
fn scenario_22_no_socket_is_an_error() {
    alone(|| {
        let (numbers, kept) = no_sockets();
        let (mut stream, mut other) = pair();
        let mut harness = Harness::new();
        harness.register(&mut stream, IT, READ);
        let lies = on_wine("takes any number for the base of a socket, so that registering it succeeds");
        for (what, number) in numbers {
            // SAFETY: the number is no socket, and is never closed here.
            let mut wrong = ManuallyDrop::new(unsafe { TcpStream::from_raw_socket(number) });
            // SAFETY: likewise.
            let listener = ManuallyDrop::new(unsafe { TcpListener::from_raw_socket(number) });
            // SAFETY: likewise.
            let udp = ManuallyDrop::new(unsafe { UdpSocket::from_raw_socket(number) });
            match harness.poll.registry().register(&mut *wrong, SERVER, READ) {
                Err(error) => assert_eq!(error.raw_os_error(), Some(NOT_A_SOCKET), "{what}: {error:?}"),
                Ok(()) => assert!(lies, "{what} was registered"),
            }
            for result in [
                wrong.read(&mut [0; 8]).map(drop),
                wrong.set_nodelay(true),
                listener.accept().map(drop),
                udp.recv_from(&mut [0; 8]).map(drop),
                udp.connect(local()),
            ] {
                let code = result.unwrap_err().raw_os_error();
                // Wine has other codes for handles of other kinds.
                assert!(code == Some(NOT_A_SOCKET) || lies && code.is_some(), "{what}: {code:?}");
            }
            // The others go on, before it ends and after.
            other.write_all(b"x").unwrap();
            harness.expect_readable(IT);
            drain(&stream);
            let _ = harness.poll.registry().deregister(&mut *wrong);
            harness.expect_none();
        }
        drop(kept);
    });
}

#[test]
fn p19_constructors_that_fail_leak_nothing() {
    alone(|| {
        let listener = TcpListener::bind(local()).unwrap();
        let taken = listener.local_addr().unwrap();
        let socket = UdpSocket::bind(local()).unwrap();
        for _ in 0..20 {
            expect_error(TcpListener::bind(taken), ErrorKind::AddrInUse);
            expect_error(UdpSocket::bind(socket.local_addr().unwrap()), ErrorKind::AddrInUse);
            expect_would_block(listener.accept());
        }
    });
}

#[test]
fn p19_wrong_and_busy_names_are_errors() {
    alone(|| {
        for wrong in ["", "poised", r"C:\no\pipe", r"\\.\pip", r"\\.\pipe\"] {
            let error = NamedPipe::new(wrong).unwrap_err();
            // ERROR_INVALID_NAME, ERROR_BAD_PATHNAME, ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND; Wine's own
            // ERROR_INVALID_HANDLE for the last.
            assert!(matches!(error.raw_os_error(), Some(123 | 161 | 2 | 3 | 6)), "{wrong:?}: {error:?}");
        }
        expect_error(NamedPipe::new("a\0b"), ErrorKind::InvalidInput);
        expect_error(open(&name()), ErrorKind::NotFound);
        let name = name();
        let server = create_one(&name);
        let busy = NamedPipe::new(&name).unwrap_err();
        assert_eq!(busy.raw_os_error().map(i32::unsigned_abs), Some(ERROR_PIPE_BUSY), "{busy:?}");
        let _client = open(&name).unwrap();
        let busy = open(&name).unwrap_err();
        assert_eq!(busy.raw_os_error().map(i32::unsigned_abs), Some(ERROR_PIPE_BUSY), "{busy:?}");
        drop(server);
    });
}
