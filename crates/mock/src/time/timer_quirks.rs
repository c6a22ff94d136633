//! [`TimerQuirks`]: how timers differ from an ideal timer.

use std::time::Duration;

use websocket_heartbeat::Timestamp;

/// A shorter sleep does not end early, so that a caller that sleeps again reaches the deadline.
const EARLY_LIMIT: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Default)]
pub(crate) struct TimerQuirks {
    pub(crate) lateness: Duration,
    pub(crate) granularity: Duration,
    /// The clock's time minus the time that timers show.
    pub(crate) setback: Duration,
    pub(crate) early: bool,
}

impl TimerQuirks {
    /// The time that timers show.
    pub(crate) fn shown(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_epoch(now.since_epoch().saturating_sub(self.setback))
    }

    /// The clock's time at which a sleep until `deadline` ends. `None` means never.
    pub(crate) fn end_of_sleep(&self, now: Timestamp, deadline: Timestamp) -> Option<Timestamp> {
        let due = deadline.checked_add(self.setback)?;
        if due <= now {
            return Some(due);
        }
        let late = due.checked_add(self.lateness)?;
        let grain = self.granularity.as_nanos();
        let end = if grain == 0 {
            late
        } else {
            let past_the_grain = late.since_epoch().as_nanos() % grain;
            let rest = if past_the_grain == 0 { 0 } else { grain - past_the_grain };
            late.checked_add(Duration::from_nanos(u64::try_from(rest).ok()?))?
        };
        let half = end.saturating_since(now) / 2;
        if self.early && half >= EARLY_LIMIT { now.checked_add(half) } else { Some(end) }
    }
}
