//! Programs over the public API, as `tests/models` runs them by chance: here a fuzzer looks for orders that reach what no
//! other did. TCP is left out, since each of its connections keeps a port for a minute.

#![no_main]

use std::net::Shutdown;

use libfuzzer_sys::fuzz_target;
use poised::fuzzing::Choices;
use poised::Interest;

#[allow(dead_code)]
#[path = "../../tests/models/ends.rs"]
mod ends;
#[path = "../../tests/models/ledger.rs"]
mod ledger;
#[path = "../../tests/models/ops.rs"]
mod ops;
#[path = "../../tests/models/program.rs"]
mod program;
#[path = "../../tests/util/mod.rs"]
mod util;

use ends::Kind;
use ops::Op;
use program::Program;

fuzz_target!(init: ignore_broken_pipes(), |bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let kinds: Vec<_> = Kind::ALL.iter().copied().filter(|kind| *kind != Kind::Tcp).collect();
    let links: Vec<_> = (0..=choices.below(3)).map(|_| kinds[choices.below(kinds.len())]).collect();
    let polls_end_first = choices.below(2) == 1;
    let mut ops = Vec::new();
    while !choices.are_over() && ops.len() < 100 {
        ops.push(op(&mut choices));
    }
    Program::run(&links, &ops, polls_end_first);
});

/// As the start of every Rust program does, of which this is none.
fn ignore_broken_pipes() {
    // SAFETY: no handler is installed, and the signal is otherwise nobody's.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

fn op(choices: &mut Choices<'_>) -> Op {
    match choices.below(20) {
        0 => Op::Elsewhere(Box::new(plain(choices))),
        1 => Op::Meanwhile(choices.below(2), Box::new(plain(choices))),
        2 | 3 => Op::Poll(choices.below(2), room(choices), 0),
        4 => Op::Settle(room(choices)),
        _ => plain(choices),
    }
}

fn room(choices: &mut Choices<'_>) -> usize {
    [1, 2, 3, 64][choices.below(4)]
}

/// What one thread does without polling.
fn plain(choices: &mut Choices<'_>) -> Op {
    let kind = choices.below(18);
    let which = choices.below(32);
    match kind {
        0..=2 => Op::Register(which / 2, which % 2, interest(choices)),
        3 => Op::Reregister(which / 2, which % 2 == 1, interest(choices)),
        4 => Op::Deregister(which / 2, which % 2 == 1),
        5 => Op::Drop(which),
        6 => Op::Duplicate(which),
        7 | 8 => Op::Write(which, 1 + 19 * choices.below(256)),
        9 => Op::Read(which, 1 + 19 * choices.below(256)),
        10 | 11 => Op::Drain(which),
        12 => Op::Fill(which),
        13 => Op::ShutDown(which, [Shutdown::Write, Shutdown::Read, Shutdown::Both][choices.below(3)]),
        14 => Op::Close(which),
        15 => Op::Reopen(which),
        16 => Op::Wake(which),
        _ => Op::RenewWaker(which),
    }
}

fn interest(choices: &mut Choices<'_>) -> Interest {
    const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
    [Interest::READABLE, Interest::WRITABLE, BOTH][choices.below(3)]
}
