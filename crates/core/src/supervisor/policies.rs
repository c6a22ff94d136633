//! The rules of the machine, made from the settings.

use crate::{
    config::{Heartbeat, Settings},
    machine::{HeartbeatRules, Pace, Rules},
    time::Nanos,
};

impl Settings {
    pub(crate) fn rules(&self, heartbeat: &Heartbeat) -> Rules {
        Rules {
            heartbeat: heartbeat.pulse.as_ref().map(|pulse| HeartbeatRules {
                trigger: pulse.trigger,
                every: Nanos::of(pulse.every),
                timeout: Nanos::of(pulse.timeout),
                max_missed: pulse.max_missed,
                slot: Nanos::of(pulse.slot),
            }),
            recheck: Nanos::of(heartbeat.recheck()),
            stable_after: Nanos::of(self.stable_after),
            connect_timeout: self.connect_timeout,
            close_timeout: Nanos::of(self.close_timeout),
            write_timeout: self.write_timeout.map_or(Nanos::FOREVER, Nanos::of),
            pace: Pace {
                minimum_gap: Nanos::of(self.minimum_gap),
                outage_limit: self.outage_limit.map_or(Nanos::FOREVER, Nanos::of),
                last_attempt: self.attempts.last(),
                flap_limit: self.flap_limit.unwrap_or(u32::MAX),
            },
        }
    }
}
