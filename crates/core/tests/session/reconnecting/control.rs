//! Commands: close, abort, reconnect, probe, pause and resume.

use websocket_heartbeat::{Event, Heartbeat, Phase, Preset};
use websocket_heartbeat_mock::Script;

use crate::harness::{Session, ms, secs};

fn pings() -> Heartbeat {
    Heartbeat::idle(secs(15)).timeout(secs(10)).ping()
}

#[test]
fn a_close_is_graceful_and_bounded() {
    // The server answers at once, after some time, or never.
    let scripts: [(fn() -> Script, u64); 3] = [
        (Script::accept, 1_000),
        (|| Script::accept().latency(ms(200)), 1_400),
        (|| Script::accept().ignore_close(), 6_000),
    ];
    for (script, closed) in scripts {
        let mut session = Session::original(move |_| script());
        session.run_to(1_000);
        session.handle.try_queue("last words").unwrap();
        session.handle.close();
        session.run_to(60_000);
        assert_eq!(session.last(), (closed, "closed user".to_owned()));
        assert_eq!(session.peer().received_messages().len(), 1);
        assert_eq!(session.remote.trace().times("-> close 1000"), [1_000]);
        assert_eq!(session.dials(), [0]);
    }
}

#[test]
fn messages_before_the_end_of_a_close_are_reported() {
    let mut session = Session::original(|_| Script::accept().latency(secs(1)));
    session.run_to(3_000);
    session.peer().send("under way");
    session.handle.close();
    session.run_to(60_000);
    assert_eq!(session.messages().len(), 1);
    assert_eq!(session.times("closed user"), [5_000]);
}

#[test]
fn an_abort_ends_at_once() {
    let mut session = Session::original(|_| Script::accept().ignore_close());
    session.run_to(1_000);
    session.handle.close();
    session.run_to(2_000);
    session.handle.abort();
    session.run_to(2_000);
    assert_eq!(session.last(), (2_000, "closed aborted".to_owned()));
    assert_eq!(session.remote.trace().times("dropped"), [2_000]);
}

#[test]
fn reconnect_now_ends_the_wait_but_keeps_the_minimum_gap() {
    let mut session = Session::original(|_| Script::refuse_connection());
    session.run_to(500);
    session.handle.reconnect_now();
    session.run_to(500);
    assert_eq!(session.dials(), [0, 500]);
    for millis in 501..1_000 {
        session.run_to(millis);
        session.handle.reconnect_now();
    }
    session.run_to(1_000);
    assert_eq!(session.dials(), [0, 500, 600, 700, 800, 900, 1_000]);
}

#[test]
fn reconnect_now_keeps_a_running_attempt() {
    let mut session = Session::original(|_| Script::accept().after(secs(3)));
    session.run_to(1_000);
    session.handle.reconnect_now();
    session.run_to(10_000);
    assert_eq!((session.dials(), session.times("open")), (vec![0], vec![3_000]));
}

#[test]
fn probe_now_replaces_only_an_unresponsive_connection() {
    let mut session = Session::new(
        |dial| match dial {
            1 => Script::accept().pong_after(ms(4_999)),
            _ => Script::accept(),
        },
        |builder| builder.heartbeat(pings()),
    );
    session.run_to(1_000);
    session.handle.probe_now();
    session.run_to(7_000);
    assert_eq!(session.times("lost"), []);
    session.peer().set_pong(Some(ms(5_000)));
    session.handle.probe_now();
    session.run_to(12_000);
    assert_eq!(session.times("lost"), [], "answered at the deadline, and read before the verdict");
    session.peer().set_pong(Some(ms(5_001)));
    session.handle.probe_now();
    session.run_to(17_000);
    assert_eq!(session.times("lost 1 heartbeat_timeout"), [17_000]);
}

#[test]
fn probe_now_does_nothing_without_an_open_connection() {
    let mut session = Session::original(|dial| match dial {
        1 => Script::refuse_connection(),
        _ => Script::accept().after(secs(3)).silent(),
    });
    for moment in [0, 1_000, 2_000, 4_000] {
        session.run_to(moment);
        session.handle.probe_now();
    }
    session.run_to(20_000);
    assert_eq!((session.dials(), session.times("open")), (vec![0, 2_000], vec![5_000]));
    assert_eq!(session.remote.trace().times("-> text \"heartbeat\""), [20_000]);
}

#[test]
fn a_pause_keeps_the_connection_without_heartbeats() {
    let mut session = Session::new(
        |_| Script::accept().without_pongs().chatter(secs(600), "data"),
        |builder| builder.heartbeat(pings()),
    );
    session.run_to(1_000);
    session.handle.pause();
    session.run_to(3_600_000);
    assert_eq!(session.handle.status().phase, Phase::Paused);
    assert_eq!((session.messages().len(), session.times("lost")), (6, vec![]));
    session.handle.try_queue("written anyway").unwrap();
    session.run_to(3_601_000);
    assert_eq!(session.peer().received_count(), 1);
    session.handle.resume();
    session.run_to(3_606_000);
    assert_eq!(session.remote.trace().times("-> ping"), [3_601_000]);
    assert_eq!(session.times("lost"), [3_606_000], "it has to answer soon");
}

#[test]
fn a_pause_ends_attempt_and_wait_and_resume_dials() {
    // The pause comes during the attempt, or during the wait.
    for (script, moment) in
        [(Script::hang as fn() -> Script, 5_000), (Script::refuse_connection, 1_000)]
    {
        let mut session = Session::original(move |_| script());
        session.run_to(moment);
        session.handle.pause();
        session.run_to(3_600_000);
        assert_eq!(session.dials(), [0]);
        assert_eq!((session.remote.dialing(), session.clock.next_instant()), (0, None));
        session.handle.reconnect_now();
        session.handle.probe_now();
        session.run_to(3_601_000);
        assert_eq!(session.dials(), [0], "reconnect_now does not end a pause");
        session.handle.resume();
        session.run_to(3_601_000);
        assert_eq!(session.dials(), [0, 3_601_000]);
    }
}

#[test]
fn a_loss_during_a_pause_is_reported_and_not_replaced() {
    let mut session = Session::original(|_| Script::accept().end_after(secs(10)));
    session.run_to(1_000);
    session.handle.pause();
    session.run_to(3_600_000);
    assert_eq!((session.times("lost 1 broken"), session.dials()), (vec![10_000], vec![0]));
    assert_eq!(session.times("retry"), []);
    session.handle.close();
    session.run_to(3_600_001);
    assert_eq!(session.last(), (3_600_000, "closed user".to_owned()));
}

#[test]
fn the_last_of_pause_and_resume_counts() {
    let mut session = Session::original(|_| Script::accept().echo());
    session.run_to(1_000);
    session.handle.pause();
    session.handle.resume();
    session.run_to(2_000);
    assert_eq!(session.handle.status().phase, Phase::Open);
    session.handle.resume();
    session.handle.pause();
    session.run_to(3_000);
    assert_eq!(session.handle.status().phase, Phase::Paused);
}

#[test]
fn a_session_can_be_paused_before_it_begins() {
    let mut session = Session::original(|_| Script::accept());
    session.handle.pause();
    session.run_to(60_000);
    assert_eq!(session.dials(), []);
    session.handle.resume();
    session.run_to(60_000);
    assert_eq!(session.dials(), [60_000]);
}

#[test]
fn a_closing_session_obeys_only_abort() {
    let mut session = Session::new(
        |_| Script::accept().ignore_close(),
        |builder| builder.preset(Preset::Resilient),
    );
    session.run_to(1_000);
    session.handle.close();
    for millis in 1_001..1_100 {
        session.run_to(millis);
        session.handle.reconnect_now();
        session.handle.probe_now();
        session.handle.pause();
        session.handle.resume();
        session.handle.close();
    }
    session.run_to(60_000);
    assert_eq!(session.last(), (6_000, "closed user".to_owned()));
    let ends = session
        .timed_events()
        .iter()
        .filter(|(_, event)| matches!(event, Event::Closed(_)))
        .count();
    assert_eq!((ends, session.dials().len(), session.remote.live()), (1, 1, 0));
}
