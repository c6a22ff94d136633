//! The number of inputs that the machine handles per second: a measurement, which never fails.

use std::{hint::black_box, time::Instant};

use super::sim::{at, ms, rules};
use crate::machine::{Action, Decision, Liveness, Machine};

const INPUTS: u64 = 100_000_000;

/// A machine with an open connection, at 0 ms.
fn open() -> Machine {
    let mut machine = Machine::new(rules());
    machine.handle_start(at(0));
    machine.handle_deadline(at(0));
    machine.handle_connected(at(0), machine.connection(), Liveness::Probed, None);
    drain(&mut machine);
    machine
}

/// Fetches all outputs. Returns the last action.
fn drain(machine: &mut Machine) -> Option<Action> {
    let mut last = None;
    while let Some(action) = machine.poll_action() {
        last = Some(action);
    }
    while let Some(event) = machine.poll_event() {
        black_box(event);
    }
    black_box(machine.poll_deadline());
    last
}

#[allow(clippy::disallowed_methods, reason = "it measures real speed")]
fn measure(what: &str, run: impl FnOnce() -> u64) {
    let start = Instant::now();
    let inputs = run();
    let millions = inputs as f64 / start.elapsed().as_secs_f64() / 1e6;
    println!("{millions:>6.0} million inputs per second: {what}");
}

/// One frame for each input, one microsecond apart.
fn frames(drained: bool) -> u64 {
    let mut machine = open();
    let connection = machine.connection();
    for micros in 1..=INPUTS {
        let now = at(micros / 1000);
        black_box(&mut machine).handle_frame(now, connection, true);
        if drained {
            drain(&mut machine);
        }
    }
    INPUTS
}

/// Heartbeats: a probe is due, is written and is answered. Sometimes the connection is lost.
fn lives() -> u64 {
    let mut machine = open();
    let mut millis = 0;
    let mut inputs = 0;
    while inputs < INPUTS {
        millis += 15_000;
        black_box(&mut machine).handle_deadline(at(millis));
        let action = drain(&mut machine);
        assert_eq!(action, Some(Action::Probe));
        let connection = machine.connection();
        machine.handle_probe_written(at(millis), connection, None);
        drain(&mut machine);
        machine.handle_frame(at(millis), connection, true);
        drain(&mut machine);
        inputs += 3;
        if inputs % 300 == 0 {
            machine.handle_ended(at(millis), connection);
            drain(&mut machine);
            machine.handle_decision(at(millis), Decision::Retry(ms(2_000)));
            drain(&mut machine);
            millis += 2_000;
            machine.handle_deadline(at(millis));
            drain(&mut machine);
            machine.handle_connected(at(millis), machine.connection(), Liveness::Probed, None);
            drain(&mut machine);
            inputs += 4;
        }
    }
    inputs
}

#[test]
#[ignore = "a measurement, for a release build"]
fn machine_speed() {
    measure("frames", || frames(false));
    measure("frames, each followed by all three polls", || frames(true));
    measure("heartbeats and outages, each followed by all three polls", lives);
}
