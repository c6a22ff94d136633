//! What the machine goes by: plain numbers, made from the public configuration. The one place where
//! a session keeps them, so they are small.

use std::time::Duration;

use crate::{
    config::{ConnectTimeout, Trigger},
    time::{Span, Timestamp},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    pub(crate) pulse: Option<Pulse>,
    /// The wait for an answer to a probe sent out of doubt.
    pub(crate) recheck: Span,
    pub(crate) stable_after: Span,
    pub(crate) connect_timeout: ConnectTimeout,
    pub(crate) close_timeout: Span,
    /// How long a write may be blocked without any byte accepted.
    pub(crate) write_timeout: Span,
    pub(crate) pace: Pace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pulse {
    pub(crate) trigger: Trigger,
    pub(crate) every: Span,
    pub(crate) timeout: Span,
    pub(crate) max_missed: u32,
    /// Probes after silence are due at multiples of this; zero is any moment.
    pub(crate) slot: Span,
}

impl Pulse {
    /// When the silence that begins now will have lasted too long.
    pub(crate) fn silent_at(&self, now: Timestamp) -> Option<Timestamp> {
        let due = now.after(self.every)?;
        let aligned = due.aligned(self.slot);
        Some(if aligned > now { aligned } else { due })
    }
}

/// Bounds on reconnecting that hold whatever the backoff says. What is unlimited has the largest
/// value as its limit, which nothing is above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pace {
    pub(crate) minimum_gap: Span,
    pub(crate) outage_limit: Span,
    /// The number of the last attempt that is allowed.
    pub(crate) last_attempt: u32,
    pub(crate) flap_limit: u32,
}

/// What the driver found out about a lost connection: verdict, delay and budget in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ruling {
    /// Not worth another attempt.
    Stop,
    /// The backoff gave no further delay.
    NoDelayLeft,
    /// A function of the user's panicked.
    Panicked,
    /// Try again after this time.
    Retry(Duration),
}
