//! A task that was not woken since its last poll must still wait: with random settings, senders,
//! sinks, receipts, connections and layers.

mod check;
mod ops;
mod world;

use std::sync::Arc;

use proptest::prelude::*;

use self::{
    ops::{op, policy},
    world::{Sink, World},
};
use crate::{
    handle::Handle,
    outbox::{Online, Outbox},
    shared::Shared,
    time::Timestamp,
};

/// Runs this many cases, or more if `PROPTEST_CASES` asks for more.
fn at_least(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(cases), ..config }
}

proptest! {
    #![proptest_config(at_least(3_000))]

    #[test]
    fn a_task_not_woken_must_wait_and_all_tasks_are_served(
        policy in policy(),
        online in any::<bool>(),
        ops in prop::collection::vec(op(), 0..60),
    ) {
        let shared = Arc::new(Shared::new(Outbox::new(policy), Timestamp::EPOCH));
        let handle = Handle::new(Arc::clone(&shared));
        let mut world = World {
            shared: &shared,
            handle: &handle,
            policy,
            senders: Vec::new(),
            receipts: Vec::new(),
            sinks: (0..3).map(|_| Sink::default()).collect(),
            now: 0,
            connection: 0,
            online: Online::No,
            taken: 0,
            written: 0,
            ended: false,
        };
        if online {
            world.open();
        }
        for op in ops {
            world.apply(op);
            world.check();
        }
        world.finish();
    }
}
