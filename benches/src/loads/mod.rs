//! What is measured: each load is written once, for any peer.

pub(crate) mod accept;
pub(crate) mod echo;
pub(crate) mod idle;
pub(crate) mod poll;
pub(crate) mod register;
pub(crate) mod timeout;
pub(crate) mod transfer;
pub(crate) mod wake;
