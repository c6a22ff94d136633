//! Values that convert into settings, the name of a session, and timers of any type.

use std::time::Duration;

use futures::StreamExt;
use websocket_heartbeat::{
    Attempts, BoxTransport, CloseReason, Event, Supervisor, Timer, Timestamp, backend::BoxTimer,
};
use websocket_heartbeat_mock::{Clock, Script, mock, run};

use crate::harness::secs;

#[test]
fn a_number_limits_attempts_and_a_duration_spaces_them() {
    for (limit, dials) in [(2, vec![0, 7, 14]), (0, vec![0])] {
        let clock = Clock::new();
        let (transport, remote) = mock(&clock);
        remote.script(|_| Script::refuse_connection());
        let builder = Supervisor::builder(transport, clock.timer());
        let session = builder.attempts(limit).backoff(secs(7)).build().unwrap();
        let events: Vec<Event> = run(&clock, session.collect());
        let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
        assert!(matches!(closed.reason, CloseReason::AttemptsExhausted(_)), "{closed}");
        let times = remote.dials().into_iter().map(|at| at.since_epoch().as_secs());
        assert_eq!(times.collect::<Vec<_>>(), dials);
    }
    assert_eq!(Attempts::from(3).name(), "at_most");
}

#[test]
fn the_name_of_a_session_is_shown_by_its_handles() {
    let clock = Clock::new();
    let build = |name: Option<&str>| {
        let builder = Supervisor::builder(mock(&clock).0, clock.timer());
        name.into_iter().fold(builder, |builder, name| builder.name(name)).build().unwrap()
    };
    let named = build(Some("prices"));
    let handle = named.handle();
    assert_eq!(handle.clone().name(), Some("prices"));
    for shown in [format!("{named:?}"), format!("{handle:?}")] {
        assert!(shown.contains(r#"name: "prices""#), "{shown}");
    }
    let nameless = build(None);
    assert_eq!(nameless.handle().name(), None);
    assert!(!format!("{nameless:?}{:?}", nameless.handle()).contains("name"));
}

#[test]
fn an_attempt_uses_the_transport_that_was_set_before() {
    let clock = Clock::new();
    let (transport, unused) = mock(&clock);
    let mut session = Supervisor::builder(transport, clock.timer()).build().unwrap();
    let (transport, remote) = mock(&clock);
    *session.transport_mut() = transport;
    let begin = session.timer().now();
    for _ in ["connecting", "open"] {
        run(&clock, session.next());
    }
    assert_eq!(unused.dials(), []);
    assert_eq!(remote.dials(), [begin]);
}

#[test]
fn a_boxed_timer_has_the_clock_and_the_sleeps_of_its_timer() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::refuse_connection());
    let timer = BoxTimer::new(clock.timer());
    let builder = Supervisor::builder(BoxTransport::new(transport), timer.clone());
    let session = builder.attempts(1).backoff(secs(7)).build().unwrap();
    run(&clock, session.collect::<Vec<_>>());
    assert_eq!(remote.dials().len(), 2);
    assert_eq!(timer.now(), Timestamp::from_epoch(secs(7)));
}

#[test]
fn a_sleep_ends_after_its_duration() {
    let clock = Clock::new();
    let timer = clock.timer();
    run(&clock, async {
        timer.sleep(secs(7)).await;
        timer.sleep(secs(3)).await;
    });
    assert_eq!(timer.now().since_epoch(), secs(10));
    // Longer than the clock has time: it does not panic.
    drop(timer.sleep(Duration::MAX));
}
