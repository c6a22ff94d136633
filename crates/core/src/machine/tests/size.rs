//! The size of a machine. A program may have thousands of machines, and most are idle.

use super::sim::{at, rules};
use crate::machine::{Action, Machine, Means};

#[test]
fn a_machine_takes_at_most_448_bytes() {
    assert!(size_of::<Machine>() <= 448, "{} bytes", size_of::<Machine>());
}

#[test]
fn a_heartbeat_needs_no_box() {
    let mut machine = Machine::new(rules());
    machine.handle_start(at(0));
    machine.handle_deadline(at(0));
    machine.handle_connected(at(0), 1, Means::Pings, None);
    assert!(machine.pending.is_some());
    while machine.poll_action().is_some() || machine.poll_event().is_some() {}
    assert!(machine.pending.is_none());
    for beat in 1..4 {
        let now = at(beat * 15_000);
        machine.handle_deadline(now);
        assert!(machine.pending.is_none());
        assert_eq!(machine.poll_action(), Some(Action::Probe));
        machine.handle_probe_written(now, 1, None);
        machine.handle_frame(now, 1, true);
        assert!(machine.pending.is_none());
    }
}
