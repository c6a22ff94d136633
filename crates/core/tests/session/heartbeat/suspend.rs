//! Suspended machines, clocks that run backward, and late timers.

use websocket_heartbeat::{Heartbeat, Phase};
use websocket_heartbeat_mock::Script;

use crate::harness::{Session, ms, secs};

fn pings(idle: u64, timeout: u64) -> Heartbeat {
    Heartbeat::idle(ms(idle)).timeout(ms(timeout)).ping()
}

#[test]
fn an_hour_of_suspend_in_any_state_causes_no_burst() {
    // The states are: waiting for a retry, connecting, open, waiting for an answer, and open again.
    type Answer = fn(u64) -> Script;
    let states: [(Answer, u64); 5] = [
        (|_| Script::refuse_connection(), 1_000),
        (|_| Script::hang(), 5_000),
        (|_| Script::accept().silent(), 10_000),
        (|_| Script::accept().silent(), 20_000),
        (|_| Script::accept().silent(), 27_500),
    ];
    for (script, moment) in states {
        for heartbeat in [pings(15_000, 10_000), Heartbeat::every(secs(15)).ping()] {
            let mut session = Session::new(script, |builder| builder.heartbeat(heartbeat));
            session.run_to(moment);
            let sent = |session: &Session| {
                session.dials().len() + session.remote.trace().times("-> ping").len()
            };
            let before = sent(&session);
            session.clock.jump(secs(3_600));
            session.runner.settle();
            let burst = sent(&session) - before;
            assert!(burst <= 1, "{burst} at once after {moment}\n{}", session.remote.trace());
        }
    }
}

#[test]
fn backward_clocks_and_late_timers_lose_no_healthy_connection() {
    // The clock goes backward by a minute during the wait for an answer. The verdict comes neither
    // early nor never.
    let mut session = Session::original(|_| Script::accept().silent());
    session.run_to(20_000);
    session.clock.set_timer_back(secs(60));
    session.run_to(24_000);
    session.clock.set_timer_back(secs(0));
    session.run_to(28_000);
    assert_eq!((session.times("lost"), session.dials()), (vec![25_000], vec![0, 27_000]));

    // Timers that fire once per minute, as in background tabs: a connection that answers is kept,
    // and a dead one is detected.
    let mut session = Session::original(|_| Script::accept().echo());
    session.clock.set_timer_granularity(secs(60));
    session.run_to(3_600_000);
    assert_eq!(session.times("lost"), []);
    session.peer().half_open();
    session.run_to(4_200_000);
    assert_eq!(session.times("lost").len(), 1);
    session.run_to(4_400_000);
    assert_eq!(session.handle.status().phase, Phase::Open);
}

#[test]
fn after_a_suspend_only_a_dead_connection_is_lost() {
    for sleep in [60, 3_600] {
        // The clock continued or stopped during the suspend.
        for frozen in [false, true] {
            for moment in [10_000, 20_000] {
                for dead in [false, true] {
                    let mut session = Session::new(
                        |_| Script::accept().pong_after(ms(8_000)),
                        |builder| builder.heartbeat(pings(15_000, 10_000)),
                    );
                    session.run_to(moment);
                    if dead {
                        session.peer().half_open();
                    }
                    match frozen {
                        true => session.clock.freeze(secs(sleep)),
                        false => session.clock.jump(secs(sleep)),
                    }
                    session.peer().set_pong(Some(ms(100)));
                    let woken = session.now();
                    session.run_to(woken + 25_000);
                    let case = (sleep, frozen, moment);
                    assert_eq!(session.times("lost").len(), usize::from(dead), "{case:?}");
                }
            }
        }
    }
}
