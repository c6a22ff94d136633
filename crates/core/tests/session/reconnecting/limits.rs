//! The limits at which a session gives up.

use websocket_heartbeat::{Attempts, CloseReason, Constant, DialBudget, Event, Heartbeat, Verdict};
use websocket_heartbeat_mock::Script;

use crate::harness::{MockBuilder, Session, ms, secs};

#[test]
fn the_attempt_limit_is_exact_and_reported_once() {
    for limit in 0..6_u64 {
        for failures in 1..=limit + 1 {
            let mut session = Session::new(
                move |dial| match dial <= failures {
                    true => Script::refuse_http(500, []),
                    false => Script::accept().echo(),
                },
                |builder| builder.attempts(Attempts::at_most(limit as u32)),
            );
            session.run_to(60_000);
            let gave_up = failures > limit;
            let dials = if gave_up { limit + 1 } else { failures + 1 };
            assert_eq!(session.dials().len() as u64, dials, "{failures} of {limit}");
            assert_eq!(session.times("closed").len(), usize::from(gave_up));
        }
    }
}

#[test]
fn short_lived_connections_reach_the_attempt_limit() {
    let mut session = Session::new(
        |_| Script::flap(secs(1)),
        |builder| builder.stable_after(secs(5)).attempts(Attempts::at_most(3)),
    );
    session.run_to(3_600_000);
    assert_eq!(session.dials(), [0, 3_000, 6_000, 9_000]);
    assert_eq!(session.last(), (10_000, "closed attempts_exhausted".to_owned()));
}

#[test]
fn short_lived_connections_have_their_own_limit() {
    // The two refused attempts between them do not count.
    let mut session = Session::new(
        |dial| if dial % 3 == 0 { Script::flap(secs(1)) } else { Script::refuse_connection() },
        |builder| builder.stable_after(secs(5)).flap_limit(2),
    );
    session.run_to(3_600_000);
    assert_eq!(session.dials().len(), 9);
    assert_eq!(session.last().1, "closed flap_limit");

    // A stable connection resets the count.
    let mut session = Session::new(
        |dial| Script::flap(secs(if dial % 3 == 0 { 10 } else { 1 })),
        |builder| builder.stable_after(secs(5)).flap_limit(2),
    );
    session.run_to(3_600_000);
    assert_eq!(session.times("closed"), []);
}

#[test]
fn an_outage_has_a_limit() {
    for (limit, dials) in [(5_999, 3), (6_000, 4), (6_001, 4)] {
        let mut session = Session::new(
            |dial| match dial {
                1 => Script::accept().end_after(secs(100)),
                _ => Script::refuse_connection(),
            },
            move |builder| builder.outage_limit(ms(limit)),
        );
        session.run_to(600_000);
        // Dials 2, 4 and 6 s after the start of the outage.
        assert_eq!(session.dials().len(), dials, "limit {limit}");
        assert_eq!(session.last().1, "closed outage_limit");
    }
}

/// The limit of the outage holds for every reason of a late attempt. The session ends when the next
/// attempt is known to be too late.
#[track_caller]
fn assert_outage_limit(mut session: Session, ends: u64) {
    session.run_to(3_600_000);
    let late: Vec<_> = session.dials().into_iter().filter(|at| *at > 60_000).collect();
    assert_eq!(late, [], "dialled after the outage limit of 60 s");
    assert_eq!(session.last(), (ends, "closed outage_limit".to_owned()));
}

fn limited(set: impl FnOnce(MockBuilder) -> MockBuilder) -> Session {
    Session::new(
        |_| Script::refuse_http(503, [("retry-after", "600")]),
        |builder| set(builder.backoff(Constant::new(secs(1))).outage_limit(secs(60))),
    )
}

#[test]
fn the_minimum_gap_does_not_exceed_the_outage_limit() {
    assert_outage_limit(limited(|builder| builder.minimum_gap(secs(600))), 0);
    // Two attempts, 40 s apart. A third one would be too late.
    assert_outage_limit(limited(|builder| builder.minimum_gap(secs(40))), 40_000);
}

#[test]
fn the_dial_budget_does_not_exceed_the_outage_limit() {
    let budget = DialBudget::new(1, secs(600)).unwrap();
    assert_outage_limit(limited(|builder| builder.dial_budget(budget)), 0);
    let budget = DialBudget::new(2, secs(40)).unwrap();
    assert_outage_limit(limited(|builder| builder.dial_budget(budget)), 41_000);
}

#[test]
fn retry_after_does_not_exceed_the_outage_limit() {
    assert_outage_limit(limited(|builder| builder.verdict(Verdict::careful)), 0);
}

#[test]
fn a_first_attempt_delayed_beyond_the_limit_ends_the_session() {
    let budget = DialBudget::new(1, secs(600)).unwrap();
    let mut first = limited(|builder| builder.dial_budget(budget.clone()));
    first.run_to(10);
    // Its clock also starts at 0, so the budget sees one clock.
    let mut second = limited(|builder| builder.dial_budget(budget));
    second.run_to(1_000);
    assert_eq!(second.dials(), []);
    let reported = second.timed_events();
    let [(0, Event::Closed(closed))] = &reported[..] else { panic!("{reported:?}") };
    assert_eq!(closed.reason, CloseReason::OutageLimit(None));
}

#[test]
fn resume_and_reconnect_now_obey_the_outage_limit() {
    for hurry in [true, false] {
        let mut session = Session::new(
            |_| Script::refuse_connection(),
            |builder| {
                let builder = builder.backoff(Constant::new(secs(50)));
                builder.minimum_gap(secs(50)).outage_limit(secs(45))
            },
        );
        // The gap makes the next attempt too late from the start.
        session.run_to(0);
        assert_eq!(session.last(), (0, "closed outage_limit".to_owned()));

        let mut session = Session::new(
            |_| Script::hang(),
            |builder| builder.minimum_gap(secs(100)).outage_limit(secs(60)),
        );
        session.run_to(5_000);
        session.handle.pause();
        session.run_to(6_000);
        // The pause is no outage, but the attempt would start 94 s after it.
        session.handle.resume();
        if hurry {
            session.handle.reconnect_now();
        }
        session.run_to(3_600_000);
        assert_eq!(session.last(), (6_000, "closed outage_limit".to_owned()));
        assert_eq!(session.dials(), [0]);
    }
}

/// No command makes a session dial twice with `Attempts::Never`.
#[test]
fn attempts_never_allows_no_second_dial() {
    type Command = fn(&Session);
    type Answer = fn(u64) -> Script;
    let commands: [(&str, Command); 3] = [
        ("reconnect", |session| session.handle.reconnect_now()),
        ("pause and resume", |session| {
            session.handle.pause();
            session.handle.resume();
        }),
        ("nothing", |_| {}),
    ];
    let scripts: [(&str, Answer); 4] = [
        ("accept", |_| Script::accept()),
        ("hang", |_| Script::hang()),
        ("refuse", |_| Script::refuse_connection()),
        ("end", |_| Script::accept().end_after(secs(20))),
    ];
    for (answer, script) in scripts {
        for (name, command) in commands {
            for max_age in [secs(3), secs(1_000_000)] {
                let mut session = Session::new(script, |builder| {
                    let builder = builder.heartbeat(Heartbeat::off());
                    builder.attempts(Attempts::Never).max_age(max_age)
                });
                for step in 1..=10 {
                    session.run_to(step * 1_000);
                    command(&session);
                }
                session.handle.pause();
                session.run_to(20_000);
                session.handle.resume();
                session.run_to(60_000);
                let events = session.timed_words();
                assert_eq!(session.dials(), [0], "{answer}, {name}: {events:?}");
                let stays = answer == "accept" && name != "reconnect" && max_age > secs(3);
                assert_eq!(session.last().1 == "closed attempts_exhausted", !stays, "{events:?}");
            }
        }
    }
}

#[test]
fn exhausted_attempts_report_the_last_cause() {
    let never = |script: fn(u64) -> Script| {
        Session::new(script, |builder| {
            builder.heartbeat(Heartbeat::off()).attempts(Attempts::Never).max_age(secs(100))
        })
    };
    let reason = |session: &Session| match session.timed_events().pop() {
        Some((_, Event::Closed(closed))) => closed.reason.cause().map(|cause| cause.name()),
        other => panic!("{other:?}"),
    };
    let mut session = never(|_| Script::accept());
    session.run_to(1_000);
    session.handle.reconnect_now();
    session.run_to(1_000);
    assert_eq!(reason(&session), Some("replaced"));

    let mut session = never(|_| Script::hang());
    session.run_to(1_000);
    session.handle.pause();
    session.run_to(2_000);
    assert_eq!(session.last().1, "lost 1 paused");
    session.handle.resume();
    session.run_to(2_000);
    assert_eq!(reason(&session), Some("paused"));

    let mut session = never(|_| Script::accept().greet("x"));
    session.run_to(200_000);
    assert_eq!(reason(&session), Some("max_age"));
}

#[test]
fn first_attempts_and_replacements_do_not_count() {
    // The session is paused during each attempt, and during each wait.
    let mut session =
        Session::new(|_| Script::hang(), |builder| builder.attempts(Attempts::at_most(3)));
    for step in 1..=20 {
        session.run_to(step * 1_000);
        session.handle.pause();
        session.run_to(step * 1_000 + 500);
        session.handle.resume();
    }
    assert_eq!(session.dials().len(), 4);
    assert_eq!(session.last().1, "closed attempts_exhausted");
    let numbers: Vec<_> = session.timed_words().into_iter().map(|(_, words)| words).collect();
    assert_eq!(numbers.iter().filter(|words| words.contains("attempt 3")).count(), 1);

    // A replacement resets the count: three more attempts may follow.
    let mut session = Session::new(
        |dial| if dial == 3 { Script::accept() } else { Script::refuse_connection() },
        |builder| builder.stable_after(secs(5)).attempts(Attempts::at_most(3)),
    );
    session.run_to(5_000);
    session.handle.reconnect_now();
    session.run_to(60_000);
    assert_eq!(session.dials().len(), 3 + 4);

    // An attempt that `reconnect_now` begins early keeps its number.
    let mut session = Session::new(
        |_| Script::refuse_connection(),
        |builder| builder.backoff(Constant::new(secs(10))).attempts(Attempts::at_most(3)),
    );
    for step in 1..=20 {
        session.run_to(step * 1_000);
        session.handle.reconnect_now();
    }
    session.run_to(60_000);
    assert_eq!(session.dials(), [0, 1_000, 2_000, 3_000]);
}
