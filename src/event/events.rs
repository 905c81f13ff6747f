use std::fmt;
use std::slice;

use super::Event;
use crate::sys;

/// The most events that a list is made for: what is asked for beyond is not kept room for.
const MOST: usize = 1 << 24;

/// A list of events, which [`Poll::poll`](crate::Poll::poll) fills.
///
/// It is made once and used again: the system writes its records into it, and nothing is converted or allocated while
/// polling. Its capacity is the most events that one poll returns; what does not fit comes at the next. A few hundred
/// are enough for a busy server, and larger lists are not faster.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use poised::{Events, Poll};
///
/// # fn main() -> std::io::Result<()> {
/// let mut poll = Poll::new()?;
/// let mut events = Events::with_capacity(256);
/// poll.poll(&mut events, Some(Duration::from_millis(1)))?;
/// for event in &events {
///     println!("{:?} is ready: {event:?}", event.token());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Events {
    inner: Vec<sys::Event>,
}

impl Events {
    /// Makes an empty list with room for `capacity` events: at least one, and at most 2²⁴.
    ///
    /// ```
    /// use poised::Events;
    ///
    /// assert_eq!(Events::with_capacity(64).capacity(), 64);
    /// assert_eq!(Events::with_capacity(0).capacity(), 1);
    /// ```
    pub fn with_capacity(capacity: usize) -> Events {
        Events { inner: Vec::with_capacity(capacity.clamp(1, MOST)) }
    }

    /// The most events that one poll puts here.
    ///
    /// ```
    /// assert_eq!(poised::Events::with_capacity(8).capacity(), 8);
    /// ```
    pub fn capacity(&self) -> usize {
        self.inner.capacity()
    }

    /// Whether there are no events: after a poll, that its time was over.
    ///
    /// ```
    /// assert!(poised::Events::with_capacity(8).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// The events.
    ///
    /// ```
    /// let events = poised::Events::with_capacity(8);
    /// assert_eq!(events.iter().count(), 0);
    /// ```
    pub fn iter(&self) -> Iter<'_> {
        Iter { inner: self.inner.iter() }
    }

    /// Takes all events out. A poll does that by itself.
    ///
    /// ```
    /// let mut events = poised::Events::with_capacity(8);
    /// events.clear();
    /// assert!(events.is_empty());
    /// ```
    pub fn clear(&mut self) {
        self.inner.clear();
    }

    pub(crate) fn sys_mut(&mut self) -> &mut Vec<sys::Event> {
        &mut self.inner
    }
}

impl<'a> IntoIterator for &'a Events {
    type Item = &'a Event;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// The events of an [`Events`] list, in the order in which the system gave them.
///
/// ```
/// use poised::event::Iter;
///
/// let events = poised::Events::with_capacity(8);
/// let mut iter: Iter<'_> = events.iter();
/// assert!(iter.next().is_none());
/// ```
#[derive(Clone)]
pub struct Iter<'a> {
    inner: slice::Iter<'a, sys::Event>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Event;

    #[inline]
    fn next(&mut self) -> Option<&'a Event> {
        self.inner.next().map(Event::view)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
