//! Runs one fault: the times that every fault is judged by, and the repetition of runs on a machine
//! that was too slow.

use std::{
    env, panic,
    time::{Duration, Instant},
};

use websocket_heartbeat_tests::{Report, SkipReason, Stalls, TIME_LIMIT, skip, with_time_limit};

use crate::{ledger::Tally, table};

/// A fault, as a function of the name of the backend.
pub(crate) type Fault = fn(&'static str) -> Result<Outcome, Stop>;

/// The observations of one run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The fault, in a few words.
    pub(crate) fault: &'static str,
    /// The cause that the session reported.
    pub(crate) saw: String,
    pub(crate) detection: Option<Detection>,
    /// The attempts from the loss until a connection was open.
    pub(crate) dials: u64,
    pub(crate) messages: Tally,
}

/// The time until a loss was reported, and the longest time that is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detection {
    pub(crate) after: Duration,
    pub(crate) bound: Duration,
}

/// Why a run has no outcome.
#[derive(Debug)]
pub(crate) enum Stop {
    Skip(SkipReason),
    /// The connection was lost before the fault, because the machine is too slow for the heartbeat.
    Early,
}

impl From<SkipReason> for Stop {
    fn from(reason: SkipReason) -> Self {
        Self::Skip(reason)
    }
}

/// The heartbeat of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) idle: Duration,
    pub(crate) timeout: Duration,
}

impl Times {
    pub(crate) const fn millis(idle: u64, timeout: u64) -> Self {
        Self { idle: Duration::from_millis(idle), timeout: Duration::from_millis(timeout) }
    }

    /// The longest time without a sign of the server until the loss is reported.
    pub(crate) fn bound(self) -> Duration {
        self.idle + self.timeout
    }
}

/// The heartbeat for faults that are silent.
pub(crate) const TIMES: Times = Times::millis(300, 200);

/// The time in addition to the timeouts.
const TOLERANCE: Duration = Duration::from_millis(100);

/// How often a connection may be lost before the fault.
const MAX_EARLY: usize = 20;

/// How often a run may fail while this process was stalled.
const MAX_STALLED: usize = 5;

/// A stall after which a failed run is repeated.
const STALL: Duration = Duration::from_millis(50);

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

/// The time from `since` to a loss, which must be within `bound` and the tolerance. `timeout` is that
/// of the heartbeat.
pub(crate) fn within(
    lost: &Report,
    since: Duration,
    bound: Duration,
    timeout: Duration,
) -> Detection {
    let after = lost.micros("at_us").saturating_sub(since);
    let limit = limit(lost, bound, timeout);
    assert!(after <= limit, "reported after {after:?}, limit {limit:?}: {lost:?}");
    Detection { after, bound: bound + TOLERANCE }
}

/// A loss that a heartbeat found after a fault at `since`.
pub(crate) fn silently(lost: &Report, since: Duration, times: Times) -> Detection {
    assert_eq!(lost.text("cause"), "heartbeat_timeout", "{lost:?}");
    let (silence, bound) = (lost.micros("silence_us"), times.bound());
    assert!(silence >= bound, "lost after only {silence:?}");
    let limit = limit(lost, bound, times.timeout);
    assert!(silence <= limit, "detected after {silence:?}, limit {limit:?}: {lost:?}");
    within(lost, since, bound, times.timeout)
}

/// A loss that the kernel reports after `since`.
pub(crate) fn at_once(lost: &Report, since: Duration) -> Detection {
    assert_eq!(lost.text("cause"), "broken", "{lost:?}");
    within(lost, since, Duration::ZERO, Duration::MAX)
}

/// The probe, the verdict and its report may each be late by a stall of the client. After a stall longer
/// than the timeout the supervisor sends one more probe.
fn limit(lost: &Report, bound: Duration, timeout: Duration) -> Duration {
    let stall = lost.micros("stall_us");
    let second_probe = if stall > timeout { timeout } else { Duration::ZERO };
    bound + TOLERANCE + stall * 3 + second_probe
}
