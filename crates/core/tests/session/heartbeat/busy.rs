//! Healthy connections that are busy or were not polled for some time.

use std::time::Duration;

use websocket_heartbeat::{Constant, Heartbeat, ProofOfLife, Supervisor};
use websocket_heartbeat_mock::{Clock, MockConnection, Script, mock};

use crate::harness::{Behaviour, Session, in_millis, ms, secs, wrap_connections};

fn pings() -> Heartbeat {
    Heartbeat::idle(secs(15)).timeout(secs(10)).ping()
}

#[test]
fn a_driver_that_was_not_polled_reads_before_its_verdict() {
    // The pong arrived in time, and the poll was late.
    for slept in [secs(9), secs(60), secs(3_600)] {
        let script = |_| Script::accept().without_pongs().send_after(secs(16), "here");
        let mut session = Session::new(script, |builder| builder.heartbeat(pings()));
        session.run_to(15_500);
        session.clock.jump(slept);
        session.run_to(session.now() + 5_000);
        assert_eq!((session.times("lost"), session.messages().len()), (vec![], 1), "{slept:?}");
    }
}

#[test]
fn a_server_that_sends_data_without_pongs_is_alive() {
    for heartbeat in [pings(), Heartbeat::every(secs(15)).timeout(secs(10)).ping()] {
        let script = |_| Script::accept().without_pongs().chatter(secs(4), "data").unrecorded();
        let mut session = Session::new(script, |builder| builder.heartbeat(heartbeat));
        session.run_to(600_000);
        assert_eq!((session.times("lost"), session.messages().len()), (vec![], 150));
    }
}

#[test]
fn late_pongs_behind_data_lose_no_connection() {
    let script = |_| Script::accept().pong_after(secs(40)).chatter(secs(9), "data").unrecorded();
    let every = Heartbeat::every(secs(15)).timeout(secs(10)).ping();
    let mut session = Session::new(script, |builder| builder.heartbeat(every));
    session.run_to(600_000);
    assert_eq!(session.times("lost"), []);
}

#[test]
fn after_a_loss_at_any_time_the_next_heartbeat_is_complete() {
    // Two cycles of silence, with a ping at 15 s and a pong at 20 s, in steps of 100 ms.
    for death in (100..40_000).step_by(100) {
        let mut session = Session::new(
            move |dial| match dial {
                1 => Script::accept().pong_after(secs(5)).end_after(ms(death)),
                _ => Script::accept().without_pongs(),
            },
            |builder| builder.heartbeat(pings()).backoff(Constant::new(secs(2))),
        );
        let opened = death + 2_000;
        session.run_to(opened + 25_000);
        assert_eq!(session.times("lost"), [death, opened + 25_000]);
        assert_eq!(session.remote.trace().times("#2 -> ping"), [opened + 15_000]);
    }
}

/// A connection on which bytes of one large message arrive until a certain time. No frame is
/// complete.
struct Trickle {
    clock: Clock,
    until: Duration,
}

impl Behaviour for Trickle {
    fn bytes_read(&self, _: &MockConnection) -> Option<u64> {
        Some(in_millis(self.clock.now().since_epoch().min(self.until)))
    }
}

/// The times of losses while bytes of one message arrive until `until`.
fn losses(until: Duration, life: ProofOfLife) -> Vec<u64> {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|dial| if dial == 1 { Script::accept().without_pongs() } else { Script::hang() });
    let at = clock.clone();
    let transport = wrap_connections(transport, move || Trickle { clock: at.clone(), until });
    let supervisor = Supervisor::builder(transport, clock.timer())
        .heartbeat(pings().proof_of_life(life))
        .build()
        .unwrap();
    let mut session = Session::over(&clock, remote, supervisor);
    session.run_to(600_000);
    session.times("lost 1 ")
}

#[test]
fn a_slow_large_message_loses_no_connection() {
    assert_eq!(losses(secs(1_000), ProofOfLife::AnyFrame), []);
    // The bytes stop at 60 s. There are new bytes at the verdicts of 25 s and 50 s, but none at
    // that of 75 s.
    assert_eq!(losses(secs(60), ProofOfLife::AnyFrame), [75_000]);
    assert_eq!(losses(secs(1_000), ProofOfLife::Data), [25_000], "bytes are not a message");
}
