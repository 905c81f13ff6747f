//! Events, and the sources that they come from.
//!
//! [`Poll::poll`](crate::Poll::poll) fills [`Events`]; each [`Event`] says which registration is ready for what. What
//! can be registered is a [`Source`].

#[allow(clippy::module_inception)]
mod event;
mod events;
mod source;

pub use event::Event;
pub use events::{Events, Iter};
pub use source::Source;
