//! Short forms of durations, and a sleep.

use std::time::Duration;

use websocket_heartbeat::Timer;
use websocket_heartbeat_mock::MockTimer;

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn in_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a test takes less than 584 million years")
}

/// Sleeps for this duration.
pub(crate) async fn sleep(timer: &MockTimer, duration: Duration) {
    let deadline = timer.now().checked_add(duration).expect("the clock is within its range");
    timer.sleep_until(deadline).await;
}
