//! What random programs are made of.

use std::net::Shutdown;

use poised::Interest;
use proptest::prelude::{any, prop_oneof, Just, Strategy};

use crate::ends::Kind;
use crate::ops::Op;

const READ: Interest = Interest::READABLE;
const WRITE: Interest = Interest::WRITABLE;

fn interests() -> impl Strategy<Value = Interest> {
    prop_oneof![2 => Just(READ), 1 => Just(WRITE), 3 => Just(READ.add(WRITE))]
}

fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 1..20_usize, 1 => 1..5_000_usize]
}

fn ways_to_shut_down() -> impl Strategy<Value = Shutdown> {
    prop_oneof![3 => Just(Shutdown::Write), 1 => Just(Shutdown::Read), 1 => Just(Shutdown::Both)]
}

/// What one thread does without polling.
fn plain() -> impl Strategy<Value = Op> {
    let which = || 0..32_usize;
    let usual = prop_oneof![
        8 => (which(), which(), interests()).prop_map(|(source, poll, it)| Op::Register(source, poll, it)),
        3 => (which(), rarely(), interests()).prop_map(|(source, other, it)| Op::Reregister(source, other, it)),
        2 => (which(), rarely()).prop_map(|(source, other)| Op::Deregister(source, other)),
        8 => (which(), lengths()).prop_map(|(source, length)| Op::Write(source, length)),
        3 => (which(), lengths()).prop_map(|(source, length)| Op::Read(source, length)),
        8 => which().prop_map(Op::Drain),
        2 => which().prop_map(Op::Fill),
        2 => which().prop_map(Op::Wake),
    ];
    let rare = prop_oneof![
        2 => which().prop_map(Op::Drop),
        2 => which().prop_map(Op::Duplicate),
        2 => (which(), ways_to_shut_down()).prop_map(|(source, how)| Op::ShutDown(source, how)),
        1 => which().prop_map(Op::Close),
        3 => which().prop_map(Op::Reopen),
        1 => which().prop_map(Op::RenewWaker),
    ];
    prop_oneof![5 => usual, 1 => rare]
}

fn rarely() -> impl Strategy<Value = bool> {
    prop_oneof![9 => Just(false), 1 => Just(true)]
}

fn rooms() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 1..5_usize, 1 => Just(64)]
}

pub fn ops() -> impl Strategy<Value = Op> {
    let which = || 0..32_usize;
    let polls = prop_oneof![
        4 => (which(), rooms(), 0..3_u64).prop_map(|(poll, room, millis)| Op::Poll(poll, room, millis)),
        2 => rooms().prop_map(Op::Settle),
    ];
    prop_oneof![
        16 => plain(),
        8 => polls,
        1 => plain().prop_map(|op| Op::Elsewhere(Box::new(op))),
        2 => (which(), plain()).prop_map(|(poll, op)| Op::Meanwhile(poll, Box::new(op))),
    ]
}

pub fn kinds() -> impl Strategy<Value = Kind> {
    any::<usize>().prop_map(|number| Kind::ALL[number % Kind::ALL.len()])
}
