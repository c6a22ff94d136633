//! Probes of many sessions at the same time.

use std::time::Duration;

use websocket_heartbeat::{Heartbeat, Supervisor, Timer, Timestamp};
use websocket_heartbeat_mock::{Clock, Runner, Script, mock};

#[test]
fn aligned_probes_of_many_sessions_are_sent_together() {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    let mut remotes = Vec::new();
    for start in [0, 70, 199, 240] {
        let (transport, remote) = mock(&clock);
        // The pongs arrive shortly after the slot.
        remote.script(|_| Script::accept().latency(Duration::from_millis(1)));
        let heartbeat = Heartbeat::idle(Duration::from_secs(1)).ping();
        let aligned = heartbeat.align(Duration::from_millis(250));
        let mut supervisor =
            Supervisor::builder(transport, clock.timer()).heartbeat(aligned).build().unwrap();
        let mut waiting =
            Some(clock.timer().sleep_until(Timestamp::from_epoch(Duration::from_millis(start))));
        runner
            .spawn(async move {
                if let Some(start) = waiting.take() {
                    start.await;
                }
                while supervisor.next().await.is_some() {}
            })
            .detach();
        remotes.push(remote);
    }
    runner.run_for(Duration::from_millis(3_800));
    let beats = |index: usize| remotes[index].trace().times("#1 -> ping");
    for index in 0..4 {
        assert_eq!(beats(index), [1_000, 2_000, 3_000], "{index}");
    }
}
