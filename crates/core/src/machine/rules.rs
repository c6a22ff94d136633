//! What the machine goes by: plain numbers, made from the public configuration.

use std::time::Duration;

use crate::{Attempts, ConnectTimeout, Timestamp, heartbeat::Trigger};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    pub(crate) pulse: Option<Pulse>,
    /// The wait for an answer to a probe sent out of doubt.
    pub(crate) hasty: Duration,
    pub(crate) attempts: Attempts,
    pub(crate) stable_after: Duration,
    pub(crate) connect_timeout: ConnectTimeout,
    pub(crate) close_timeout: Duration,
    pub(crate) pace: Pace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pulse {
    pub(crate) trigger: Trigger,
    pub(crate) every: Duration,
    pub(crate) timeout: Duration,
    pub(crate) tolerate: u32,
    /// Probes after silence are due at multiples of this; zero is any moment.
    pub(crate) slot: Duration,
}

impl Pulse {
    /// When the silence that begins now will have lasted too long.
    pub(crate) fn silent_at(&self, now: Timestamp) -> Option<Timestamp> {
        let due = now.checked_add(self.every)?;
        let aligned = due.round_down(self.slot);
        Some(if aligned > now { aligned } else { due })
    }
}

/// Bounds on reconnecting that hold whatever the backoff says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pace {
    pub(crate) minimum_gap: Duration,
    pub(crate) flap_limit: Option<u32>,
    pub(crate) outage_limit: Option<Duration>,
}

/// What the driver found out about a lost connection: verdict and delay in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ruling {
    /// Not worth another attempt.
    Stop,
    /// The backoff gave no further delay.
    NoDelayLeft,
    /// Try again after this time.
    Retry(Duration),
}
