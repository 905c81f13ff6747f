//! Long random schedules of many sockets: what breadth does not reach.

use proptest::prelude::{any, prop, proptest, ProptestConfig};

use super::{Fault, World};
use crate::Interest;

const READ: Interest = Interest::READABLE;
const BOTH: Interest = READ.add(Interest::WRITABLE);

proptest! {
    // Failures are found again by the seed that is printed; no file of them is kept.
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_schedule_breaks_a_promise(
        choices in prop::collection::vec(any::<u16>(), 1..1500),
        sockets in 1_usize..8,
        batch in 1_usize..5,
    ) {
        let mut world = World::new(&vec![u8::MAX; sockets], batch, Fault::None);
        for choice in choices {
            let actions = world.actions(&[READ, Interest::WRITABLE, Interest::PRIORITY, BOTH]);
            let Some(at) = usize::from(choice).checked_rem(actions.len()) else { break };
            world.act(actions[at]);
            world.check();
        }
        world.come_to_rest();
    }
}
