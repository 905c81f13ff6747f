//! The targets, with the mechanism that each gets and how what is compiled for it is run.

/// A target of rustc.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) backend: &'static str,
    pub(super) expected: Expected,
    /// The run of the public suite that tells of it.
    pub(super) run: Option<Run>,
}

/// A run of the public suite, as a column of the table of promises.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The head of the column.
    pub(super) column: &'static str,
    /// How programs for the target run, or what else ran.
    pub(super) how: &'static str,
}

/// What is known of a target: a run that sees anything else fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Compiles,
    /// The standard library of this compiler does not.
    NoLibrary,
}

const KQUEUE: &str = "kqueue";
const POLL: &str = "poll(2)";
const PORTS: &str = "event ports";
const EPOLL: &str = "epoll";
const AFD: &str = "IOCP and AFD";
/// But for what `cargo xtask arches` runs, which writes that down itself.
const NOT_RUN: Option<Run> = None;
const MODEL: &str = "selector over a model on Linux";
const KQUEUE_MODEL: Option<Run> = Some(Run { column: "kqueue (modelled)", how: MODEL });
const PORTS_MODEL: Option<Run> = Some(Run { column: "event ports (modelled)", how: MODEL });
const NATIVE: Option<Run> = Some(Run { column: "epoll", how: "natively" });
const WINE: Option<Run> = Some(Run { column: "Windows (Wine)", how: "Wine 8" });
const WASMTIME: Option<Run> = Some(Run { column: "WASI (preview 2)", how: "Wasmtime 47" });

pub(super) const TARGETS: &[Target] = &[
    target("aarch64-apple-darwin", KQUEUE, KQUEUE_MODEL),
    target("x86_64-apple-darwin", KQUEUE, KQUEUE_MODEL),
    target("aarch64-apple-ios", KQUEUE, KQUEUE_MODEL),
    target("x86_64-apple-ios", KQUEUE, KQUEUE_MODEL),
    target("aarch64-apple-tvos", KQUEUE, KQUEUE_MODEL),
    target("aarch64-apple-visionos", KQUEUE, KQUEUE_MODEL),
    target("aarch64-apple-watchos", KQUEUE, KQUEUE_MODEL),
    target("arm64_32-apple-watchos", KQUEUE, KQUEUE_MODEL),
    target("aarch64-unknown-freebsd", KQUEUE, KQUEUE_MODEL),
    target("x86_64-unknown-freebsd", KQUEUE, KQUEUE_MODEL),
    target("aarch64-unknown-netbsd", KQUEUE, KQUEUE_MODEL),
    target("x86_64-unknown-netbsd", KQUEUE, KQUEUE_MODEL),
    target("aarch64-unknown-openbsd", KQUEUE, KQUEUE_MODEL),
    target("x86_64-unknown-openbsd", KQUEUE, KQUEUE_MODEL),
    target("x86_64-unknown-dragonfly", KQUEUE, KQUEUE_MODEL),
    target("x86_64-pc-solaris", PORTS, PORTS_MODEL),
    target("sparcv9-sun-solaris", PORTS, PORTS_MODEL),
    target("aarch64-linux-android", EPOLL, NOT_RUN),
    target("arm-linux-androideabi", EPOLL, NOT_RUN),
    target("x86_64-unknown-linux-gnu", EPOLL, NATIVE),
    target("aarch64-unknown-linux-gnu", EPOLL, NOT_RUN),
    target("i686-unknown-linux-gnu", EPOLL, NOT_RUN),
    target("riscv64gc-unknown-linux-gnu", EPOLL, NOT_RUN),
    target("s390x-unknown-linux-gnu", EPOLL, NOT_RUN),
    target("aarch64-unknown-linux-musl", EPOLL, NOT_RUN),
    target("x86_64-unknown-linux-musl", EPOLL, NOT_RUN),
    target("aarch64-unknown-illumos", EPOLL, NOT_RUN),
    target("x86_64-unknown-illumos", EPOLL, NOT_RUN),
    target("x86_64-unknown-redox", EPOLL, NOT_RUN),
    target("x86_64-pc-windows-msvc", AFD, NOT_RUN),
    target("aarch64-pc-windows-msvc", AFD, NOT_RUN),
    target("x86_64-pc-windows-gnu", AFD, WINE),
    target("i686-pc-windows-gnu", AFD, NOT_RUN),
    target("aarch64-pc-windows-gnullvm", AFD, NOT_RUN),
    target("i686-unknown-hurd-gnu", POLL, NOT_RUN),
    target("x86_64-unknown-hurd-gnu", POLL, NOT_RUN),
    target("x86_64-pc-cygwin", POLL, NOT_RUN),
    target("i686-unknown-haiku", POLL, NOT_RUN),
    target("x86_64-unknown-haiku", POLL, NOT_RUN),
    target("aarch64-unknown-nto-qnx710", POLL, NOT_RUN),
    target("x86_64-pc-nto-qnx710", POLL, NOT_RUN),
    target("aarch64-unknown-fuchsia", POLL, NOT_RUN),
    target("x86_64-unknown-fuchsia", POLL, NOT_RUN),
    target("aarch64-unknown-hermit", POLL, NOT_RUN),
    target("x86_64-unknown-hermit", POLL, NOT_RUN),
    target("riscv32imc-esp-espidf", POLL, NOT_RUN),
    target("xtensa-esp32-espidf", POLL, NOT_RUN),
    target("armv7-sony-vita-newlibeabihf", POLL, NOT_RUN),
    target("x86_64-wrs-vxworks", POLL, NOT_RUN),
    target("wasm32-unknown-emscripten", POLL, NOT_RUN),
    without_library("armv6k-nintendo-3ds", POLL),
    without_library("armv7a-nuttx-eabi", POLL),
    without_library("riscv32imac-unknown-nuttx-elf", POLL),
    without_library("powerpc64-ibm-aix", POLL),
    without_library("x86_64-unknown-l4re-uclibc", POLL),
    target("wasm32-wasip2", POLL, WASMTIME),
    target("wasm32-wasip1", POLL, NOT_RUN),
    target("wasm32-unknown-unknown", "none", NOT_RUN),
];

const fn target(name: &'static str, backend: &'static str, run: Option<Run>) -> Target {
    Target { name, backend, expected: Expected::Compiles, run }
}

const fn without_library(name: &'static str, backend: &'static str) -> Target {
    Target { name, backend, expected: Expected::NoLibrary, run: NOT_RUN }
}
