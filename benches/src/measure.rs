//! Takes the figures of a load, in the way that the table says.

use std::process::Command;
use std::thread;

use anyhow::{anyhow, Context, Result};
use clap::ValueEnum;

use crate::callgrind;
use crate::clock::float;
use crate::peers::NAMES;
use crate::place;
use crate::rounds::{self, Effort, Figures, Told};
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

/// Descriptors for everything but the sources.
const RESERVE: usize = 64;

/// Measures a load.
pub(crate) fn load(load: &Load, effort: &Effort) -> Result<Outcome> {
    if load.descriptors + RESERVE > place::descriptors() {
        return Ok(Outcome::LeftOut("the limit of descriptors is too low (ulimit -Hn)"));
    }
    let figures = match &load.taken {
        Taken::Rounds(peers) => {
            let told: Vec<Told> = load.rows.iter().map(|row| row.bar.told()).collect();
            rounds::run(peers, effort, &told)?
        }
        Taken::Instructions { base, few, many, sources, .. } => {
            if !callgrind::is_there() {
                return Ok(Outcome::LeftOut("valgrind is not installed"));
            }
            let count = |part| callgrind::count(|turns| child(load, part, turns), *few, *many);
            let is_wanted = |part: &&Part| effort.counts_all || matches!(part, Part::Mio | Part::Poised);
            let parts = PEERS.iter().filter(is_wanted).copied().chain(base.map(|_| Part::Base));
            let counts = at_once(parts, count)?;
            let of = |wanted| counts.iter().find(|(part, _)| *part == wanted).map(|(_, count)| *count);
            let base = of(Part::Base).unwrap_or_default();
            let figure = |part| of(part).map_or(f64::NAN, |count| (count - base) / float(*sources));
            vec![Figures::counted(PEERS.map(figure))]
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
fn at_once(parts: impl Iterator<Item = Part>, count: impl Fn(Part) -> Result<f64> + Sync) -> Result<Vec<(Part, f64)>> {
    let count = &count;
    thread::scope(|scope| {
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || Ok((part, count(part)?)))).collect();
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
