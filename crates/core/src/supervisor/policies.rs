//! The settings as a session keeps them: [`Resolved`].

use super::{probes::Probes, redial::Redial};
use crate::{
    config::{Heartbeat, OutboxSettings, Settings},
    error::ConfigError,
    machine::{HeartbeatRules, Pace, Rules},
    time::Nanos,
};

/// The checked settings of a session, with the values of the preset for settings that were not set.
pub(crate) struct Resolved {
    pub(crate) rules: Rules,
    pub(crate) outbox: OutboxSettings,
    pub(crate) probes: Probes,
    pub(crate) redial: Redial,
}

impl Resolved {
    pub(crate) fn new(settings: Settings, entropy: u64) -> Result<Self, ConfigError> {
        settings.check()?;
        let preset = settings.preset;
        let heartbeat = settings.heartbeat.unwrap_or_else(|| preset.heartbeat());
        let backoff = settings.backoff.unwrap_or_else(|| preset.backoff());
        let verdict = settings.verdict.unwrap_or_else(|| preset.verdict());
        let attempts = settings.attempts.unwrap_or_else(|| preset.attempts());
        let rules = Rules {
            heartbeat: heartbeat_rules(&heartbeat),
            recheck: Nanos::of(heartbeat.recheck()),
            stable_after: Nanos::of(settings.stable_after.unwrap_or_else(|| preset.stable_after())),
            connect_timeout: settings.connect_timeout.unwrap_or_else(|| preset.connect_timeout()),
            close_timeout: Nanos::of(
                settings.close_timeout.unwrap_or_else(|| preset.close_timeout()),
            ),
            write_timeout: settings.write_timeout.unwrap_or_else(|| preset.write_timeout()),
            pace: Pace {
                minimum_gap: Nanos::of(
                    settings.minimum_gap.unwrap_or_else(|| preset.minimum_gap()),
                ),
                outage_limit: settings.outage_limit.map_or(Nanos::FOREVER, Nanos::of),
                last_attempt: attempts.last(),
                flap_limit: settings.flap_limit.unwrap_or(u32::MAX),
            },
        };
        let (budget, max_age) = (settings.dial_budget, settings.max_age);
        let redial = Redial::new(verdict, backoff.delays, budget, max_age, entropy);
        Ok(Self {
            rules,
            outbox: settings.outbox.unwrap_or_else(|| preset.outbox()),
            probes: heartbeat.into(),
            redial,
        })
    }
}

/// The times of a heartbeat; `None` without one.
fn heartbeat_rules(heartbeat: &Heartbeat) -> Option<HeartbeatRules> {
    let schedule = heartbeat.schedule?;
    Some(HeartbeatRules {
        trigger: schedule.trigger,
        every: Nanos::of(schedule.every),
        timeout: Nanos::of(heartbeat.answer_timeout()),
        max_missed: heartbeat.max_missed.unwrap_or(0),
        slot: heartbeat.slot.map_or(Nanos::ZERO, Nanos::of),
    })
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;
    use crate::config::{DialBudget, Preset};

    #[test]
    fn a_session_keeps_little_of_its_policies() {
        let kept = size_of::<Probes>() + size_of::<Redial>();
        assert!(kept <= 192, "{kept} bytes");
        assert_eq!(size_of::<Option<DialBudget>>(), 8);
        for preset in [Preset::Original, Preset::Resilient] {
            let (delays, verdict) = (preset.backoff().delays, preset.verdict());
            assert_eq!((size_of_val(&*delays), size_of_val(&*verdict)), (0, 0));
        }
    }
}
