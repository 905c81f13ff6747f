//! What would interrupt a poll that waits, for systems that have nothing to do it with, neither pipes nor eventfds. WASI has
//! no need of it: where there is one thread, nobody else can change anything while it waits. The 3DS has threads: there no
//! wait is long.

use std::io;

/// Nothing. A wake is a flag of the selector's table alone, which the next wait sees before it waits.
#[derive(Debug)]
pub(crate) struct Notifier;

impl Notifier {
    #[allow(clippy::unnecessary_wraps)] // Others may fail.
    pub(crate) fn new() -> io::Result<Notifier> {
        Ok(Notifier)
    }

    #[allow(clippy::unnecessary_wraps, clippy::unused_self)]
    pub(crate) fn notify(&self) -> io::Result<()> {
        Ok(())
    }

    #[allow(clippy::unnecessary_wraps, clippy::unused_self)]
    pub(crate) fn clear(&self) -> io::Result<()> {
        Ok(())
    }
}
