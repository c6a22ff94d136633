//! Random times come from the entropy of the timer.

use std::future::{Pending, pending};

use websocket_heartbeat::{Exponential, Supervisor, Timer, Timestamp};
use websocket_heartbeat_mock::{Clock, Script, mock};

use crate::harness::{Fixture, MockBuilder, Session, secs};

/// The times of all dials of a session whose connections end after 100 s each, if anything else
/// does not end them before.
fn dials(seed: u64, set: impl FnOnce(MockBuilder) -> MockBuilder) -> Vec<u64> {
    let (fixture, builder) = Fixture::new(|_| Script::accept().end_after(secs(100)));
    fixture.clock.seed(seed);
    let supervisor = set(builder).build().expect("the settings are valid");
    let mut session = Session::over(&fixture.clock, fixture.remote, supervisor);
    session.run_to(2_000_000);
    session.dials()
}

#[track_caller]
fn assert_drawn(set: impl Fn(MockBuilder) -> MockBuilder) {
    let drawn = dials(1, &set);
    assert!(drawn.len() > 10, "{drawn:?}");
    assert_eq!(drawn, dials(1, &set), "the same entropy");
    assert_ne!(drawn, dials(2, &set), "other entropy");
}

#[test]
fn delays_are_drawn_from_the_entropy_of_the_timer() {
    assert_drawn(|builder| builder.backoff(Exponential::new()));
}

#[test]
fn the_delays_of_the_default_preset_are_drawn_from_the_entropy() {
    let dials = |seed| {
        let clock = Clock::new();
        clock.seed(seed);
        let (transport, remote) = mock(&clock);
        remote.script(|_| Script::refuse_connection());
        let supervisor = Supervisor::builder(transport, clock.timer()).build().unwrap();
        let mut session = Session::over(&clock, remote, supervisor);
        session.run_to(600_000);
        session.dials()
    };
    assert_eq!(dials(1), dials(1), "the same entropy");
    assert_ne!(dials(1), dials(2), "other entropy");
}

#[test]
fn the_spread_of_first_delays_is_drawn_from_the_entropy_of_the_timer() {
    assert_drawn(|builder| builder.backoff(Exponential::new().jitter(0.0).first(secs(60))));
}

#[test]
fn the_maximum_age_is_shortened_by_the_entropy_of_the_timer() {
    assert_drawn(|builder| builder.max_age(secs(50)));
}

#[test]
fn each_outage_of_a_session_draws_its_own_delays() {
    let dials = dials(1, |builder| builder.backoff(Exponential::new()));
    let mut delays: Vec<u64> = dials.windows(2).map(|pair| pair[1] - pair[0]).collect();
    delays.sort_unstable();
    delays.dedup();
    assert!(delays.len() > 10, "{delays:?}");
}

/// A timer with the default entropy.
struct Plain;

impl Timer for Plain {
    type Sleep = Pending<()>;

    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn sleep_until(&self, _: Timestamp) -> Self::Sleep {
        pending()
    }
}

#[test]
fn the_default_entropy_differs_in_each_call() {
    assert_ne!(Plain.entropy(), Plain.entropy());
}
