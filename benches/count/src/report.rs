//! The loads, the bounds, and the table.

use std::io;

use crate::figures::{Cost, Figure};
use crate::loads::{ours, theirs};

type Load = fn(usize) -> io::Result<Cost>;
type Bounds = &'static [(Figure, f64)];

/// A load on either crate, how large it is, and what each of its messages, sockets or wakes may cost poised.
struct Row {
    name: &'static str,
    ours: Load,
    theirs: Load,
    size: usize,
    bounds: Bounds,
    /// How often it is run. More than once where it depends on how soon a thread gets to run: then the best run is
    /// the one that shows what the crate makes of it, and there are up to [`PATIENCE`] times as many until one is
    /// within.
    runs: usize,
}

const MESSAGE: Bounds =
    &[(Figure::Polls, 1.05), (Figure::Cancels, 0.0), (Figure::Waits, 1.05), (Figure::Allocations, 0.0)];
/// Of many at a time, several are told of by one wait.
const MESSAGES: Bounds =
    &[(Figure::Polls, 1.05), (Figure::Cancels, 0.0), (Figure::Waits, 0.5), (Figure::Allocations, 0.0)];
/// A list may grow late, once.
const OVER_THREADS: Bounds =
    &[(Figure::Polls, 1.1), (Figure::Cancels, 0.1), (Figure::Waits, 1.15), (Figure::Allocations, 0.01)];
/// Of many that come at once some wait for their reader, and their ends are watched for until then. That takes a poll
/// and its cancellation each, at worst for all of them.
const MANY_OVER_THREADS: Bounds =
    &[(Figure::Polls, 2.0), (Figure::Cancels, 1.0), (Figure::Waits, 1.15), (Figure::Allocations, 0.01)];
const BLOCKED: Bounds = &[(Figure::Polls, 0.001), (Figure::Allocations, 0.0), (Figure::Bytes, 0.0)];
const WAKE: Bounds = &[(Figure::Posts, 0.01), (Figure::Waits, 0.01)];
/// One poll for what is ready, and one for the rest.
const SOCKET: Bounds =
    &[(Figure::Allocations, 1.0), (Figure::Bytes, 128.0), (Figure::Handles, 1.0 / 32.0), (Figure::Polls, 2.0)];
const NOTHING: Bounds = &[(Figure::Bytes, 0.0)];

macro_rules! row {
    ($name:literal, $load:ident($size:literal), $bounds:expr, $runs:literal) => {
        Row { name: $name, ours: ours::$load, theirs: theirs::$load, size: $size, bounds: $bounds, runs: $runs }
    };
}

const ROWS: &[Row] = &[
    row!("a message, one thread", one_thread(1), MESSAGE, 3),
    row!("of 32 connections", one_thread(32), MESSAGES, 3),
    row!("a message, two threads", two_threads(1), OVER_THREADS, 20),
    row!("of 32 connections", two_threads(32), MANY_OVER_THREADS, 5),
    row!("a read that blocks, of 10000", blocked_reads(10_000), BLOCKED, 1),
    row!("a wake, of 100", wakes(100), WAKE, 1),
    row!("a UDP socket, of 4096", register_udp(4096), SOCKET, 1),
    // One more helper handle than a power of two, where lists have just grown.
    row!("a TCP stream, of 1056", register_tcp(1056), SOCKET, 1),
    row!("left when 256 are gone", given_back(256), NOTHING, 1),
];

/// What is counted of each crate in the rows together: what is never counted is within every bound.
const COUNTED: &[Figure] = &[Figure::Polls, Figure::Waits, Figure::Posts, Figure::Handles, Figure::Allocations];

const PATIENCE: usize = 10;

/// The costs of several runs.
struct Runs(Vec<Cost>);

impl Runs {
    fn of(load: Load, row: &Row) -> io::Result<Runs> {
        (0..row.runs).map(|_| load(row.size)).collect::<io::Result<_>>().map(Runs)
    }

    fn of_ours(row: &Row) -> io::Result<Runs> {
        let mut runs = Runs::of(row.ours, row)?;
        let most = if row.runs > 1 { row.runs * PATIENCE } else { 1 };
        while runs.0.len() < most && !runs.best(row.bounds).is_some_and(|best| is_within(best, row.bounds)) {
            runs.0.push((row.ours)(row.size)?);
        }
        Ok(runs)
    }

    /// The run that passes the bounds by the least; of those within them the one that costs the least.
    fn best(&self, bounds: Bounds) -> Option<&Cost> {
        let beyond = |cost: &Cost| bounds.iter().map(|(figure, bound)| (cost[*figure] - bound).max(0.0)).sum::<f64>();
        let all = |cost: &Cost| bounds.iter().map(|(figure, _)| cost[*figure]).sum::<f64>();
        let order =
            |one: &Cost, other: &Cost| beyond(one).total_cmp(&beyond(other)).then(all(one).total_cmp(&all(other)));
        self.0.iter().min_by(|one, other| order(one, other))
    }

    fn median(&self, figure: Figure) -> f64 {
        let mut values: Vec<f64> = self.0.iter().map(|cost| cost[figure]).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn has(&self, figure: Figure) -> bool {
        self.0.iter().any(|cost| cost[figure] > 0.0)
    }
}

/// Runs all loads and prints what they cost: poised's best run, which the bounds are for, and the medians of both
/// crates. Whether all was within its bounds.
pub(crate) fn run() -> io::Result<bool> {
    println!("{:<30} {:<15} {:>9} {:>9} {:>9} {:>9}", "", "each", "poised", "bound", "median", "mio");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut within = true;
    for row in ROWS {
        let runs = (Runs::of_ours(row)?, Runs::of(row.theirs, row)?);
        within &= tell(row, &runs.0, &runs.1);
        ours.push(runs.0);
        theirs.push(runs.1);
    }
    check_counters("poised", &ours)?;
    check_counters("mio", &theirs)?;
    Ok(within)
}

/// Prints the lines of a row. Whether its figures are within their bounds.
fn tell(row: &Row, ours: &Runs, theirs: &Runs) -> bool {
    let Some(best) = ours.best(row.bounds) else { return false };
    let mut name = row.name;
    for (figure, bound) in row.bounds {
        let mark = if best[*figure] <= *bound { "" } else { "  too much" };
        let (best, median, mio) = (best[*figure], ours.median(*figure), theirs.median(*figure));
        println!("{name:<30} {:<15} {best:>9.3} {bound:>9.3} {median:>9.3} {mio:>9.3}{mark}", figure.name());
        name = "";
    }
    is_within(best, row.bounds)
}

fn is_within(cost: &Cost, bounds: Bounds) -> bool {
    bounds.iter().all(|(figure, bound)| cost[*figure] <= *bound)
}

fn check_counters(name: &str, rows: &[Runs]) -> io::Result<()> {
    match COUNTED.iter().find(|figure| !rows.iter().any(|runs| runs.has(**figure))) {
        Some(figure) => Err(io::Error::other(format!("no {} of {name} were counted", figure.name()))),
        None => Ok(()),
    }
}
