//! Programs made of the bytes of a fuzzer.

use super::program::{Op, Program};
use super::schedule::set_coins;
use crate::sys::fuzzing::Choices;
use crate::sys::windows::event::Conditions;
use crate::Interest;

type C = Conditions;

/// Runs the program that the bytes are, and looks whether a promise is broken.
pub(in crate::sys) fn run(choices: &mut Choices<'_>) {
    set_coins(u64::from(choices.byte()) << 8 | u64::from(choices.byte()));
    let mut program = Program::new();
    while !choices.are_over() {
        program.run(op(choices));
    }
    program.end();
}

fn op(choices: &mut Choices<'_>) -> Op {
    let kind = choices.byte();
    let which = usize::from(choices.byte());
    match kind % 23 {
        0 | 1 => Op::Register(which / 2, which % 2, interest(choices)),
        2 => Op::Reregister(which, interest(choices)),
        3 => Op::Deregister(which),
        4 => Op::Drop(which),
        5 => Op::Move(which),
        6 | 7 => Op::Block(which / 2, [Interest::READABLE, Interest::WRITABLE][which % 2]),
        8 | 9 => Op::Happen(which, happening(choices)),
        10 => Op::Close(which / 2, which % 2 == 0),
        11 => Op::Reopen(which),
        12 => Op::Wait(which, 1 + choices.below(4), choices.below(40) as u64),
        13 => Op::WaitForEver(which, 1 + choices.below(4)),
        14 => Op::Wake(which),
        15 => Op::RenewWaker(which),
        16 => Op::Pipe(which),
        17 => Op::Foreign(which, choices.below(6), choices.below(100)),
        18 => Op::Refuse(which % 4),
        19 => Op::Batch(1 + which % 3),
        20 => Op::Fail(which),
        21 if which % 2 == 0 => Op::PushOut(which / 2),
        21 => Op::Stray(which / 2),
        _ => Op::Pass(choices.below(100) as u64),
    }
}

fn interest(choices: &mut Choices<'_>) -> Interest {
    const READ: Interest = Interest::READABLE;
    const WRITE: Interest = Interest::WRITABLE;
    const ALL: [Interest; 5] =
        [READ, WRITE, READ.add(WRITE), Interest::PRIORITY, READ.add(WRITE).add(Interest::PRIORITY)];
    ALL[choices.below(ALL.len())]
}

fn happening(choices: &mut Choices<'_>) -> Conditions {
    const ALL: [Conditions; 7] =
        [C::RECEIVE, C::SEND, C::ACCEPT, C::EXPEDITED, C::DISCONNECT, C::ABORT, C::CONNECT_FAIL];
    ALL[choices.below(ALL.len())]
}
