//! Memory that is lent to the kernel for the length of an operation.
//!
//! The rule: from the submission of an operation to its packet the kernel owns the memory, and nobody holds a reference
//! to it. So [`Lent`] gives none away, only an address, and whoever follows that says why the memory is its own then.

use std::cell::UnsafeCell;
use std::panic::RefUnwindSafe;

/// A `T` that is the kernel's at times, at an address that does not change as long as this is not moved.
pub(super) struct Lent<T>(UnsafeCell<T>);

// SAFETY: it gives its address away and nothing else; each access by the address has a reason of its own.
unsafe impl<T: Send> Sync for Lent<T> {}

// A panic leaves no trace in it: what is there is read and written whole.
impl<T> RefUnwindSafe for Lent<T> {}

impl<T> Lent<T> {
    pub(super) const fn new(value: T) -> Lent<T> {
        Lent(UnsafeCell::new(value))
    }

    /// Where the memory is.
    pub(super) fn address(&self) -> *mut T {
        self.0.get()
    }
}
