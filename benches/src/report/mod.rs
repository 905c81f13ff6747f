//! What was measured, as it is written down: a file for programs, a page and plots for people, lines for a terminal.

mod page;
mod plots;
mod print;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::machine::Machine;
use crate::peers::{NAMES, POISED};
use crate::rounds::Figures;
use crate::table::{Bar, Load};

/// All of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    seconds: f64,
    rows: Vec<Row>,
    left_out: Vec<LeftOut>,
}

/// A quantity of a load.
#[derive(Debug, Serialize)]
struct Row {
    load: &'static str,
    title: &'static str,
    quantity: &'static str,
    unit: &'static str,
    how: &'static str,
    /// How many were run, where the figures are medians.
    rounds: usize,
    peers: Vec<Peer>,
    /// What half of the rounds have as poised's ratio: a quarter is below, and a quarter above.
    middle_half: [f64; 2],
    bar: Option<Asked>,
}

#[derive(Debug, Serialize)]
struct Peer {
    name: &'static str,
    /// Not a number, which is `null` in the file, where it was not measured.
    figure: f64,
    /// The median of the ratios of each round. There is none where mio's figure is zero.
    ratio_to_mio: Option<f64>,
}

/// What is asked of poised.
#[derive(Debug, Serialize)]
struct Asked {
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio_to_mio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    figure: Option<f64>,
    met: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct LeftOut {
    load: &'static str,
    title: &'static str,
    why: &'static str,
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Report {
        Report { machine, seconds: 0.0, rows: Vec::new(), left_out: Vec::new() }
    }

    /// Adds a load, with the figures of each of its rows.
    pub(crate) fn add(&mut self, load: &Load, figures: &[Figures]) {
        let rows = load.rows.iter().zip(figures).map(|(row, figures)| Row {
            load: load.name,
            title: load.title,
            quantity: row.quantity,
            unit: row.unit,
            how: load.how,
            rounds: figures.rounds,
            peers: peers(figures),
            middle_half: figures.middle,
            bar: asked(row.bar, row.reason, figures),
        });
        self.rows.extend(rows);
    }

    /// Notes that a load could not be measured here.
    pub(crate) fn leave_out(&mut self, load: &Load, why: &'static str) {
        self.left_out.push(LeftOut { load: load.name, title: load.title, why });
    }

    /// Nothing is added any more.
    pub(crate) fn finish(&mut self, time: Duration) {
        self.seconds = time.as_secs_f64();
        self.machine.look_again();
    }

    /// What a terminal shows.
    pub(crate) fn text(&self) -> String {
        page::text(self)
    }

    /// Writes all files.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        write("results.json", serde_json::to_string_pretty(self)? + "\n")?;
        write("README.md", page::markdown(self)?)?;
        plots::draw(self, folder)
    }
}

impl Row {
    fn poised(&self) -> &Peer {
        &self.peers[POISED]
    }
}

fn peers(figures: &Figures) -> Vec<Peer> {
    let peer = |index: usize| Peer {
        name: NAMES[index],
        figure: figures.peers[index],
        ratio_to_mio: Some(figures.ratios[index]).filter(|ratio| ratio.is_finite()),
    };
    (0..NAMES.len()).map(peer).collect()
}

fn asked(bar: Bar, reason: Option<&'static str>, figures: &Figures) -> Option<Asked> {
    let (ratio_to_mio, figure, met) = match bar {
        Bar::None => return None,
        Bar::Ratio(most) => (Some(most), None, print::rounded(figures.ratios[POISED]) <= most),
        Bar::Figure(most) => (None, Some(most), figures.peers[POISED] <= most),
    };
    Some(Asked { ratio_to_mio, figure, met, reason: reason.filter(|_| !met) })
}
