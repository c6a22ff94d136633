//! A session has one connection at a time.

use websocket_heartbeat::{Constant, ErrorKind, Event, Phase, Preset, TransportError};
use websocket_heartbeat_mock::{Chaos, Script};

use crate::harness::{Session, ms, secs};

#[test]
fn late_frames_of_an_old_connection_are_ignored() {
    let mut session = Session::original(|_| Script::accept().silent());
    session.run_to(27_000);
    let before = session.handle.status();
    let old = session.remote.peers()[0].clone();
    old.send("data");
    old.fail(TransportError::new(ErrorKind::Reset, "late"));
    old.close(1000, "late");
    session.run_to(27_001);
    let after = session.handle.status();
    assert_eq!((after.connection, after.counters), (2, before.counters));
    assert_eq!((session.messages(), session.remote.live()), (vec![], 1));
}

#[test]
fn simultaneous_triggers_make_one_connection() {
    let mut session = Session::original(|_| Script::accept().silent());
    session.run_to(24_999);
    let peer = session.peer();
    // The heartbeat's deadline is at 25 s.
    session.clock.advance(ms(1));
    peer.fail(TransportError::new(ErrorKind::Reset, "error"));
    peer.close(1006, "close");
    peer.end();
    session.handle.reconnect_now();
    session.handle.probe_now();
    session.handle.resume();
    session.run_to(26_999);
    assert_eq!((session.times("lost").len(), session.dials().len()), (1, 2));
    assert_eq!((session.remote.live(), session.remote.most_at_once()), (1, 1));
}

#[test]
fn random_faults_end_with_one_open_connection() {
    for seed in 0..200 {
        let mut chaos = Chaos::new(seed).calm_after(30);
        let mut session = Session::new(
            move |_| chaos.script(),
            |builder| builder.preset(Preset::Resilient).backoff(Constant::new(secs(1))),
        );
        session.run_to(7_200_000);
        let reported = session.timed_events();
        assert!(!matches!(reported.last(), Some((_, Event::Closed(_)))), "seed {seed}");
        assert_eq!(session.handle.status().phase, Phase::Open, "seed {seed}");
        assert_eq!((session.remote.live(), session.remote.most_at_once()), (1, 1), "seed {seed}");
        let opens = session.times("open").len();
        let lost =
            reported.iter().filter(|(_, event)| matches!(event, Event::Lost(lost) if lost.opened));
        assert_eq!(opens, lost.count() + 1, "seed {seed}");
    }
}
