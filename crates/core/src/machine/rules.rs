//! The machine's rules: plain numbers, made from the public settings. A session keeps them here only,
//! and in small types.

use std::time::Duration;

use crate::{
    config::{ConnectTimeout, Trigger},
    time::{Nanos, Timestamp},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    pub(crate) heartbeat: Option<HeartbeatRules>,
    /// The wait for an answer to a probe sent out of doubt.
    pub(crate) recheck: Nanos,
    pub(crate) stable_after: Nanos,
    pub(crate) connect_timeout: ConnectTimeout,
    pub(crate) close_timeout: Nanos,
    /// How long a write may be blocked without any byte accepted.
    pub(crate) write_timeout: Nanos,
    pub(crate) pace: Pace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HeartbeatRules {
    pub(crate) trigger: Trigger,
    pub(crate) every: Nanos,
    pub(crate) timeout: Nanos,
    pub(crate) max_missed: u32,
    /// Probes after silence are due at multiples of this; zero is any moment.
    pub(crate) slot: Nanos,
}

impl HeartbeatRules {
    /// When a silence that begins now has lasted for the whole interval.
    pub(crate) fn silent_at(&self, now: Timestamp) -> Option<Timestamp> {
        let due = now.after(self.every)?;
        let aligned = due.aligned(self.slot);
        Some(if aligned > now { aligned } else { due })
    }
}

/// Bounds on reconnecting that hold whatever the backoff says. The largest value means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pace {
    pub(crate) minimum_gap: Nanos,
    pub(crate) outage_limit: Nanos,
    /// The number of the last attempt that is allowed.
    pub(crate) last_attempt: u32,
    pub(crate) flap_limit: u32,
}

/// The driver's decision on a loss, made of verdict, delay and budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Decision {
    /// Not worth another attempt.
    Stop,
    /// The backoff gave no further delay.
    NoDelayLeft,
    /// A function of the user's panicked.
    Panicked,
    /// Try again after this time.
    Retry(Duration),
}
