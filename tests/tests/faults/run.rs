//! Runs a fault, and repeats runs for which the machine was too slow.

use std::{
    env, panic,
    time::{Duration, Instant},
};

use websocket_heartbeat_tests::{SkipReason, Stalls, TIME_LIMIT, skip, with_time_limit};

use crate::{
    outcome::{Outcome, Stop},
    table,
};

/// A fault, as a function of the name of the backend.
pub(crate) type Fault = fn(&'static str) -> Result<Outcome, Stop>;

/// How often a connection may be lost before the fault.
const MAX_EARLY: usize = 20;

/// How often a run may fail while this process was stalled.
const MAX_STALLED: usize = 5;

/// A stall after which a failed run is repeated.
const STALL: Duration = Duration::from_millis(20);

/// Runs a fault and adds its outcome to the table.
pub(crate) fn run(fault: Fault, backend: &'static str) {
    let name = std::thread::current().name().unwrap_or("a fault").to_owned();
    let runs = env::var("FAULT_RUNS").map_or(1, |runs| runs.parse().expect("a number"));
    for _ in 0..runs {
        match run_once(&name, fault, backend) {
            Ok(outcome) => table::add(backend, &outcome),
            Err(reason) => return skip(&name, &reason),
        }
    }
}

fn run_once(name: &str, fault: Fault, backend: &'static str) -> Result<Outcome, SkipReason> {
    let (mut early, mut stalled) = (0, 0);
    loop {
        let (begin, stalls) = (Instant::now(), Stalls::measure());
        let run = panic::catch_unwind(|| with_time_limit(name, move || fault(backend)));
        match run {
            Ok(Ok(outcome)) => return Ok(outcome),
            Ok(Err(Stop::Skip(reason))) => return Err(reason),
            Ok(Err(Stop::Early)) => {
                early += 1;
                assert!(early < MAX_EARLY, "the machine is too slow for the heartbeat");
            }
            Err(failure) => {
                stalled += 1;
                let is_slow = stalls.longest() > STALL && begin.elapsed() < TIME_LIMIT;
                if !is_slow || stalled == MAX_STALLED {
                    panic::resume_unwind(failure);
                }
            }
        }
    }
}
