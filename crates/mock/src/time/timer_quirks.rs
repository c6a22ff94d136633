//! [`Quirks`]: how timers differ from the ideal.

use std::time::Duration;

use websocket_heartbeat::Timestamp;

/// Below this a sleep no longer ends early, so that asking again and again comes to an end.
const EARLY_LIMIT: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Default)]
pub(crate) struct Quirks {
    pub(crate) lateness: Duration,
    pub(crate) granularity: Duration,
    /// How much less than the true time the timers show.
    pub(crate) setback: Duration,
    pub(crate) early: bool,
}

impl Quirks {
    /// What the timers show.
    pub(crate) fn shown(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_epoch(now.since_epoch().saturating_sub(self.setback))
    }

    /// When a sleep until the timers show `deadline` ends in truth; `None` means never.
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
