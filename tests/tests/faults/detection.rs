//! The time until a session reports a loss, and the longest time that is allowed.

use std::time::Duration;

use websocket_heartbeat_tests::Report;

/// The heartbeat of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) idle: Duration,
    pub(crate) timeout: Duration,
}

impl Times {
    pub(crate) const fn millis(idle: u64, timeout: u64) -> Self {
        Self { idle: Duration::from_millis(idle), timeout: Duration::from_millis(timeout) }
    }

    /// The longest time without a sign of the server until the loss is reported.
    pub(crate) fn bound(self) -> Duration {
        self.idle + self.timeout
    }
}

/// The heartbeat for faults that are silent.
pub(crate) const TIMES: Times = Times::millis(300, 200);

/// The time until a loss was reported, and the longest time that is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detection {
    pub(crate) after: Duration,
    pub(crate) bound: Duration,
}

/// The time in addition to the timeouts.
const TOLERANCE: Duration = Duration::from_millis(100);

/// The time from `since` to a loss, which must be within `bound` and the tolerance. `timeout` is that
/// of the heartbeat.
pub(crate) fn within(
    lost: &Report,
    since: Duration,
    bound: Duration,
    timeout: Duration,
) -> Detection {
    within_stall(lost, since, bound, timeout, lost.micros("stall_us"))
}

fn within_stall(
    lost: &Report,
    since: Duration,
    bound: Duration,
    timeout: Duration,
    stall: Duration,
) -> Detection {
    let after = lost.micros("at_us").saturating_sub(since);
    let limit = limit(bound, timeout, stall);
    assert!(after <= limit, "reported after {after:?}, limit {limit:?}: {lost:?}");
    Detection { after, bound: bound + TOLERANCE }
}

/// A loss that a heartbeat found after a fault at `since`.
pub(crate) fn silently(lost: &Report, since: Duration, times: Times) -> Detection {
    assert_eq!(lost.text("cause"), "heartbeat_timeout", "{lost:?}");
    let (silence, bound) = (lost.micros("silence_us"), times.bound());
    assert!(silence >= bound, "lost after only {silence:?}");
    let limit = limit(bound, times.timeout, lost.micros("stall_us"));
    assert!(silence <= limit, "detected after {silence:?}, limit {limit:?}: {lost:?}");
    within(lost, since, bound, times.timeout)
}

/// A loss that one probe found after the client was resumed, which was stalled by `stall` since then.
pub(crate) fn after_resumption(
    lost: &Report,
    resumed_at: Duration,
    timeout: Duration,
    stall: Duration,
) -> Detection {
    within_stall(lost, resumed_at, timeout, timeout, stall)
}

/// A loss that the kernel reports after `since`.
pub(crate) fn at_once(lost: &Report, since: Duration) -> Detection {
    assert_eq!(lost.text("cause"), "broken", "{lost:?}");
    within(lost, since, Duration::ZERO, Duration::MAX)
}

/// The probe, the verdict and its report may each be late by a stall of the client. After a stall longer
/// than the timeout the supervisor sends one more probe.
fn limit(bound: Duration, timeout: Duration, stall: Duration) -> Duration {
    let second_probe = if stall > timeout { timeout } else { Duration::ZERO };
    bound + TOLERANCE + stall * 3 + second_probe
}
