//! The system's allocator, counted.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

#[global_allocator]
static HEAP: Counted = Counted;

struct Counted;

static BYTES: AtomicIsize = AtomicIsize::new(0);

/// Bytes that are allocated now.
pub(crate) fn bytes() -> isize {
    // Relaxed: read by the thread that allocates.
    BYTES.load(Ordering::Relaxed)
}

fn add(bytes: isize) {
    // Relaxed: a count, which orders nothing.
    BYTES.fetch_add(bytes, Ordering::Relaxed);
}

// The size of a layout is at most `isize::MAX`.
fn signed(size: usize) -> isize {
    isize::try_from(size).unwrap_or(isize::MAX)
}

// SAFETY: each call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(signed(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        add(-signed(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        add(signed(new_size) - signed(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.realloc(memory, layout, new_size) }
    }
}
