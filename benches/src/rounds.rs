//! Rounds: the peers in turn, again and again, so that what disturbs the machine disturbs them alike; every other time from
//! the last to the first, so that none has always the same one before it. Of a round the ratios are taken, and the medians of
//! all rounds are told.

use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};

use crate::clock::float;
use crate::peers::{MIO, NAMES, POISED};

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    rounds: usize,
    /// A load gets by with so many rounds if its time is up.
    least: usize,
    /// The time of a load.
    patience: Duration,
    /// By how much loads are made shorter.
    divisor: usize,
    /// Whether instructions are counted of all peers, or, since each takes seconds, of mio and poised alone.
    pub(crate) counts_all: bool,
}

impl Effort {
    pub(crate) const FULL: Effort =
        Effort { rounds: 61, least: 5, patience: Duration::from_secs(25), divisor: 1, counts_all: true };
    pub(crate) const QUICK: Effort =
        Effort { rounds: 3, least: 2, patience: Duration::from_secs(1), divisor: 6, counts_all: false };
    /// Shows that it works, and no figures of worth.
    pub(crate) const SMOKE: Effort =
        Effort { rounds: 1, least: 1, patience: Duration::ZERO, divisor: 500, counts_all: false };

    /// How often to do what a full run does `count` times.
    pub(crate) fn of(&self, count: usize) -> usize {
        (count / self.divisor).max(2)
    }
}

/// A quantity of a load: a figure of each peer, and its ratio to mio's.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// Those that were not measured have none, which is not a number.
    pub(crate) peers: [f64; NAMES.len()],
    pub(crate) ratios: [f64; NAMES.len()],
    /// What half of the rounds have as poised's ratio: a quarter is below, and a quarter above.
    pub(crate) middle: [f64; 2],
    pub(crate) rounds: usize,
}

/// Which of the rounds is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Median,
    /// What must never be more than so much is told at its worst.
    Worst,
}

/// One round of one peer: a figure for each row of the load.
pub(crate) type Round = fn(&Effort) -> Result<Vec<f64>>;

/// Runs the rounds; the figures of each of so many rows.
pub(crate) fn run(peers: &[Round; NAMES.len()], effort: &Effort, rows: &[Told]) -> Result<Vec<Figures>> {
    let start = Instant::now();
    let mut rounds: Vec<Vec<Vec<f64>>> = Vec::new();
    while rounds.len() < effort.rounds && (rounds.len() < effort.least || start.elapsed() < effort.patience) {
        let mut round = vec![Vec::new(); NAMES.len()];
        let mut order: Vec<usize> = (0..NAMES.len()).collect();
        if rounds.len() % 2 == 1 {
            order.reverse();
        }
        for peer in order {
            let name = NAMES[peer];
            let figures = peers[peer](effort).with_context(|| format!("{name} failed"))?;
            ensure!(figures.len() == rows.len(), "{name} gave {} figures for {} rows", figures.len(), rows.len());
            round[peer] = figures;
        }
        rounds.push(round);
    }
    Ok(rows.iter().enumerate().map(|(row, told)| figures(&rounds, row, *told)).collect())
}

fn figures(rounds: &[Vec<Vec<f64>>], row: usize, told: Told) -> Figures {
    let mut figures = Figures::counted([0.0; NAMES.len()]);
    figures.rounds = rounds.len();
    for peer in 0..NAMES.len() {
        let peers: Vec<f64> = rounds.iter().map(|round| round[peer][row]).collect();
        let ratios: Vec<f64> = rounds.iter().map(|round| round[peer][row] / round[MIO][row]).collect();
        figures.peers[peer] = quantile(&peers, if told == Told::Worst { 1.0 } else { 0.5 });
        figures.ratios[peer] = quantile(&ratios, 0.5);
        if peer == POISED {
            figures.middle = [quantile(&ratios, 0.25), quantile(&ratios, 0.75)];
        }
    }
    figures
}

impl Figures {
    /// Of what is counted, and the same each time.
    pub(crate) fn counted(peers: [f64; NAMES.len()]) -> Figures {
        let ratios = peers.map(|figure| figure / peers[MIO]);
        Figures { peers, ratios, middle: [ratios[POISED]; 2], rounds: 1 }
    }
}

/// The value that so much of all are below: the middle one at a half.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    // A place in the list.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let place = (float(values.len().saturating_sub(1)) * part).round() as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::Mutex;

    use super::{quantile, run, Effort, Told};

    #[test]
    fn ratios_are_taken_in_each_round() {
        static MIO: AtomicU32 = AtomicU32::new(0);
        static POISED: AtomicU32 = AtomicU32::new(0);
        // The machine is ten times slower in every other round; a ratio does not show it.
        fn figure(rounds: &AtomicU32, figure: f64) -> anyhow::Result<Vec<f64>> {
            // Relaxed: one thread.
            let is_slow = rounds.fetch_add(1, Ordering::Relaxed) % 2 == 1;
            Ok(vec![if is_slow { 10.0 * figure } else { figure }])
        }
        let mio = |_: &Effort| figure(&MIO, 10.0);
        let poised = |_: &Effort| figure(&POISED, 5.0);
        let none = |_: &Effort| Ok(vec![0.0]);
        let figures = run(&[none, mio, poised, none], &Effort::QUICK, &[Told::Median]).unwrap();
        assert_eq!((figures[0].ratios[2], figures[0].middle, figures[0].rounds), (0.5, [0.5; 2], 3));
        assert!(run(&[none, mio, poised, none], &Effort::QUICK, &[Told::Median; 2]).is_err());
    }

    #[test]
    fn every_other_round_goes_from_the_last_to_the_first() {
        static ORDER: Mutex<String> = Mutex::new(String::new());
        fn note(peer: char) -> anyhow::Result<Vec<f64>> {
            ORDER.lock().unwrap().push(peer);
            Ok(vec![1.0])
        }
        run(&[|_| note('a'), |_| note('b'), |_| note('c'), |_| note('d')], &Effort::QUICK, &[Told::Median]).unwrap();
        assert_eq!(*ORDER.lock().unwrap(), "abcddcbaabcd");
    }

    #[test]
    fn quantiles_are_places_in_the_order() {
        let values = [9.0, 1.0, 5.0, 3.0, 7.0];
        assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0].map(|part| quantile(&values, part)), [1.0, 3.0, 5.0, 7.0, 9.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn the_worst_is_told_of_what_must_never_be() {
        static ROUND: AtomicU32 = AtomicU32::new(0);
        fn once(_: &Effort) -> anyhow::Result<Vec<f64>> {
            // Relaxed: one thread.
            let early = f64::from(ROUND.fetch_add(1, Ordering::Relaxed) == 0);
            Ok(vec![early, early])
        }
        fn never(_: &Effort) -> anyhow::Result<Vec<f64>> {
            Ok(vec![0.0, 0.0])
        }
        let figures = run(&[never, never, once, never], &Effort::QUICK, &[Told::Median, Told::Worst]).unwrap();
        assert_eq!((figures[0].peers[2], figures[1].peers[2]), (0.0, 1.0));
    }
}
