//! How much memory the process has in use, by an allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// A number that is read when nobody else allocates: no order with anything.
static IN_USE: AtomicIsize = AtomicIsize::new(0);

/// How many bytes are allocated.
pub fn in_use() -> isize {
    IN_USE.load(Ordering::Relaxed)
}

fn count(bytes: usize, sign: isize) {
    IN_USE.fetch_add(sign * isize::try_from(bytes).expect("a size"), Ordering::Relaxed);
}

// SAFETY: all is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(address, layout) }
    }
}
