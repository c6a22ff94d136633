//! Tests of several modules together.

use std::time::Duration;

use websocket_heartbeat::Supervisor;

use crate::{Clock, Runner, Script, mock};

/// Actions scheduled on a clock must not keep it alive.
#[test]
fn a_clock_is_freed_with_its_sessions() {
    let hour = Duration::from_secs(3_600);
    let scripts: [fn(u64) -> Script; 4] = [
        |_| Script::accept().after(Duration::from_secs(5)),
        |_| Script::refuse_connection().after(Duration::from_secs(5)),
        |_| Script::accept().chatter(Duration::from_secs(7), "tick"),
        |_| Script::accept().latency(Duration::from_secs(3)).echo().end_after(Duration::MAX),
    ];
    for script in scripts {
        for ends in [Duration::from_secs(1), hour] {
            let clock = Clock::new();
            let is_alive = clock.is_alive();
            let (transport, remote) = mock(&clock);
            remote.script(script);
            let mut session = Supervisor::builder(transport, clock.timer()).build().unwrap();
            let mut runner = Runner::new(&clock);
            runner.spawn(async move { while session.next().await.is_some() {} }).detach();
            runner.run_for(ends);
            let peer = remote.last_peer();
            drop((runner, remote, clock));
            drop(peer);
            assert!(!is_alive());
        }
    }
}
