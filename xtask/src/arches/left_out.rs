//! Tests that can't work where they would run, each with its reason.

use super::table::{Arch, Run};

/// One test, by its name within its binary, or a module of them.
#[derive(Debug)]
pub(super) struct LeftOut {
    pub(super) test: &'static str,
    pub(super) why: &'static str,
}

const fn test(test: &'static str, why: &'static str) -> LeftOut {
    LeftOut { test, why }
}

/// Those for Windows are about a kernel made of values, the same everywhere.
pub(super) const MODULE_OF_WINDOWS: &str = "sys::windows";

const NO_SECCOMP: &str = "qemu-user has no seccomp";

const QEMU: &[LeftOut] = &[];

const I686: &[LeftOut] = &[];

/// Those of an architecture.
pub(super) fn of(arch: &Arch) -> &'static [LeftOut] {
    match (&arch.run, arch.target) {
        (Run::Qemu { .. }, _) => QEMU,
        (_, "i686-unknown-linux-gnu") => I686,
        _ => &[],
    }
}
