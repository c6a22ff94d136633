//! The behaviour of the original that `Preset::Original` keeps, with exact times: dials, heartbeats
//! and closes against scripted servers.

use websocket_heartbeat::{Attempts, ErrorKind, Event, TransportError};
use websocket_heartbeat_mock::{Remote, Script};

use crate::harness::{Session, ms, secs};

/// The scripted servers, by name.
fn server(name: &'static str) -> impl FnMut(u64) -> Script + Send + 'static {
    move |dial| match name {
        "silent" => Script::accept().silent(),
        "echo" => Script::accept().echo(),
        "drop" if dial == 1 => Script::accept().echo().end_after(secs(20)),
        "drop" => Script::accept().echo(),
        "cut" if dial == 1 => Script::accept().echo().half_open_after(secs(16)),
        "cut" => Script::accept().echo(),
        "chatter" => Script::accept().silent().chatter(secs(5), "data"),
        "refuse" => Script::refuse_http(503, []),
        "flap" => Script::flap(ms(500)),
        other => panic!("no server is named {other}"),
    }
}

const HEARTBEAT: &str = "-> text \"heartbeat\"";

#[test]
fn a_silent_server_is_probed_dropped_and_redialled_on_time() {
    let mut session = Session::original(server("silent"));
    session.run_to(28_000);
    session.assert_events(&[
        (0, "connecting 1 attempt 0"),
        (0, "open 1"),
        (25_000, "lost 1 heartbeat_timeout"),
        (25_000, "retry 1 in 2s"),
        (27_000, "connecting 2 attempt 1"),
        (27_000, "open 2"),
    ]);
    session.remote.trace().assert([
        (0, "#1 dial"),
        (0, "#1 open"),
        (15_000, "#1 -> text \"heartbeat\""),
        (25_000, "#1 dropped"),
        (27_000, "#2 dial"),
        (27_000, "#2 open"),
    ]);
    // The pattern repeats.
    session.run_to(2_700_000);
    assert_eq!(session.dials(), (0..=100).map(|n| n * 27_000).collect::<Vec<_>>());
    let beats: Vec<_> = (0..100).map(|n| n * 27_000 + 15_000).collect();
    assert_eq!(session.remote.trace().times(HEARTBEAT), beats);
}

#[test]
fn an_open_restarts_the_silence_and_the_attempt_counter() {
    // The third dial opens 3 s after its start.
    let mut session = Session::new(
        |dial| match dial {
            1 | 2 | 4 | 5 => Script::refuse_connection(),
            3 => Script::accept().after(secs(3)).silent().end_after(secs(20)),
            _ => Script::accept().silent(),
        },
        |builder| builder.attempts(Attempts::at_most(3)),
    );
    session.run_to(60_000);
    assert_eq!(session.dials()[..3], [0, 2_000, 4_000]);
    assert_eq!(session.times("open")[0], 7_000);
    // The silence is counted from the open, not from the dial.
    assert_eq!(session.remote.trace().times(HEARTBEAT)[0], 22_000);
    // Lost at 27 s. The limit of 3 allows three more attempts.
    assert_eq!(session.times("retry 1")[..2], [0, 27_000]);
    assert_eq!(session.dials()[3..6], [29_000, 31_000, 33_000]);
}

#[test]
fn a_reply_is_passed_on_and_restarts_the_silence() {
    let mut session = Session::original(|_| Script::accept().echo().send_after(secs(4), "data"));
    session.run_to(50_000);
    session.assert_events(&[
        (0, "connecting 1 attempt 0"),
        (0, "open 1"),
        (4_000, "message data"),
        (19_000, "message heartbeat"),
        (34_000, "message heartbeat"),
        (49_000, "message heartbeat"),
    ]);
    assert_eq!(session.remote.trace().times(HEARTBEAT), [19_000, 34_000, 49_000]);
}

#[test]
fn a_close_and_an_error_each_cause_a_reconnect() {
    let reset = || TransportError::new(ErrorKind::Reset, "connection reset");
    let mut session = Session::original(move |dial| match dial {
        1 => Script::accept().close_after(secs(1), 1000, ""),
        2 => Script::accept().fail_after(secs(1), reset()),
        3 => Script::accept().garbage_after(secs(1)),
        4 => Script::accept().end_after(secs(1)),
        _ => Script::accept(),
    });
    session.run_to(20_000);
    assert_eq!(session.dials(), [0, 3_000, 6_000, 9_000, 12_000]);
    let causes: Vec<_> =
        session.timed_words().into_iter().filter(|e| e.1.starts_with("lost")).collect();
    let expected = [
        (1_000, "lost 1 closed_by_peer"),
        (4_000, "lost 2 broken"),
        (7_000, "lost 3 broken"),
        (10_000, "lost 4 broken"),
    ];
    assert_eq!(causes, expected.map(|(at, words)| (at, words.to_owned())));
    assert_eq!(session.remote.live(), 1);
}

#[test]
fn any_message_answers_a_heartbeat() {
    // The message comes one millisecond before, at and after each of the two deadlines.
    let cases = [
        (14_999, 29_999, 39_999),
        (15_000, 30_000, 40_000),
        (15_001, 15_000, 40_001),
        (24_999, 15_000, 49_999),
        (25_000, 15_000, 50_000),
    ];
    for (message, first_beat, lost) in cases {
        let mut session =
            Session::original(move |_| Script::accept().silent().send_after(ms(message), "any"));
        session.run_to(60_000);
        assert_eq!(session.remote.trace().times(HEARTBEAT)[0], first_beat, "at {message}");
        assert_eq!(session.times("lost")[0], lost, "at {message}");
    }
    let mut session =
        Session::original(|_| Script::accept().silent().send_after(ms(25_001), "too late"));
    session.run_to(26_000);
    assert_eq!(session.times("lost"), [25_000]);
}

#[test]
fn a_server_that_sends_often_is_never_probed() {
    let mut session = Session::original(server("chatter"));
    session.run_to(3_600_000);
    assert_eq!(session.messages().len(), 720);
    session.remote.trace().clear();
    assert_eq!((session.dials().len(), session.peer().received_count()), (1, 0));
}

#[test]
fn sent_messages_do_not_postpone_the_heartbeat() {
    let mut session = Session::original(server("silent"));
    for second in 1..26 {
        session.run_to(second * 1_000 - 1);
        session.handle.try_queue(format!("{second}")).unwrap();
    }
    session.run_to(26_000);
    assert_eq!(session.remote.trace().times(HEARTBEAT), [15_000]);
    assert_eq!(session.times("lost"), [25_000]);
    let peer = &session.remote.peers()[0];
    assert_eq!(peer.received_messages().len(), 26);
}

#[test]
fn a_limit_of_4_makes_5_dials_2_s_apart() {
    let mut session = Session::new(
        |_| Script::refuse_connection(),
        |builder| builder.attempts(Attempts::at_most(4)),
    );
    session.run_to(60_000);
    assert_eq!(session.dials(), [0, 2_000, 4_000, 6_000, 8_000]);
    assert_eq!(session.last(), (8_000, "closed attempts_exhausted".to_owned()));
    assert_eq!(session.times("retry"), [0, 2_000, 4_000, 6_000]);
}

#[test]
fn a_refusing_server_is_dialled_every_2_s_without_end() {
    let mut session = Session::original(server("refuse"));
    session.run_to(7_200_000);
    assert_eq!(session.dials(), (0..=3_600).map(|n| n * 2_000).collect::<Vec<_>>());
    assert_eq!(session.times("closed"), []);
}

#[test]
fn a_server_that_accepts_and_closes_never_reaches_the_limit() {
    let mut session =
        Session::new(server("flap"), |builder| builder.attempts(Attempts::at_most(1)));
    session.run_to(3_600_000);
    assert_eq!(session.dials(), (0..=1_440).map(|n| n * 2_500).collect::<Vec<_>>());
}

#[test]
fn all_close_codes_have_the_same_effect() {
    let codes = [1000, 1001, 1006, 1008, 1011, 1012, 1013, 3000, 4401, 4999];
    let mut session = Session::original(move |dial| match codes.get(dial as usize - 1) {
        Some(code) => Script::accept().close_after(ms(0), *code, "go away"),
        None => Script::accept(),
    });
    session.run_to(40_000);
    assert_eq!(session.dials(), (0..=10).map(|n| n * 2_000).collect::<Vec<_>>());
    let reported: Vec<_> = session.timed_events();
    let seen = reported.iter().filter_map(|(_, event)| match event {
        Event::Lost(lost) => lost.cause.close_code(),
        _ => None,
    });
    assert_eq!(seen.collect::<Vec<_>>(), codes);
}

#[test]
fn a_close_is_final_in_every_state() {
    // The states are: open, waiting for an answer, waiting for a retry, and connecting.
    for (name, close) in
        [("echo", 5_000), ("silent", 20_000), ("refuse", 1_000), ("silent", 26_000)]
    {
        let mut session = Session::original(server(name));
        session.run_to(close);
        let dials = session.dials().len();
        session.handle.close();
        session.run_to(3_600_000);
        assert_eq!(session.dials().len(), dials, "{name} at {close}");
        assert_eq!(session.times("closed user").len(), 1, "{name} at {close}");
        assert_eq!(session.remote.live() + session.remote.dialing(), 0);
        assert_eq!(session.clock.next_instant(), None);
        let beats = session.remote.trace().times(HEARTBEAT);
        assert!(beats.iter().all(|at| *at < close), "{beats:?}");
    }
    let mut session = Session::original(server("echo"));
    session.run_to(5_000);
    session.handle.close();
    session.run_to(6_000);
    assert_eq!(session.remote.trace().times("-> close 1000"), [5_000]);
    assert_eq!(session.times("closed user"), [5_000]);
}

#[test]
fn a_cut_and_an_early_close_have_exact_times() {
    // Cut at 16 s, after the heartbeat of 15 s was answered. So the next times are 30 s, 40 s and
    // 42 s.
    let mut session = Session::original(server("cut"));
    session.run_to(60_000);
    assert_eq!(session.remote.trace().times(HEARTBEAT), [15_000, 30_000, 57_000]);
    assert_eq!((session.times("lost"), session.dials()), (vec![40_000], vec![0, 42_000]));

    let mut session = Session::original(server("drop"));
    session.run_to(60_000);
    assert_eq!(session.remote.trace().times(HEARTBEAT), [15_000, 37_000, 52_000]);
    assert_eq!((session.times("lost"), session.dials()), (vec![20_000], vec![0, 22_000]));
}

fn table(name: &str, remote: &Remote) {
    for (millis, what) in remote.trace().lines() {
        println!("{name} | {millis} | {what}");
    }
}

/// Prints the trace of each server in its first 60 s, with `cargo test -p websocket-heartbeat
/// --test session the_trace -- --nocapture`.
#[test]
fn the_trace_of_each_server_can_be_printed() {
    println!("server | time ms | what");
    for name in ["silent", "echo", "drop", "cut", "chatter", "refuse", "flap"] {
        let mut session = Session::original(server(name));
        session.run_to(if matches!(name, "refuse" | "flap") { 10_000 } else { 60_000 });
        table(name, &session.remote);
        assert_eq!(session.remote.most_at_once(), 1);
    }
}
