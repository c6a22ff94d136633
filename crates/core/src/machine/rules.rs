//! The rules of the machine: plain numbers from the public settings. A session has no other copy of
//! them.

use std::time::Duration;

use crate::{
    config::{ConnectTimeout, Trigger},
    time::Timestamp,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    pub(crate) heartbeat: Option<HeartbeatRules>,
    pub(crate) without_pings: WithoutPings,
    /// How long the answer to a recheck may take.
    pub(crate) recheck: Duration,
    pub(crate) stable_after: Duration,
    pub(crate) connect_timeout: ConnectTimeout,
    pub(crate) close_timeout: Duration,
    /// How long a write may be blocked without an accepted byte.
    pub(crate) write_timeout: Duration,
    pub(crate) pace: Pace,
}

/// The rule for connections that cannot send pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WithoutPings {
    /// The original's rule: the text `heartbeat` takes the place of a ping, and the server must
    /// answer heartbeats.
    SendText,
    /// Nothing takes the place of a ping: a silence of this length is reported. The server may
    /// answer heartbeats by message.
    Watch { silence: Duration },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HeartbeatRules {
    pub(crate) trigger: Trigger,
    pub(crate) every: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_missed: u32,
    /// Probes after silence are due at multiples of this; zero means at any time.
    pub(crate) slot: Duration,
}

impl HeartbeatRules {
    /// The end of the interval if a silence begins now.
    pub(crate) fn silent_at(&self, now: Timestamp) -> Option<Timestamp> {
        let due = now.checked_add(self.every)?;
        let aligned = due.round_down(self.slot);
        Some(if aligned > now { aligned } else { due })
    }
}

/// Limits of reconnecting that apply to any backoff. The largest value means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pace {
    pub(crate) minimum_gap: Duration,
    pub(crate) outage_limit: Duration,
    /// The number of the last attempt that is allowed.
    pub(crate) last_attempt: u32,
    /// The same before a connection has opened, if these attempts have a limit of their own.
    pub(crate) last_initial_attempt: Option<u32>,
    pub(crate) flap_limit: u32,
}

/// The decision of the driver on a loss, from verdict, delay and budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Decision {
    /// The verdict allows no further attempt.
    Stop,
    /// The backoff returned no further delay.
    NoDelayLeft,
    /// A function of the user panicked.
    Panicked,
    /// Try again after this time.
    Retry(Duration),
}
