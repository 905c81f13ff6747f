//! The tests: random programs, over each kind of source and over all of them.

use proptest::collection::vec;
use proptest::prelude::{any, proptest, ProptestConfig};
use proptest::test_runner::{FileFailurePersistence, RngSeed};

use crate::ends::Kind;
use crate::program::{self, Program};
use crate::strategies;
use crate::util::leak;

/// How many programs a test runs, unless it is told.
const CASES: u32 = if cfg!(windows) { 8 } else { 16 };

/// What makes the programs that run unless it is told how many.
const SEED: u64 = 1;

/// Milliseconds of shrinking: it ends well before the runner's limit, so that the seed is written down.
const SHRINKING: u32 = 60_000;

fn config(regressions: &'static str) -> ProptestConfig {
    let default = ProptestConfig::default();
    let is_told = |name: &str| std::env::var_os(name).is_some();
    let is_search = is_told("PROPTEST_CASES");
    ProptestConfig {
        cases: if is_search { default.cases } else { CASES },
        // The tests of a change are the same ones each time: who searches for new programs tells how many.
        rng_seed: if is_search { default.rng_seed } else { RngSeed::Fixed(SEED) },
        max_shrink_time: if is_told("PROPTEST_MAX_SHRINK_TIME") { default.max_shrink_time } else { SHRINKING },
        max_shrink_iters: u32::MAX,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        ..default
    }
}

/// Makes a test per kind of source.
macro_rules! over_kinds {
    ($($(#[$cfg:meta])* $name:ident: $kind:expr;)+) => { $(
        proptest! {
            #![proptest_config(config(concat!("tests/models/regressions/", stringify!($name), ".txt")))]

            $(#[$cfg])*
            #[test]
            fn $name(links in 1..4_usize, ops in vec(strategies::ops(), 1..80), polls_end_first in any::<bool>()) {
                Program::run(&vec![$kind; links], &ops, polls_end_first);
            }
        }
    )+ };
}

over_kinds! {
    tcp: Kind::Tcp;
    udp: Kind::Udp;
    #[cfg(unix)]
    unix_streams: Kind::UnixStream;
    #[cfg(unix)]
    unix_datagrams: Kind::UnixDatagram;
    #[cfg(unix)]
    pipes: Kind::Pipe;
    #[cfg(unix)]
    source_fds: Kind::SourceFd;
    #[cfg(unix)]
    io_sources: Kind::IoSource;
    #[cfg(windows)]
    named_pipes: Kind::NamedPipe;
}

proptest! {
    #![proptest_config(config("tests/models/regressions/all_at_once.txt"))]

    #[test]
    fn all_at_once(
        kinds in vec(strategies::kinds(), 2..6),
        ops in vec(strategies::ops(), 1..120),
        polls_end_first in any::<bool>(),
    ) {
        Program::run(&kinds, &ops, polls_end_first);
    }
}

#[test]
fn leaves_nothing_open() {
    // A child has a copy of each descriptor until it is another program, and what is closed meanwhile is not.
    let _alone = (!leak::is_round()).then(program::alone);
    leak::check(
        module_path!(),
        &[
            ("tcp", &tcp),
            ("udp", &udp),
            #[cfg(unix)]
            ("unix_streams", &unix_streams),
            #[cfg(unix)]
            ("unix_datagrams", &unix_datagrams),
            #[cfg(unix)]
            ("pipes", &pipes),
            #[cfg(unix)]
            ("source_fds", &source_fds),
            #[cfg(unix)]
            ("io_sources", &io_sources),
            #[cfg(windows)]
            ("named_pipes", &named_pipes),
            ("all_at_once", &all_at_once),
        ],
    );
}
