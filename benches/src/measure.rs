//! Takes the figures of a load, in the way that the table says.

use std::process::Command;
use std::thread;

use anyhow::{anyhow, Context, Result};
use clap::ValueEnum;

use crate::callgrind;
use crate::clock::float;
use crate::peers::NAMES;
use crate::rounds::{self, Effort, Figures};
use crate::table::{Load, Taken, Turns};
use crate::trace;

/// What came of a load.
pub(crate) enum Outcome {
    /// One for each row.
    Figures(Vec<Figures>),
    LeftOut(&'static str),
}

/// What a child process runs of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Raw,
    Mio,
    Poised,
    Polling,
    /// What all peers have in common.
    Base,
}

/// In the order of [`NAMES`].
const PEERS: [Part; NAMES.len()] = [Part::Raw, Part::Mio, Part::Poised, Part::Polling];
const ALL: [Part; NAMES.len() + 1] = [Part::Raw, Part::Mio, Part::Poised, Part::Polling, Part::Base];

/// Measures a load.
pub(crate) fn load(load: &Load, effort: &Effort) -> Result<Outcome> {
    let figures = match &load.taken {
        Taken::Rounds(peers) => rounds::run(peers, effort, load.rows.len())?,
        Taken::Instructions { base, few, many, sources, .. } => {
            if !callgrind::is_there() {
                return Ok(Outcome::LeftOut("valgrind is not installed"));
            }
            let count = |part| callgrind::count(|turns| child(load, part, turns), *few, *many);
            let all = at_once(if base.is_some() { &ALL } else { &PEERS }, count)?;
            let base = all.get(NAMES.len()).copied().unwrap_or_default();
            let mut figures = [0.0; NAMES.len()];
            figures.iter_mut().zip(all).for_each(|(figure, all)| *figure = (all - base) / float(*sources));
            vec![Figures::counted(figures)]
        }
        Taken::Calls { turns, things, .. } => {
            let mut figures = [0.0; NAMES.len()];
            for ((figure, part), turns) in figures.iter_mut().zip(PEERS).zip(turns) {
                let turns = effort.of(*turns);
                let calls = trace::count(&mut child(load, part, turns)?)?;
                *figure = float(usize::try_from(calls)?) / float(turns * things);
            }
            vec![Figures::counted(figures)]
        }
    };
    Ok(Outcome::Figures(figures))
}

/// Counts each part in a thread of its own: what is counted does not depend on what else runs.
fn at_once(parts: &[Part], count: impl Fn(Part) -> Result<f64> + Sync) -> Result<Vec<f64>> {
    let count = &count;
    thread::scope(|scope| {
        let threads: Vec<_> = parts.iter().map(|&part| scope.spawn(move || count(part))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?).collect()
    })
}

/// This program once more, to run a part of a load.
fn child(load: &Load, part: Part, turns: usize) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    let part = part.to_possible_value().context("each part has a name")?;
    command.args(["turns", load.name, part.get_name(), &turns.to_string()]);
    Ok(command)
}

/// What the child does.
pub(crate) fn turns(load: &Load, part: Part, turns: usize) -> Result<()> {
    let (peers, base): (&[Turns; NAMES.len()], Option<Turns>) = match &load.taken {
        Taken::Instructions { peers, base, .. } => (peers, *base),
        Taken::Calls { peers, .. } => (peers, None),
        Taken::Rounds(_) => anyhow::bail!("this load is not run in a child process"),
    };
    let of_peer = PEERS.iter().position(|&it| it == part).map(|index| peers[index]);
    of_peer.or(base).context("this load has no such part")?(turns)
}
