//! Does on purpose what a tool is to find: before `cargo xtask torture` believes a tool that finds nothing, it sees that it
//! finds this.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

/// A number that several threads change without a lock.
struct Shared(UnsafeCell<u64>);

// SAFETY: it is not, which is the point.
unsafe impl Sync for Shared {}

impl Shared {
    fn add(&self) {
        for _ in 0..1_000 {
            // SAFETY: another thread does the same at the same time: a race, made for who looks for races.
            unsafe { *self.0.get() += 1 };
        }
    }
}

fn race() {
    let ours = Arc::new(Shared(UnsafeCell::new(0)));
    let theirs = Arc::clone(&ours);
    let thread = thread::spawn(move || theirs.add());
    ours.add();
    drop(thread.join());
}

fn use_after_free() {
    let number = Box::into_raw(Box::new(black_box(7_u64)));
    // SAFETY: it was made from a box.
    drop(unsafe { Box::from_raw(number) });
    // SAFETY: it is freed: made for who looks for that.
    black_box(unsafe { number.read_volatile() });
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("race") => race(),
        Some("use-after-free") => use_after_free(),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}
