//! A dead connection is detected in time.

use websocket_heartbeat::{Constant, Heartbeat, Phase};
use websocket_heartbeat_mock::Script;

use crate::harness::{Session, ms, secs};

fn pings(idle: u64, timeout: u64) -> Heartbeat {
    Heartbeat::idle(ms(idle)).timeout(ms(timeout)).ping()
}

#[test]
fn a_heartbeat_timeout_ends_a_pending_read() {
    // The transport's read stays pending, and the loss is reported.
    let mut session = Session::original(|_| Script::accept().half_open_after(ms(1)));
    session.run_to(25_000);
    assert_eq!(session.handle.status().phase, Phase::Waiting);
    assert_eq!((session.times("lost"), session.remote.live()), (vec![25_000], 0));
}

#[test]
fn no_traffic_prevents_the_detection() {
    // One message per second on a dead connection.
    let mut session = Session::original(|_| Script::accept().half_open_after(ms(1)));
    for second in 1..=25 {
        session.run_to(second * 1_000 - 500);
        session.handle.try_queue("hello").unwrap();
    }
    session.run_to(25_000);
    assert_eq!(session.times("lost"), [25_000]);

    // One frame per millisecond: no probe after silence, and each periodic probe in time.
    let chatter = |_| Script::accept().chatter(ms(1), "x").unrecorded();
    let mut session = Session::new(chatter, |builder| builder.heartbeat(pings(1_000, 500)));
    session.run_to(10_000);
    assert_eq!(session.peer().received_count(), 0);
    let every = Heartbeat::every(secs(1)).timeout(ms(500)).ping();
    let mut session = Session::new(chatter, |builder| builder.heartbeat(every));
    session.run_to(10_000);
    assert_eq!((session.peer().received_count(), session.times("lost")), (10, vec![]));

    // A flood of control frames at one instant, with a deadline during it.
    let mut session =
        Session::new(|_| Script::accept(), |builder| builder.heartbeat(pings(1_000, 500)));
    session.run_to(999);
    for _ in 0..100_000 {
        session.peer().pong("flood");
    }
    session.run_to(10_000);
    assert_eq!((session.peer().unread(), session.times("lost")), (0, vec![]));
}

#[test]
fn after_a_loss_before_the_verdict_the_next_heartbeat_is_complete() {
    for death in [14_999, 15_000, 15_001, 24_998, 24_999] {
        let mut session = Session::new(
            move |dial| match dial {
                1 => Script::accept().silent().end_after(ms(death)),
                _ => Script::accept().silent(),
            },
            |builder| builder.backoff(Constant::new(ms(0))),
        );
        session.run_to(death + 24_999);
        assert_eq!(session.times("lost"), [death]);
        session.run_to(death + 25_000);
        assert_eq!(session.times("lost"), [death, death + 25_000]);
        let beats = session.remote.trace().times("#2 -> text \"heartbeat\"");
        assert_eq!(beats, [death + 15_000]);
    }
}

#[test]
fn an_unresponsive_server_is_detected_at_every_timeout() {
    for (idle, timeout) in [(10_000, 30_000), (10_000, 10_000), (10_000, 1_000), (1, 60_000)] {
        for every in [false, true] {
            let beat = if every { Heartbeat::every(ms(idle)) } else { Heartbeat::idle(ms(idle)) };
            let mut session = Session::new(
                |_| Script::accept().half_open_after(ms(0)),
                |builder| builder.heartbeat(beat.timeout(ms(timeout)).ping()),
            );
            session.run_to(idle + timeout);
            assert_eq!(session.times("lost"), [idle + timeout], "{idle} and {timeout}");
            // It is replaced each time.
            session.run_to(10 * (idle + timeout + 2_000));
            assert_eq!(session.dials().len(), 11);
        }
    }
}
