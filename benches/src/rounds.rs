//! Rounds: the peers in turn, again and again, so that what disturbs the machine disturbs them alike. Of a round the
//! ratios are taken, and the medians of all rounds are told.

use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};

use crate::peers::{MIO, NAMES};

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
}

impl Effort {
    pub(crate) const FULL: Effort = Effort { rounds: 11, least: 5, patience: Duration::from_secs(20), divisor: 1 };
    pub(crate) const QUICK: Effort = Effort { rounds: 3, least: 2, patience: Duration::from_secs(1), divisor: 10 };
    /// Shows that it works, and no figures of worth.
    pub(crate) const SMOKE: Effort = Effort { rounds: 1, least: 1, patience: Duration::ZERO, divisor: 500 };

    /// How often to do what a full run does `count` times.
    pub(crate) fn of(&self, count: usize) -> usize {
        (count / self.divisor).max(2)
    }
}

/// A quantity of a load: a figure of each peer, and its ratio to mio's.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) peers: [f64; NAMES.len()],
    pub(crate) ratios: [f64; NAMES.len()],
    pub(crate) rounds: usize,
}

/// One round of one peer: a figure for each row of the load.
pub(crate) type Round = fn(&Effort) -> Result<Vec<f64>>;

/// Runs the rounds; the figures of each of so many rows.
pub(crate) fn run(peers: &[Round; NAMES.len()], effort: &Effort, rows: usize) -> Result<Vec<Figures>> {
    let start = Instant::now();
    let mut rounds: Vec<Vec<Vec<f64>>> = Vec::new();
    while rounds.len() < effort.rounds && (rounds.len() < effort.least || start.elapsed() < effort.patience) {
        let mut round = Vec::new();
        for (peer, name) in peers.iter().zip(NAMES) {
            let figures = peer(effort).with_context(|| format!("{name} failed"))?;
            ensure!(figures.len() == rows, "{name} gave {} figures for {rows} rows", figures.len());
            round.push(figures);
        }
        rounds.push(round);
    }
    Ok((0..rows).map(|row| figures(&rounds, row)).collect())
}

fn figures(rounds: &[Vec<Vec<f64>>], row: usize) -> Figures {
    let over_rounds = |figure: &dyn Fn(&[Vec<f64>]) -> f64| median(rounds.iter().map(|round| figure(round)).collect());
    let mut figures = Figures { peers: [0.0; NAMES.len()], ratios: [0.0; NAMES.len()], rounds: rounds.len() };
    for peer in 0..NAMES.len() {
        figures.peers[peer] = over_rounds(&|round| round[peer][row]);
        figures.ratios[peer] = over_rounds(&|round| round[peer][row] / round[MIO][row]);
    }
    figures
}

impl Figures {
    /// Of what is counted, and the same each time.
    pub(crate) fn counted(peers: [f64; NAMES.len()]) -> Figures {
        Figures { peers, ratios: peers.map(|figure| figure / peers[MIO]), rounds: 1 }
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{median, run, Effort};

    #[test]
    fn ratios_are_taken_in_each_round() {
        // The machine is ten times slower in every other round; a ratio does not show it.
        fn mio(_: &Effort) -> anyhow::Result<Vec<f64>> {
            Ok(vec![10.0])
        }
        fn poised(_: &Effort) -> anyhow::Result<Vec<f64>> {
            Ok(vec![5.0])
        }
        let figures = run(&[mio, mio, poised, mio], &Effort::QUICK, 1).unwrap();
        assert_eq!((figures[0].peers[2], figures[0].ratios[2], figures[0].rounds), (5.0, 0.5, 3));
        assert!(run(&[mio, mio, poised, mio], &Effort::QUICK, 2).is_err());
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), 5.0);
        assert!(median(Vec::new()).is_nan());
    }
}
