//! Counts the calls of the kernel: each function below is found in the program's import table, and replaced by one
//! that counts and goes on to it.
//!
//! Listed are all functions that do one of the things counted, not only those that either crate calls today. One that
//! a program looks up while it runs does not go through the table, so `GetProcAddress` hands out the counting ones,
//! too.

use std::ffi::{c_char, c_void, CStr};
use std::io;
use std::mem::transmute;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::figures::{add, Figure};
use crate::imports;

/// A handle or an address, which is handed on.
type Word = *mut c_void;

/// `IOCTL_AFD_POLL`.
const POLL: u32 = 0x0001_2024;

/// A function of the system and its replacement.
struct Hook {
    name: &'static str,
    counting: fn() -> Word,
    original: &'static AtomicPtr<c_void>,
}

/// Functions by name, with the figure that a call adds to, if any.
macro_rules! counted {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty => $figure:expr;)*) => {
        static HOOKS: &[Hook] = &[$({
            static ORIGINAL: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

            type Function = unsafe extern "system" fn($($type),*) -> $result;

            unsafe extern "system" fn counting($($argument: $type),*) -> $result {
                let figure: Option<Figure> = $figure;
                figure.into_iter().for_each(|figure| add(figure, 1));
                // Relaxed: it was set before anybody could call this.
                let original = ORIGINAL.load(Ordering::Relaxed);
                // SAFETY: this is the system's function of this name, which has this type.
                let original = unsafe { transmute::<Word, Function>(original) };
                // SAFETY: what the caller promised.
                unsafe { original($($argument),*) }
            }

            Hook { name: stringify!($name), counting: || counting as Word, original: &ORIGINAL }
        }),*];
    };
}

fn of_ioctl(code: u32) -> Option<Figure> {
    (code == POLL).then_some(Figure::Polls)
}

counted! {
    NtDeviceIoControlFile(
        file: Word, event: Word, routine: Word, context: Word, block: Word, code: u32, question: Word,
        size: u32, answer: Word, room: u32
    ) -> i32 => of_ioctl(code);
    DeviceIoControl(
        file: Word, code: u32, question: Word, size: u32, answer: Word, room: u32, length: Word,
        overlapped: Word
    ) -> i32 => of_ioctl(code);
    WSAPoll(sockets: Word, count: u32, timeout: i32) -> i32 => Some(Figure::Polls);
    select(count: i32, read: Word, write: Word, except: Word, timeout: Word) -> i32 => Some(Figure::Polls);
    NtCancelIoFileEx(file: Word, operation: Word, block: Word) -> i32 => Some(Figure::Cancels);
    NtCancelIoFile(file: Word, block: Word) -> i32 => Some(Figure::Cancels);
    CancelIoEx(file: Word, overlapped: Word) -> i32 => Some(Figure::Cancels);
    CancelIo(file: Word) -> i32 => Some(Figure::Cancels);
    GetQueuedCompletionStatusEx(
        port: Word, list: Word, room: u32, taken: Word, timeout: u32, alertable: i32
    ) -> i32 => Some(Figure::Waits);
    GetQueuedCompletionStatus(
        port: Word, bytes: Word, key: Word, overlapped: Word, timeout: u32
    ) -> i32 => Some(Figure::Waits);
    NtRemoveIoCompletionEx(
        port: Word, list: Word, room: u32, taken: Word, timeout: Word, alertable: u8
    ) -> i32 => Some(Figure::Waits);
    NtRemoveIoCompletion(
        port: Word, key: Word, context: Word, block: Word, timeout: Word
    ) -> i32 => Some(Figure::Waits);
    PostQueuedCompletionStatus(port: Word, bytes: u32, key: usize, overlapped: Word) -> i32 => Some(Figure::Posts);
    NtSetIoCompletion(
        port: Word, key: usize, context: usize, status: i32, information: usize
    ) -> i32 => Some(Figure::Posts);
    NtSetIoCompletionEx(
        port: Word, packet: Word, key: usize, context: usize, status: i32, information: usize
    ) -> i32 => Some(Figure::Posts);
    NtCreateFile(
        file: Word, access: u32, name: Word, block: Word, size: Word, attributes: u32, share: u32,
        disposition: u32, options: u32, extended: Word, length: u32
    ) -> i32 => Some(Figure::Handles);
    NtOpenFile(
        file: Word, access: u32, name: Word, block: Word, share: u32, options: u32
    ) -> i32 => Some(Figure::Handles);
}

impl Hook {
    fn of(name: &str) -> Option<&'static Hook> {
        HOOKS.iter().find(|hook| hook.name == name)
    }

    /// The replacement of `original`, the function of this name.
    fn replace(&self, original: Word) -> Word {
        // Relaxed: who calls the replacement has it from here, in this thread or by other means than this.
        self.original.store(original, Ordering::Relaxed);
        (self.counting)()
    }
}

static GET_PROC_ADDRESS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

unsafe extern "system" fn get_proc_address(module: Word, name: *const c_char) -> Word {
    // Relaxed: it was set before anybody could call this.
    let original = GET_PROC_ADDRESS.load(Ordering::Relaxed);
    // SAFETY: this is the system's `GetProcAddress`, which has this type.
    let original = unsafe { transmute::<Word, unsafe extern "system" fn(Word, *const c_char) -> Word>(original) };
    // SAFETY: what the caller promised.
    let function = unsafe { original(module, name) };
    // A small number is the number of a function and no address of a name.
    if function.is_null() || name as usize <= usize::from(u16::MAX) {
        return function;
    }
    // SAFETY: it is the address of a name that ends with a zero: the system has just read it.
    let name = unsafe { CStr::from_ptr(name) };
    name.to_str().ok().and_then(Hook::of).map_or(function, |hook| hook.replace(function))
}

/// Puts the counting functions into the import table.
pub(crate) fn hook() -> io::Result<()> {
    for import in imports::all() {
        if import.name == "GetProcAddress" {
            // Before it can be called: no other thread runs yet.
            let original = import.redirect(get_proc_address as Word)?;
            GET_PROC_ADDRESS.store(original, Ordering::Relaxed);
        } else if let Some(hook) = Hook::of(&import.name) {
            let original = import.redirect((hook.counting)())?;
            hook.replace(original);
        }
    }
    Ok(())
}
