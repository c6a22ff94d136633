//! The times of attempts.

use websocket_heartbeat::{ConnectTimeout, Constant, Exponential, Heartbeat, Preset, Verdict};
use websocket_heartbeat_mock::Script;

use crate::harness::{Session, in_millis, ms, secs};

fn gaps(dials: &[u64]) -> Vec<u64> {
    dials.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn only_a_stable_connection_resets_counter_and_delays() {
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
        // Delays of 1, 2 and 4 s, then the life of the connection, then the next delay.
        let gap = gaps(&session.dials());
        assert_eq!(gap[..3], [1_000, 2_000, 4_000]);
        assert_eq!(gap[3] - life, if fresh { 1_000 } else { 8_000 }, "after {life} ms");
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

    // The gap is counted from the start of the attempt, so a long attempt uses it up.
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
fn an_old_connection_is_replaced_when_it_is_quiet() {
    let mut session = Session::new(
        |_| Script::accept(),
        |builder| builder.heartbeat(Heartbeat::idle(secs(15)).ping()).max_age(secs(3_600)),
    );
    session.run_to(36_000_000);
    let dials = session.dials();
    assert!((10..=12).contains(&dials.len()), "{dials:?}");
    assert!(gaps(&dials).iter().all(|gap| (3_240_000..=3_600_000).contains(gap)), "{dials:?}");
    // The replacement is immediate, without backoff, graceful, and has its own cause. There are
    // never two connections at a time.
    assert_eq!(session.times("lost"), dials[1..]);
    let count = dials.len() - 1;
    assert_eq!(session.remote.trace().times("-> close 1000").len(), count);
    let reported =
        session.timed_words().into_iter().filter(|(_, words)| words.ends_with("max_age")).count();
    assert_eq!((reported, session.remote.most_at_once()), (count, 1));
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
fn a_stop_ends_the_session_and_retry_after_extends_the_delay() {
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
fn an_hour_of_accepting_and_dropping_causes_few_dials() {
    let mut session =
        Session::new(|_| Script::flap(ms(10)), |builder| builder.preset(Preset::Resilient));
    session.run_to(3_600_000);
    let dials = session.dials();
    // Delays are drawn below 1, 2, 4, .. 30 s: 15 s on average.
    assert!((150..400).contains(&dials.len()), "{} dials", dials.len());
    let minutes = dials.iter().map(|at| at / 60_000);
    let busiest = (0..60).map(|minute| minutes.clone().filter(|m| *m == minute).count()).max();
    assert!(busiest < Some(30), "{busiest:?} dials in one minute");
}

#[test]
fn the_status_always_has_the_time_of_the_next_attempt() {
    let mut session = Session::new(
        |_| Script::refuse_connection(),
        |builder| builder.backoff(Constant::new(secs(30))).minimum_gap(secs(10)),
    );
    session.run_to(1_000);
    let planned = |session: &Session| {
        let at = session.handle.status().next_attempt_at.unwrap();
        in_millis(at.since_epoch())
    };
    assert_eq!(planned(&session), 30_000);
    // The attempt does not begin at once, since the minimum gap applies.
    session.handle.reconnect_now();
    session.run_to(1_500);
    assert_eq!(planned(&session), 10_000);
    session.run_to(10_000);
    assert_eq!(session.dials(), [0, 10_000]);
}
