//! Tests that can't work where they would run, each with its reason.

#[cfg(test)]
use super::table::ARCHES;
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{of, ARCHES};

    /// What was renamed would run where it can't work, and stand on the page for ever.
    #[test]
    fn what_is_left_out_exists() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for left_out in ARCHES.iter().flat_map(of) {
            let (module, name) = left_out.test.rsplit_once("::").unwrap();
            let mut files = ["tests/promises", "tests/regressions", "tests/types"].map(|folder| {
                let text = fs::read_to_string(root.join(folder).join(module).with_extension("rs"));
                text.unwrap_or_default()
            });
            assert!(files.iter_mut().any(|text| text.contains(&format!("fn {name}()"))), "{}", left_out.test);
        }
    }
}
