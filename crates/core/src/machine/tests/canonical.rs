//! The canonical form, which the model checker needs. `tests/model` compares its behaviour.

use super::sim::{Sim, in_millis, ms, rules};
use crate::machine::Machine;

/// The canonical form after this many stable connections, each followed by the next.
fn after(connections: u32, start: u64) -> Machine {
    let mut sim = Sim::new(rules());
    sim.now = sim.now.checked_add(ms(start)).expect("it is in range");
    sim.feed(Machine::handle_start);
    sim.feed(Machine::handle_deadline);
    sim.connected();
    for _ in 0..connections {
        let now = in_millis(sim.now);
        sim.run_to(now + 8_000);
        sim.ended();
        sim.run_to(now + 10_000);
        sim.connected();
    }
    let mut machine = sim.machine.clone();
    machine.make_canonical(sim.now);
    machine
}

#[test]
fn machines_that_behave_alike_have_one_canonical_form() {
    assert_eq!(after(1, 0), after(2, 1_000_000));
    // The first attempt has another number.
    assert_ne!(after(0, 0), after(1, 0));
}
