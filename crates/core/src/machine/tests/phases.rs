//! The reports of the machine about itself in each state.

use super::{
    sim::{Sim, at, rules},
    states::one_in_each_state,
};
use crate::{
    machine::{Action, End, Intake, Loss, Machine},
    status::Phase,
};

/// The states in which this is true.
fn states(is_true: impl Fn(&mut Sim) -> bool) -> Vec<&'static str> {
    let states = one_in_each_state().into_iter();
    states.filter_map(|(state, mut sim)| is_true(&mut sim).then_some(state)).collect()
}

#[test]
fn each_state_has_its_phase() {
    use Phase::{Closing, Connecting, Idle, Open, Paused, Waiting};
    let phases: Vec<_> = one_in_each_state().iter().map(|(_, sim)| sim.machine.phase()).collect();
    let expected =
        [Idle, Connecting, Open, Open, Waiting, Waiting, Paused, Paused, Closing, Closing];
    assert_eq!(phases, expected);
    assert_eq!(states(|sim| sim.machine.is_waiting()), ["waiting"]);
    assert_eq!(states(|sim| sim.machine.is_retiring()), ["retiring"]);
}

#[test]
fn the_last_proof_of_life_is_known_while_a_connection_is_kept() {
    let kept = ["open", "open, probe out", "paused with a connection"];
    assert_eq!(states(|sim| sim.machine.last_life().is_some()), kept);
    let mut sim = Sim::open(rules());
    sim.run_to(1_000);
    sim.life();
    sim.run_to(2_000);
    sim.feed(|machine, now| machine.handle_frame(now, 1, false));
    assert_eq!(sim.machine.last_life(), Some(at(1_000)));
}

#[test]
fn without_room_messages_are_read_only_to_discard_them_while_closing() {
    let reads = |intake| {
        states(|sim| {
            sim.intake(intake);
            sim.machine.may_read()
        })
    };
    let discards = |intake| {
        states(|sim| {
            sim.intake(intake);
            sim.machine.discards()
        })
    };
    for intake in [Intake::Taking, Intake::Storing] {
        assert_eq!((reads(intake), discards(intake)), (states(|_| true), vec![]));
    }
    assert_eq!((reads(Intake::Full), discards(Intake::Full)), (vec!["closing"], vec!["closing"]));
}

#[test]
fn a_panic_ends_the_session_once_in_any_state() {
    for (state, mut sim) in one_in_each_state() {
        sim.feed(Machine::handle_panicked);
        sim.feed(Machine::handle_panicked);
        let ends: Vec<_> = sim.closed().iter().map(|(_, end)| *end).collect();
        assert_eq!(ends, [End::Panicked], "{state}");
    }
}

#[test]
fn the_end_of_the_session_drops_its_attempt_or_connection() {
    let dropped = |sim: &mut Sim| {
        sim.feed(Machine::handle_abort);
        sim.times(|action| action == Action::Abandon(Loss::Ended)).len() == 1
    };
    let up = [
        "connecting",
        "open",
        "open, probe out",
        "paused with a connection",
        "retiring",
        "closing",
    ];
    assert_eq!(states(dropped), up);
}
