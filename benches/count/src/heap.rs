//! The system's allocator, counted.

use std::alloc::{GlobalAlloc, Layout, System};

use crate::figures::{add, Figure};

#[global_allocator]
static HEAP: Counted = Counted;

struct Counted;

fn size(layout: Layout) -> i64 {
    // The size of a layout is at most `isize::MAX`.
    i64::try_from(layout.size()).unwrap_or(i64::MAX)
}

// SAFETY: each call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(Figure::Allocations, 1);
        add(Figure::Bytes, size(layout));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        add(Figure::Bytes, -size(layout));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        add(Figure::Allocations, 1);
        add(Figure::Bytes, i64::try_from(new_size).unwrap_or(i64::MAX) - size(layout));
        // SAFETY: the caller's promise.
        unsafe { System.realloc(memory, layout, new_size) }
    }
}
