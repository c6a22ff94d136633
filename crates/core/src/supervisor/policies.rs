//! The settings as a session keeps them: [`Resolved`].

use std::time::Duration;

use super::{probes::Probes, redial::Redial};
use crate::{
    config::{Attempts, Heartbeat, OutboxSettings, Preset, Settings},
    error::ConfigError,
    machine::{HeartbeatRules, Pace, Rules, WithoutPings},
};

/// The checked settings of a session, with the values of the preset for settings that were not set.
pub(crate) struct Resolved {
    pub(crate) rules: Rules,
    pub(crate) outbox: OutboxSettings,
    pub(crate) probes: Probes,
    pub(crate) redial: Redial,
    pub(crate) name: Option<Box<Box<str>>>,
}

impl Resolved {
    pub(crate) fn new(settings: Settings, entropy: u64) -> Result<Self, ConfigError> {
        settings.check()?;
        // Without pings, the interval of the preset's heartbeat has no meaning.
        let silence = match &settings.heartbeat {
            None => Preset::SILENCE,
            Some(Heartbeat { schedule: Some(schedule), .. }) => schedule.every,
            Some(Heartbeat { schedule: None, .. }) => Duration::MAX,
        };
        let without_pings = match settings.preset {
            Preset::Original => WithoutPings::SendText,
            Preset::Resilient => WithoutPings::Watch { silence },
        };
        let preset = settings.preset.values();
        let heartbeat = settings.heartbeat.unwrap_or(preset.heartbeat);
        let backoff = settings.backoff.unwrap_or(preset.backoff);
        let verdict = settings.verdict.unwrap_or(preset.verdict);
        let rules = Rules {
            heartbeat: heartbeat_rules(&heartbeat),
            without_pings,
            recheck: heartbeat.recheck(),
            stable_after: settings.stable_after.unwrap_or_else(|| settings.preset.stable_after()),
            connect_timeout: settings.connect_timeout.unwrap_or(preset.connect_timeout),
            close_timeout: settings.close_timeout.unwrap_or(Preset::CLOSE_TIMEOUT),
            write_timeout: settings.write_timeout.unwrap_or(preset.write_timeout),
            pace: Pace {
                minimum_gap: settings.minimum_gap.unwrap_or(Preset::MINIMUM_GAP),
                outage_limit: settings.outage_limit.unwrap_or(Duration::MAX),
                last_attempt: settings.attempts.last(),
                last_initial_attempt: settings.initial_attempts.map(Attempts::last),
                flap_limit: settings.flap_limit.unwrap_or(u32::MAX),
            },
        };
        let (place, max_age) = (settings.dial_place, settings.max_age);
        let redial = Redial::new(verdict, backoff.delays, place, max_age, entropy);
        Ok(Self {
            rules,
            outbox: settings.outbox.unwrap_or(preset.outbox),
            probes: Probes::new(heartbeat),
            redial,
            name: settings.name,
        })
    }
}

/// The times of a heartbeat; `None` without one.
fn heartbeat_rules(heartbeat: &Heartbeat) -> Option<HeartbeatRules> {
    let schedule = heartbeat.schedule?;
    Some(HeartbeatRules {
        trigger: schedule.trigger,
        every: schedule.every,
        timeout: heartbeat.answer_timeout(),
        max_missed: heartbeat.max_missed.unwrap_or(0),
        slot: heartbeat.slot.unwrap_or(Duration::ZERO),
    })
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn a_session_keeps_little_of_its_policies() {
        let kept = size_of::<Probes>() + size_of::<Redial>();
        assert!(kept <= 192, "{kept} bytes");
        for preset in [Preset::Original, Preset::Resilient] {
            let preset = preset.values();
            assert_eq!(
                (size_of_val(&*preset.backoff.delays), size_of_val(&*preset.verdict)),
                (0, 0)
            );
        }
    }
}
