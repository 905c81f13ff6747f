//! Every order of steps, breadth first, each state once.

use std::collections::hash_map::RandomState;
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::panic::{self, AssertUnwindSafe};

use super::{Action, Fault, World, C};
use crate::Interest;

const READ: Interest = Interest::READABLE;
const BOTH: Interest = READ.add(Interest::WRITABLE);

/// A state that was reached, and how.
struct Reached {
    world: World,
    from: usize,
    by: Option<Action>,
}

/// Explores from `start`. How many states there are, or the first complaint with the steps that lead to it.
fn explore(start: World, interests: &[Interest], allow: impl Fn(Action) -> bool) -> Result<usize, String> {
    // A state is known by 64 bits of it: one in a trillion runs of this size takes two for one.
    let hasher = RandomState::new();
    let mut known = HashSet::new();
    known.insert(hasher.hash_one(&start));
    let mut reached = vec![Reached { world: start, from: 0, by: None }];
    let mut next = 0;
    while next < reached.len() {
        for action in reached[next].world.actions(interests).into_iter().filter(|&action| allow(action)) {
            let mut world = reached[next].world.clone();
            let ran = panic::catch_unwind(AssertUnwindSafe(|| {
                world.act(action);
                world.check();
            }));
            if let Err(complaint) = ran {
                return Err(format!("{}: {}", text_of(&*complaint), trace(&reached, next, action)));
            }
            if known.insert(hasher.hash_one(&world)) {
                reached.push(Reached { world, from: next, by: Some(action) });
            }
        }
        next += 1;
    }
    Ok(reached.len())
}

fn text_of(complaint: &(dyn std::any::Any + Send)) -> String {
    let text = complaint.downcast_ref::<String>().cloned();
    text.or_else(|| complaint.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}

fn trace(reached: &[Reached], mut at: usize, last: Action) -> String {
    let mut steps = vec![last];
    while let Some(by) = reached[at].by {
        steps.push(by);
        at = reached[at].from;
    }
    steps.reverse();
    format!("{steps:?}")
}

#[test]
fn one_socket_with_all_that_can_happen_to_it() {
    let states = explore(World::new(&[2], 1, Fault::None), &[READ, BOTH], |_| true).unwrap();
    assert!(states > 10_000, "{states}");
}

#[test]
fn two_sockets_share_slots_and_the_waiting_thread() {
    // What happens to one alone is above; here they take each other's slots, and come between each other's steps.
    let allow = |action| match action {
        Action::Block(handle, direction) => handle == 0 && direction == READ,
        Action::Happen(_, it) => it == C::RECEIVE,
        Action::Register(..) | Action::Deregister(_) | Action::Wait | Action::TimeOver => true,
        Action::Reregister(..) | Action::CloseBehindOurBack(_) => false,
    };
    let states = explore(World::new(&[2, 1], 2, Fault::None), &[READ], allow).unwrap();
    assert!(states > 100_000, "{states}");
}

/// The exploration has teeth: each of these mistakes is found.
#[test]
fn mistakes_are_found() {
    for (fault, complaint) in [
        (Fault::NoLinger, "an end was lost"),
        (Fault::LateFlag, "was lost"),
        (Fault::EarlyFree, "is on its way"),
        (Fault::NoRearm, "was lost"),
    ] {
        let found = explore(World::new(&[2], 1, fault), &[READ, BOTH], |_| true).unwrap_err();
        assert!(found.contains(complaint), "{fault:?}: {found}");
    }
}
