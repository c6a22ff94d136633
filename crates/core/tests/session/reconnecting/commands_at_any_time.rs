//! Commands in each state of a session.

use websocket_heartbeat::Phase;
use websocket_heartbeat_mock::Script;

use crate::harness::{Session, ms, secs};

/// Servers that bring a session into each state: refused, hanging, opened, silent, dropped.
fn eventful(dial: u64) -> Script {
    match dial % 6 {
        1 => Script::refuse_connection(),
        2 => Script::hang(),
        3 => Script::accept().after(ms(700)).silent(),
        4 => Script::accept().close_after(secs(3), 1001, "").latency(ms(300)),
        5 => Script::accept().ignore_close().stall_writes_after(secs(1)),
        _ => Script::flap(ms(400)),
    }
}

#[test]
fn a_close_at_any_time_is_followed_by_no_dial_and_one_end() {
    let mut life = Session::original(eventful);
    life.run_to(150_000);
    let mut instants: Vec<_> = life.remote.trace().lines().iter().map(|(at, _)| *at).collect();
    instants.dedup();
    assert!(instants.len() > 20, "{instants:?}");
    let around = instants.iter().flat_map(|at| [at.saturating_sub(1), *at, at + 1]);
    for (n, instant) in around.enumerate() {
        let mut session = Session::original(eventful);
        session.run_to(instant);
        let dials = session.dials().len();
        if n % 2 == 0 {
            session.handle.close()
        } else {
            session.handle.abort()
        }
        session.run_to(instant + 10_000);
        assert_eq!(session.dials().len(), dials, "closed at {instant}");
        assert_eq!(session.times("closed").len(), 1, "closed at {instant}");
        assert!(session.last().1.starts_with("closed"), "{:?}", session.last());
        assert_eq!(session.remote.live() + session.remote.dialing(), 0);
        assert_eq!(session.clock.next_instant(), None, "closed at {instant}");
    }
}

#[test]
fn an_ignored_close_ends_at_its_deadline() {
    let mut session = Session::new(
        |_| Script::accept().silent(),
        |builder| builder.close_timeout(secs(2)).max_age(secs(10)),
    );
    session.run_to(5_000);
    session.handle.close();
    session.run_to(6_999);
    assert_eq!((session.times("closed"), session.remote.live()), (vec![], 1));
    session.run_to(7_000);
    assert_eq!((session.times("closed"), session.remote.live()), (vec![7_000], 0));
}

#[test]
fn a_resumed_session_opens_after_any_commands() {
    // Every sequence of four commands, with time between them.
    const COMMANDS: [fn(&Session); 4] = [
        |session| session.handle.pause(),
        |session| session.handle.resume(),
        |session| session.handle.reconnect_now(),
        |session| session.handle.probe_now(),
    ];
    for sequence in 0..256_usize {
        for gap in [0, 700, 2_100] {
            let mut session = Session::original(eventful);
            session.run_to(sequence as u64 * 97 % 40_000);
            for place in 0..4 {
                COMMANDS[sequence >> (2 * place) & 3](&session);
                let now = session.now();
                session.run_to(now + gap);
            }
            session.handle.resume();
            session.remote.script(|_| Script::accept().echo());
            let now = session.now();
            session.run_to(now + 60_000);
            let status = session.handle.status();
            assert_eq!(status.phase, Phase::Open, "sequence {sequence}, gap {gap}");
            assert_eq!((session.remote.live(), session.remote.most_at_once()), (1, 1));
        }
    }
}

#[test]
fn no_command_reopens_a_closed_session() {
    for moment in [0, 500, 5_000, 12_500, 14_000] {
        let mut session = Session::original(eventful);
        session.run_to(moment);
        session.handle.close();
        for later in 1..10 {
            session.handle.reconnect_now();
            session.handle.resume();
            session.handle.probe_now();
            session.run_to(moment + later * 1_000);
        }
        assert_eq!(session.times("closed user").len(), 1, "closed at {moment}");
        assert_eq!(session.remote.live() + session.remote.dialing(), 0);
    }
}
