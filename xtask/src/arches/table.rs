//! The architectures, and how their programs are linked and run here.

/// One of them.
#[derive(Debug)]
pub(super) struct Arch {
    pub(super) target: &'static str,
    /// Debian's packages with its compiler and its C library, and with what runs its programs.
    pub(super) packages: &'static [&'static str],
    pub(super) linker: &'static str,
    pub(super) run: Run,
    /// How many tests there are at least, beside those that are left out.
    pub(super) at_least: u64,
}

/// How its programs run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// On this machine, linked with all that they need.
    Static,
    /// On this machine, with the C library of this folder.
    Native { libraries: &'static str, loader: &'static str },
    /// In qemu's emulation of a user's process, which finds the C library in this folder.
    Qemu { program: &'static str, root: &'static str },
}

impl Arch {
    /// Whether this machine runs its programs.
    pub(super) fn is_native(&self) -> bool {
        !matches!(self.run, Run::Qemu { .. })
    }

    /// What the page says of how it runs.
    pub(super) fn how(&self) -> &'static str {
        match self.run {
            Run::Static => "natively, linked statically",
            Run::Native { .. } => "natively",
            Run::Qemu { .. } => "under qemu-user",
        }
    }
}

/// In the order in which they run: what is fast comes first.
pub(super) const ARCHES: &[Arch] = &[
    Arch {
        target: "x86_64-unknown-linux-musl",
        packages: &["musl-tools", "binutils"],
        linker: "musl-gcc",
        run: Run::Static,
        at_least: 850,
    },
    Arch {
        target: "i686-unknown-linux-gnu",
        packages: &["gcc-i686-linux-gnu", "libc6-dev-i386-cross"],
        linker: "i686-linux-gnu-gcc",
        run: Run::Native { libraries: "/usr/i686-linux-gnu/lib", loader: "/usr/i686-linux-gnu/lib/ld-linux.so.2" },
        at_least: 850,
    },
    Arch {
        target: "aarch64-unknown-linux-gnu",
        packages: &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", QEMU],
        linker: "aarch64-linux-gnu-gcc",
        run: Run::Qemu { program: "qemu-aarch64-static", root: "/usr/aarch64-linux-gnu" },
        at_least: 780,
    },
    Arch {
        target: "s390x-unknown-linux-gnu",
        packages: &["gcc-s390x-linux-gnu", "libc6-dev-s390x-cross", QEMU],
        linker: "s390x-linux-gnu-gcc",
        run: Run::Qemu { program: "qemu-s390x-static", root: "/usr/s390x-linux-gnu" },
        at_least: 780,
    },
    Arch {
        target: "riscv64gc-unknown-linux-gnu",
        packages: &["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross", QEMU],
        linker: "riscv64-linux-gnu-gcc",
        run: Run::Qemu { program: "qemu-riscv64-static", root: "/usr/riscv64-linux-gnu" },
        at_least: 780,
    },
];

const QEMU: &str = "qemu-user-static";
