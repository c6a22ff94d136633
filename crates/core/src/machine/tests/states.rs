//! One machine in each state, for tests of all states.

use super::sim::{Sim, at, ms, rules};
use crate::machine::{Machine, State};

/// One machine in each state.
pub(super) fn one_in_each_state() -> Vec<(&'static str, Sim)> {
    let mut states = vec![
        ("idle", Sim::new(rules())),
        ("connecting", Sim::connecting(rules())),
        ("open", Sim::open(rules())),
    ];
    let mut sim = Sim::open(rules());
    sim.run_to(15_000);
    states.push(("open, probe out", sim));
    let mut sim = Sim::open(rules());
    sim.machine.handle_ended(at(0), 1);
    assert!(matches!(sim.machine.state, State::Deciding { .. }));
    states.push(("judging", sim));
    let mut sim = Sim::open(rules());
    sim.ended();
    states.push(("waiting", sim));
    let mut sim = Sim::open(rules());
    sim.feed(Machine::handle_pause);
    states.push(("paused with a connection", sim));
    let mut sim = Sim::connecting(rules());
    sim.feed(Machine::handle_pause);
    states.push(("paused without", sim));
    let mut sim = Sim::connecting(rules());
    sim.max_age = Some(ms(1_000));
    sim.connected();
    sim.run_to(1_000);
    assert!(matches!(sim.machine.state, State::Retiring { .. }));
    states.push(("retiring", sim));
    let mut sim = Sim::open(rules());
    sim.feed(Machine::handle_close);
    states.push(("closing", sim));
    states
}
