//! What a session keeps of its settings: [`Kept`], and the rules of its machine.

use std::time::Duration;

use super::{probes::Exchange, redial::Redial};
use crate::{
    config::{Heartbeat, Policies, Settings},
    machine::{Pace, Pulse, Rules},
    time::Span,
};

/// What of the [`Policies`] a session keeps once it is built.
pub(crate) struct Kept {
    pub(crate) heartbeat: Exchange,
    pub(crate) redial: Redial,
}

impl Kept {
    pub(crate) fn new(policies: Policies, max_age: Option<Duration>) -> Self {
        let Policies { heartbeat, delays, verdict, budget, .. } = policies;
        Self { heartbeat: heartbeat.into(), redial: Redial::new(verdict, delays, budget, max_age) }
    }
}

impl Settings {
    pub(crate) fn rules(&self, heartbeat: &Heartbeat) -> Rules {
        Rules {
            pulse: heartbeat.pulse.as_ref().map(|pulse| Pulse {
                trigger: pulse.trigger,
                every: Span::of(pulse.every),
                timeout: Span::of(pulse.timeout),
                max_missed: pulse.max_missed,
                slot: Span::of(pulse.slot),
            }),
            recheck: Span::of(heartbeat.recheck()),
            stable_after: Span::of(self.stable_after),
            connect_timeout: self.connect_timeout,
            close_timeout: Span::of(self.close_timeout),
            write_timeout: self.write_timeout.map_or(Span::FOREVER, Span::of),
            pace: Pace {
                minimum_gap: Span::of(self.minimum_gap),
                outage_limit: self.outage_limit.map_or(Span::FOREVER, Span::of),
                last_attempt: self.attempts.last(),
                flap_limit: self.flap_limit.unwrap_or(u32::MAX),
            },
        }
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;
    use crate::config::{DialBudget, Preset};

    #[test]
    fn a_session_keeps_little_of_its_policies() {
        assert!(size_of::<Kept>() <= 160, "{} bytes", size_of::<Kept>());
        assert_eq!(size_of::<Option<DialBudget>>(), 8);
        for preset in [Preset::Original, Preset::Resilient] {
            let policies = preset.policies();
            assert_eq!((size_of_val(&*policies.delays), size_of_val(&*policies.verdict)), (0, 0));
        }
    }
}
