//! How often is dialled, and when it is given up.

use websocket_heartbeat::{
    Attempts, CloseReason, ConnectTimeout, Constant, DialBudget, Event, Exponential, Heartbeat,
    Preset, Verdict,
};
use websocket_heartbeat_mock::Script;

use crate::harness::{Session, ms, secs};

fn gaps(dials: &[u64]) -> Vec<u64> {
    dials.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn the_counter_and_the_delays_begin_anew_after_a_stable_connection_only() {
    for (life, fresh) in [(4_999, false), (5_000, true), (5_001, true)] {
        let mut session = Session::new(
            move |dial| match dial {
                4 => Script::accept().end_after(ms(life)),
                _ => Script::refuse_connection(),
            },
            |builder| {
                builder.stable_after(secs(5)).backoff(Exponential::new().base(secs(1)).jitter(0.0))
            },
        );
        session.run_to(60_000);
        // Delays of 1, 2 and 4 s, then the life, then the next.
        let gap = gaps(&session.dials());
        assert_eq!(gap[..3], [1_000, 2_000, 4_000]);
        assert_eq!(gap[3] - life, if fresh { 1_000 } else { 8_000 }, "after {life} ms");
    }
}

#[test]
fn a_connection_that_keeps_dying_young_reaches_the_limit() {
    let mut session = Session::new(
        |_| Script::flap(secs(1)),
        |builder| builder.stable_after(secs(5)).attempts(Attempts::at_most(3)),
    );
    session.run_to(3_600_000);
    assert_eq!(session.dials(), [0, 3_000, 6_000, 9_000]);
    assert_eq!(session.last(), (10_000, "closed attempts_exhausted".to_owned()));
}

#[test]
fn short_lived_connections_have_a_limit_of_their_own() {
    // Two refused attempts between them do not count.
    let mut session = Session::new(
        |dial| if dial % 3 == 0 { Script::flap(secs(1)) } else { Script::refuse_connection() },
        |builder| builder.stable_after(secs(5)).flap_limit(2),
    );
    session.run_to(3_600_000);
    assert_eq!(session.dials().len(), 9);
    assert_eq!(session.last().1, "closed flap_limit");

    // A stable connection in between starts the count anew.
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
        // Dialled 2, 4 and 6 s into the outage.
        assert_eq!(session.dials().len(), dials, "limit {limit}");
        assert_eq!(session.last().1, "closed outage_limit");
    }
}

#[test]
fn the_minimum_gap_holds_under_every_policy() {
    let mut session = Session::new(
        |_| Script::refuse_connection(),
        |builder| builder.backoff(Constant::new(ms(0))).minimum_gap(ms(250)),
    );
    session.run_to(60_000);
    assert_eq!(session.dials().len(), 241);
    assert!(gaps(&session.dials()).iter().all(|gap| *gap == 250));

    // Counted from the beginning of the attempt: a long one has used it up.
    let mut session = Session::new(
        |_| Script::hang(),
        |builder| {
            builder.backoff(Constant::new(ms(0))).minimum_gap(ms(250)).connect_timeout(ms(400))
        },
    );
    session.run_to(10_000);
    assert!(gaps(&session.dials()).iter().all(|gap| *gap == 400), "{:?}", session.dials());
}

#[test]
fn a_backoff_that_ends_ends_the_session() {
    let mut session = Session::new(
        |_| Script::refuse_connection(),
        |builder| builder.backoff(|| [secs(1), secs(3)].into_iter()),
    );
    session.run_to(60_000);
    assert_eq!(session.dials(), [0, 1_000, 4_000]);
    assert_eq!(session.last(), (4_000, "closed backoff_ended".to_owned()));
}

#[test]
fn a_connect_timeout_grows_with_the_attempt() {
    let mut session = Session::new(
        |_| Script::hang(),
        |builder| builder.connect_timeout(ConnectTimeout::growing(secs(1), secs(5))),
    );
    session.run_to(30_000);
    assert_eq!(gaps(&session.dials()), [3_000, 4_000, 6_000, 7_000, 7_000]);
}

#[test]
fn an_old_connection_is_replaced_at_a_quiet_moment() {
    let mut session = Session::new(
        |_| Script::accept(),
        |builder| builder.heartbeat(Heartbeat::idle(secs(15)).ping()).max_age(secs(3_600)),
    );
    session.run_to(36_000_000);
    let dials = session.dials();
    assert!((10..=12).contains(&dials.len()), "{dials:?}");
    assert!(gaps(&dials).iter().all(|gap| (3_240_000..=3_600_000).contains(gap)), "{dials:?}");
    // At once, without backoff, gracefully, told as what it is, and never two at a time.
    assert_eq!(session.times("lost"), dials[1..]);
    let count = dials.len() - 1;
    assert_eq!(session.remote.trace().times("-> close 1000").len(), count);
    let told =
        session.timed_words().into_iter().filter(|(_, words)| words.ends_with("max_age")).count();
    assert_eq!((told, session.remote.most_at_once()), (count, 1));
}

#[test]
fn an_old_connection_that_does_not_answer_the_close_is_dropped() {
    let mut session = Session::new(
        |dial| match dial {
            1 => Script::accept().ignore_close(),
            _ => Script::accept(),
        },
        |builder| builder.heartbeat(Heartbeat::off()).max_age(secs(100)),
    );
    session.run_to(110_000);
    let goodbye = session.remote.trace().times("#1 -> close 1000")[0];
    assert_eq!(session.times("lost 1 max_age"), [goodbye + 5_000]);
    assert_eq!(session.dials()[1], goodbye + 5_000);
}

#[test]
fn a_stop_ends_the_session_and_a_wish_to_wait_is_added_to_the_delay() {
    let mut session = Session::new(
        |dial| match dial {
            1 => Script::refuse_http(503, [("retry-after", "30")]),
            2 => Script::accept().close_after(secs(10), 1013, "busy"),
            3 => Script::refuse_http(401, []),
            _ => Script::refuse_http(410, []),
        },
        |builder| {
            builder
                .preset(Preset::Resilient)
                .backoff(Constant::new(secs(2)))
                .verdict(Verdict::careful)
        },
    );
    session.run_to(3_600_000);
    assert_eq!(session.dials(), [0, 32_000, 49_000, 51_000]);
    assert_eq!(session.last(), (51_000, "closed stopped".to_owned()));
}

#[test]
fn one_hour_of_accepting_and_dropping_stays_within_the_envelope() {
    let mut session =
        Session::new(|_| Script::flap(ms(10)), |builder| builder.preset(Preset::Resilient));
    session.run_to(3_600_000);
    let dials = session.dials();
    // Delays drawn below 1, 2, 4, .. 30 s: 15 s in the middle.
    assert!((150..400).contains(&dials.len()), "{} dials", dials.len());
    let minutes = dials.iter().map(|at| at / 60_000);
    let busiest = (0..60).map(|minute| minutes.clone().filter(|m| *m == minute).count()).max();
    assert!(busiest < Some(30), "{busiest:?} dials in one minute");
}

/// Whoever makes an attempt late, the limit of the outage holds, and the session ends as soon as
/// that is known.
#[track_caller]
fn assert_outage_limit(mut session: Session, ends: u64) {
    session.run_to(3_600_000);
    let late: Vec<_> = session.dials().into_iter().filter(|at| *at > 60_000).collect();
    assert_eq!(late, [], "dialled after the outage limit of 60 s");
    assert_eq!(session.last(), (ends, "closed outage_limit".to_owned()));
}

fn limited(
    set: impl FnOnce(crate::harness::MockBuilder) -> crate::harness::MockBuilder,
) -> Session {
    Session::new(
        |_| Script::refuse_http(503, [("retry-after", "600")]),
        |builder| set(builder.backoff(Constant::new(secs(1))).outage_limit(secs(60))),
    )
}

#[test]
fn the_minimum_gap_does_not_lead_beyond_the_outage_limit() {
    assert_outage_limit(limited(|builder| builder.minimum_gap(secs(600))), 0);
    // Two attempts, 40 s apart; a third would be too late.
    assert_outage_limit(limited(|builder| builder.minimum_gap(secs(40))), 40_000);
}

#[test]
fn the_dial_budget_does_not_lead_beyond_the_outage_limit() {
    let budget = DialBudget::new(1, secs(600)).unwrap();
    assert_outage_limit(limited(|builder| builder.dial_budget(budget)), 0);
    let budget = DialBudget::new(2, secs(40)).unwrap();
    assert_outage_limit(limited(|builder| builder.dial_budget(budget)), 41_000);
}

#[test]
fn a_wish_of_the_server_does_not_lead_beyond_the_outage_limit() {
    assert_outage_limit(limited(|builder| builder.verdict(Verdict::careful)), 0);
}

#[test]
fn a_first_attempt_that_the_budget_makes_too_late_ends_the_session() {
    let budget = DialBudget::new(1, secs(600)).unwrap();
    let mut first = limited(|builder| builder.dial_budget(budget.clone()));
    first.run_to(10);
    // Of the same clock as far as the budget is concerned: it begins at 0.
    let mut second = limited(|builder| builder.dial_budget(budget));
    second.run_to(1_000);
    assert_eq!(second.dials(), []);
    let told = second.timed_events();
    let [(0, Event::Closed(closed))] = &told[..] else { panic!("{told:?}") };
    assert_eq!(closed.reason, CloseReason::OutageLimit(None));
}

#[test]
fn a_resume_or_a_hurried_attempt_stays_within_the_outage_limit() {
    for hurry in [true, false] {
        let mut session = Session::new(
            |_| Script::refuse_connection(),
            |builder| {
                let builder = builder.backoff(Constant::new(secs(50)));
                builder.minimum_gap(secs(50)).outage_limit(secs(45))
            },
        );
        // Too late by the gap from the beginning.
        session.run_to(0);
        assert_eq!(session.last(), (0, "closed outage_limit".to_owned()));

        let mut session = Session::new(
            |_| Script::hang(),
            |builder| builder.minimum_gap(secs(100)).outage_limit(secs(60)),
        );
        session.run_to(5_000);
        session.handle.pause();
        session.run_to(6_000);
        // The pause is no outage, but the attempt would begin 94 s after it.
        session.handle.resume();
        if hurry {
            session.handle.reconnect_now();
        }
        session.run_to(3_600_000);
        assert_eq!(session.last(), (6_000, "closed outage_limit".to_owned()));
        assert_eq!(session.dials(), [0]);
    }
}

/// Nothing makes a session dial twice that must not.
#[test]
fn never_means_never() {
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
fn an_end_by_exhausted_attempts_names_what_really_happened() {
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
fn every_attempt_counts_but_the_first_and_replacements() {
    // Paused in the middle of each attempt, and while it waits.
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

    // A replacement begins the row again: three more may follow it.
    let mut session = Session::new(
        |dial| if dial == 3 { Script::accept() } else { Script::refuse_connection() },
        |builder| builder.stable_after(secs(5)).attempts(Attempts::at_most(3)),
    );
    session.run_to(5_000);
    session.handle.reconnect_now();
    session.run_to(60_000);
    assert_eq!(session.dials().len(), 3 + 4);

    // An attempt that is hurried keeps its number.
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

#[test]
fn the_status_has_the_moment_of_the_next_attempt_at_every_moment() {
    let mut session = Session::new(
        |_| Script::refuse_connection(),
        |builder| builder.backoff(Constant::new(secs(30))).minimum_gap(secs(10)),
    );
    session.run_to(1_000);
    let planned = |session: &Session| {
        let at = session.handle.status().next_attempt_at.unwrap();
        crate::harness::in_millis(at.since_epoch())
    };
    assert_eq!(planned(&session), 30_000);
    // Not at once: the gap holds.
    session.handle.reconnect_now();
    session.run_to(1_500);
    assert_eq!(planned(&session), 10_000);
    session.run_to(10_000);
    assert_eq!(session.dials(), [0, 10_000]);
}
