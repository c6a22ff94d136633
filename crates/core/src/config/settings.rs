//! The settings of a session that were set: [`Settings`].

use std::{fmt, time::Duration};

use super::{
    attempts::Attempts, backoff::BoxBackoff, connect_timeout::ConnectTimeout,
    dial_budget::DialPlace, heartbeat::Heartbeat, outbox::OutboxSettings, preset::Preset,
    verdict::VerdictFn,
};
use crate::error::{ConfigError, ensure, not_zero};

/// The longest minimum gap. The gap limits the rate of attempts. A longer gap would practically
/// stop the session, and other settings do that.
const LONGEST_GAP: Duration = Duration::from_secs(3_600);

/// The settings that were set. `None` means the value of the preset. Both kinds of attempts and the
/// last four settings have no value in a preset.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) preset: Preset,
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) backoff: Option<BoxBackoff>,
    pub(crate) verdict: Option<VerdictFn>,
    pub(crate) outbox: Option<OutboxSettings>,
    pub(crate) attempts: Attempts,
    pub(crate) initial_attempts: Option<Attempts>,
    pub(crate) name: Option<Box<Box<str>>>,
    pub(crate) stable_after: Option<Duration>,
    pub(crate) connect_timeout: Option<ConnectTimeout>,
    pub(crate) close_timeout: Option<Duration>,
    /// [`Duration::MAX`] means no timeout.
    pub(crate) write_timeout: Option<Duration>,
    pub(crate) minimum_gap: Option<Duration>,
    pub(crate) flap_limit: Option<u32>,
    pub(crate) outage_limit: Option<Duration>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) dial_place: Option<Box<dyn DialPlace>>,
}

impl Settings {
    /// Checks the settings that were set. The values of a preset are valid.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.heartbeat.as_ref().map_or(Ok(()), Heartbeat::check)?;
        self.backoff.as_ref().map_or(Ok(()), |backoff| backoff.checked)?;
        self.outbox.as_ref().map_or(Ok(()), OutboxSettings::check)?;
        self.connect_timeout.map_or(Ok(()), ConnectTimeout::check)?;
        let times = [
            ("close timeout", self.close_timeout),
            ("write timeout", self.write_timeout),
            ("minimum gap", self.minimum_gap),
            ("outage limit", self.outage_limit),
            ("maximum connection age", self.max_age),
        ];
        for (setting, time) in times {
            time.map_or(Ok(()), |time| not_zero(setting, time))?;
        }
        let gap = self.minimum_gap.unwrap_or_default();
        ensure(gap <= LONGEST_GAP, "minimum gap", gap, "must be at most an hour")?;
        let Some(limit) = self.flap_limit else { return Ok(()) };
        let stable_after = self.stable_after.unwrap_or_else(|| self.preset.stable_after());
        let rule = "must come with Builder::stable_after above zero (Preset::Original has 0): \
                    otherwise every connection is stable at once";
        ensure(!stable_after.is_zero(), "flap limit", limit, rule)
    }
}

/// Without functions.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("name", &self.name)
            .field("preset", &self.preset)
            .field("heartbeat", &self.heartbeat)
            .field("outbox", &self.outbox)
            .field("attempts", &self.attempts)
            .field("initial_attempts", &self.initial_attempts)
            .field("stable_after", &self.stable_after)
            .field("connect_timeout", &self.connect_timeout)
            .field("close_timeout", &self.close_timeout)
            .field("write_timeout", &self.write_timeout)
            .field("minimum_gap", &self.minimum_gap)
            .field("flap_limit", &self.flap_limit)
            .field("outage_limit", &self.outage_limit)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}
