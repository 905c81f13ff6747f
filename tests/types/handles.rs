//! One check of all conversions between a type and its descriptor, for every type that has them.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

/// A type with all six traits of a descriptor's owner.
pub trait Handle: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd> {}
impl<T: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>> Handle for T {}

/// Sends `value` through every conversion; it must keep its descriptor, and `works` must hold after each.
#[track_caller]
pub fn round_trips<T: Handle>(value: T, works: impl Fn(&T)) -> T {
    let number = value.as_raw_fd();
    assert_eq!(value.as_fd().as_raw_fd(), number);

    let owned: OwnedFd = value.into();
    assert_eq!(owned.as_raw_fd(), number);
    let value = T::from(owned);
    assert_eq!(value.as_raw_fd(), number);
    works(&value);

    let raw = value.into_raw_fd();
    assert_eq!(raw, number);
    // SAFETY: `into_raw_fd` has just given up the ownership of an open descriptor of this very type.
    #[allow(unsafe_code)]
    let value = unsafe { T::from_raw_fd(raw) };
    assert_eq!(value.as_raw_fd(), number);
    works(&value);
    value
}
