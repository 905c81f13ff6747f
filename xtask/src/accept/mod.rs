//! `cargo xtask accept`: software written for mio, tested on the shim with its own tests.
//!
//! Each suite is a published package that ships its tests. Its source is copied out of cargo's registry, its manifest
//! gets the two lines that every user of the shim writes (`[patch.crates-io] mio = { path = … }`), and its tests run
//! with nextest. Two things are checked besides the tests: that cargo really took mio from this checkout, and that not
//! fewer tests ran than are known to be there, for a run of nothing passes too.
//!
//! Without options every suite runs on every backend that it has, each of them even if one before it fails.
//! `--against registry` leaves the patch out and shows how the same tests do on mio itself.

mod package;

use anyhow::{bail, ensure, Result};
use clap::{Args, ValueEnum};

use crate::cmd::Cmd;
use crate::faults::{self, Answer, Call};
use crate::outcome::Outcome;
use crate::runner::{self, AfterFailure, Step};
use crate::windows::{self, Session};
use crate::workspace::Workspace;
use crate::{nextest, setup};

use package::Package;

/// What to run, and on what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// This suite alone
    #[arg(long, value_enum)]
    only: Option<Suite>,
    /// This mechanism alone; `windows` is Wine, and what of tokio comes from mio there
    #[arg(long, value_enum)]
    backend: Option<Backend>,
    /// The same as `--backend windows`
    #[arg(long, conflicts_with = "backend")]
    windows: bool,
    /// Where mio comes from
    #[arg(long, value_enum, default_value_t = Supplier::Checkout)]
    against: Supplier,
}

/// The software that is tested. All of it ships its tests in its registry package, so none is written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    Tokio,
    /// Its processes alone, on a kernel without `pidfd_open`: it waits for their ends by a signal there
    TokioProcess,
    Notify,
    SignalHookMio,
    IpcChannel,
}

/// The two mechanisms of Linux, and the one of Windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    Epoll,
    Poll,
    Windows,
}

/// Whose mio is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Supplier {
    /// The shim of this checkout.
    Checkout,
    /// The original.
    Registry,
}

/// A package and how to test it.
struct Recipe {
    package: Package,
    /// Arguments for nextest.
    args: &'static [&'static str],
    /// Test targets to run: those whose name starts so. Empty: what `args` say.
    targets: &'static [&'static str],
    /// How many tests there are at least.
    at_least: u64,
    /// A system call that the kernel shall lack.
    lacks: Option<Call>,
}

impl Suite {
    /// In the order of what they cover.
    const ALL: [Self; 5] = [Self::Tokio, Self::TokioProcess, Self::Notify, Self::SignalHookMio, Self::IpcChannel];

    fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::TokioProcess => "tokio-process",
            Self::Notify => "notify",
            Self::SignalHookMio => "signal-hook-mio",
            Self::IpcChannel => "ipc-channel",
        }
    }

    fn recipe(self, backend: Backend) -> Recipe {
        match self {
            Self::Tokio if backend == Backend::Windows => Self::tokio_on_windows(),
            Self::Tokio => Self::tokio_on_unix(),
            Self::TokioProcess => {
                Recipe { targets: &["process"], at_least: 12, lacks: Some(Call::PidfdOpen), ..Self::tokio_on_unix() }
            }
            Self::Notify => Recipe {
                package: Package::new("notify", "8.2.1"),
                args: &["--lib"],
                targets: &[],
                at_least: 30,
                lacks: None,
            },
            Self::SignalHookMio => Recipe {
                package: Package {
                    without: &["dev-dependencies.mio-0_7"],
                    helpers: &["serial_test"],
                    ..Package::new("signal-hook-mio", "0.3.0")
                },
                args: &["--features", "support-v1_0", "--test", "mio_1_0"],
                targets: &[],
                at_least: 3,
                lacks: None,
            },
            Self::IpcChannel => Recipe {
                // Only its benches want criterion, which takes longer to build than all the rest.
                package: Package {
                    without: &["dev-dependencies.criterion", "[bench]"],
                    ..Package::new("ipc-channel", "0.23.1")
                },
                args: &["--lib", "--tests"],
                targets: &[],
                at_least: 50,
                lacks: None,
            },
        }
    }

    fn tokio_on_unix() -> Recipe {
        Recipe {
            package: Package::new("tokio", "1.54.1"),
            // One of its tests of the runtime stops the clock, which is a feature of its own.
            args: &["--features", "full,test-util"],
            targets: &["tcp", "udp", "uds", "unix", "net_", "process", "signal", "rt_", "io_async_fd", "io_driver"],
            at_least: 500,
            lacks: None,
        }
    }

    fn tokio_on_windows() -> Recipe {
        Recipe {
            // Left out is the one that waits for an error which Wine does not pass on: that of a datagram to a
            // closed port.
            args: &["--features", "full,test-util", "-E", "not test(=send_to_recv_closed_returns_err)"],
            targets: &[
                "tcp",
                "udp",
                "net_",
                "process",
                "rt_",
                "io_driver",
                "io_copy_bidirectional",
                "buffered",
                "no_rt",
                "unwindsafe",
            ],
            at_least: 405,
            ..Self::tokio_on_unix()
        }
    }
}

impl Backend {
    const ALL: [Self; 3] = [Self::Epoll, Self::Poll, Self::Windows];

    fn name(self) -> &'static str {
        match self {
            Self::Epoll => "epoll",
            Self::Poll => "poll",
            Self::Windows => "windows",
        }
    }

    /// What runs there. The others of the suites are for Unix, or do not use mio elsewhere.
    fn suites(self) -> &'static [Suite] {
        match self {
            Self::Epoll | Self::Poll => &Suite::ALL,
            Self::Windows => &[Suite::Tokio],
        }
    }

    fn rustflags(self) -> &'static str {
        match self {
            Self::Epoll | Self::Windows => "",
            // Ours and the original's name for the same choice; tokio looks at the second as well.
            Self::Poll => "--cfg poised_backend=\"poll\" --cfg mio_unsupported_force_poll_poll",
        }
    }
}

impl Supplier {
    fn name(self) -> &'static str {
        match self {
            Self::Checkout => "shim",
            Self::Registry => "registry",
        }
    }
}

/// The command: the suites one after the other.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::run(workspace)?;
    let steps = steps(options);
    ensure!(!steps.is_empty(), "this suite does not run there");
    runner::perform(workspace, &steps.iter().collect::<Vec<_>>(), AfterFailure::GoOn).1
}

fn steps(options: &Options) -> Vec<Step> {
    let chosen = if options.windows { Some(Backend::Windows) } else { options.backend };
    let backends = Backend::ALL.into_iter().filter(|it| chosen.is_none_or(|backend| backend == *it));
    let runs = backends.flat_map(|backend| backend.suites().iter().map(move |&suite| (suite, backend)));
    let runs = runs.filter(|(suite, _)| options.only.is_none_or(|only| only == *suite));
    let against = options.against;
    runs.map(|(suite, backend)| {
        let names = (suite.name(), backend.name());
        let alone = format!("cargo xtask accept --only {} --backend {}", names.0, names.1);
        Step::new(format!("accept-{}-{}", names.0, names.1), alone, move |workspace| match backend {
            Backend::Windows => windows::where_possible(workspace, |it| self::suite(it, suite, backend, against)),
            Backend::Epoll | Backend::Poll => self::suite(workspace, suite, backend, against),
        })
    })
    .collect()
}

/// Runs one suite.
fn suite(workspace: &Workspace, suite: Suite, backend: Backend, against: Supplier) -> Result<Outcome> {
    let recipe = suite.recipe(backend);
    let folder = recipe.package.prepare(workspace, against)?;
    let flags = backend.rustflags();
    if against == Supplier::Checkout {
        package::check_mio(workspace, &folder)?;
    }
    // Wine runs for as long as the tests do.
    let windows = (backend == Backend::Windows).then(|| Session::start(workspace)).transpose()?;
    let nextest = &["nextest", "run"];
    let mut cmd = match &windows {
        Some(session) => session.cargo(workspace, nextest),
        None => linux(workspace, backend, nextest),
    };
    cmd = cmd
        .dir(&folder)
        .arg("--config-file")
        .arg(workspace.root.join("xtask/accept/nextest.toml"))
        .args(recipe.args)
        .rustflags(flags);
    if let Some(call) = recipe.lacks {
        match faults::under(workspace, cmd, call, Answer::Unknown)? {
            Some(under) => cmd = under,
            None => return Ok(Outcome::note("left out: the filters are Linux's")),
        }
    }
    for target in package::test_targets(&folder, recipe.targets)? {
        cmd = cmd.args(["--test", &target]);
    }
    let log = format!("accept-{}-{}-{}", suite.name(), backend.name(), against.name());
    let run = nextest::run(workspace, &cmd, &log)?;
    let ran = run.counts.passed + run.counts.failed;
    if ran < recipe.at_least {
        bail!("{ran} tests of {} ran, at least {} are known: see {log}.log", suite.name(), recipe.at_least);
    }
    let complaint = match run.complaint {
        Some(complaint) => {
            let names = nextest::failing(&nextest::log_text(workspace, &log)?);
            Some(format!("{complaint}\nnot passed:\n  {}", names.join("\n  ")))
        }
        None => None,
    };
    Ok(Outcome { counts: run.counts, note: format!("{ran} tests of {}", recipe.package), complaint })
}

/// A cargo command whose programs run on this machine.
fn linux(workspace: &Workspace, backend: Backend, command: &[&str]) -> Cmd {
    // Nobody debugs these builds and nobody changes them: they are to be small and to be made once.
    let cmd = Cmd::cargo(workspace).args(command).env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0");
    cmd.env("CARGO_TARGET_DIR", workspace.accept_cache().join(format!("target-{}", backend.name())))
}
