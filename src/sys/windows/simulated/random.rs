//! Random programs, shrunk when one goes wrong.

use proptest::prelude::{any, prop, prop_oneof, proptest, Just, ProptestConfig, Strategy};

use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner};

use super::program::{Op, Program};
use crate::sys::windows::event::Conditions;
use crate::Interest;

type C = Conditions;

const READ: Interest = Interest::READABLE;
const WRITE: Interest = Interest::WRITABLE;

fn interests() -> impl Strategy<Value = Interest> {
    let rare = READ.add(WRITE).add(Interest::PRIORITY);
    prop_oneof![3 => Just(READ), 1 => Just(WRITE), 3 => Just(READ.add(WRITE)), 1 => Just(Interest::PRIORITY), 1 => Just(rare)]
}

fn happenings() -> impl Strategy<Value = Conditions> {
    prop_oneof![
        5 => Just(C::RECEIVE),
        3 => Just(C::SEND),
        1 => Just(C::ACCEPT),
        1 => Just(C::EXPEDITED),
        1 => Just(C::DISCONNECT),
        1 => Just(C::ABORT),
        1 => Just(C::CONNECT_FAIL),
    ]
}

fn directions() -> impl Strategy<Value = Interest> {
    prop_oneof![3 => Just(READ), 1 => Just(WRITE)]
}

fn ops() -> impl Strategy<Value = Op> {
    let which = || any::<usize>();
    let usual = prop_oneof![
        6 => (which(), which(), interests()).prop_map(|(socket, selector, it)| Op::Register(socket, selector, it)),
        3 => (which(), interests()).prop_map(|(socket, it)| Op::Reregister(socket, it)),
        2 => which().prop_map(Op::Deregister),
        1 => which().prop_map(Op::Drop),
        1 => which().prop_map(Op::Move),
        8 => (which(), directions()).prop_map(|(socket, it)| Op::Block(socket, it)),
        8 => (which(), happenings()).prop_map(|(socket, it)| Op::Happen(socket, it)),
        6 => (which(), 1..5_usize, 0..3_u64).prop_map(|(it, capacity, millis)| Op::Wait(it, capacity, millis * millis * 3)),
        6 => (which(), 1..5_usize).prop_map(|(it, capacity)| Op::WaitForEver(it, capacity)),
        2 => which().prop_map(Op::Wake),
    ];
    let rare = prop_oneof![
        2 => (which(), any::<bool>()).prop_map(|(it, keep)| Op::Close(it, keep)),
        4 => which().prop_map(Op::Reopen),
        1 => which().prop_map(Op::RenewWaker),
        1 => which().prop_map(Op::Pipe),
        1 => (which(), 0..6_usize, 0..100_usize).prop_map(|(it, key, address)| Op::Foreign(it, key, address)),
        2 => (0..4_usize).prop_map(Op::Refuse),
        1 => (1..4_usize).prop_map(Op::Batch),
        1 => which().prop_map(Op::Fail),
        1 => which().prop_map(Op::PushOut),
        1 => which().prop_map(Op::Stray),
        1 => (0..100_u64).prop_map(Op::Pass),
    ];
    prop_oneof![4 => usual, 1 => rare]
}

proptest! {
    // Failures are found again by the seed that is printed; no file of them is kept.
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_schedule_breaks_a_promise_of_the_shell(ops in prop::collection::vec(ops(), 1..300), seed in any::<u64>()) {
        // One thread, so that one schedule is all: the scheduler lends its locks, and its dice.
        let run = move || {
            let mut program = Program::new();
            ops.iter().cloned().for_each(|op| program.run(op));
            program.end();
        };
        Runner::new(RandomScheduler::new_from_seed(seed, 1), Config::new()).run(run);
    }
}
