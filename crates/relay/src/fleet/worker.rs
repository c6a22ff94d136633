//! The names of workers, and the state that they report.

use std::{fmt, time::Duration};

use super::hash::hash;

/// A worker's process. A restart has the same name and another incarnation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worker {
    /// The name in the configuration. It is unique in the fleet.
    pub name: String,
    /// A random number of this process.
    pub incarnation: u64,
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:016x}", self.name, self.incarnation)
    }
}

/// What a worker reports of itself, several times each second. It is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The sender.
    pub worker: Worker,
    /// Its share of the subscriptions, relative to the other workers. Not 0.
    pub weight: u32,
    /// It gives up all subscriptions.
    pub drains: bool,
}

impl Beat {
    /// The order of preference for a block is by this score. If a worker appears or disappears, only
    /// its own blocks change their first worker (weighted rendezvous hashing).
    pub(super) fn score(&self, block: u32) -> f64 {
        let bits = hash(&[self.worker.name.as_bytes(), &block.to_le_bytes()].concat()) >> 11;
        // Between 0 and 1, without both.
        let draw = (bits as f64 + 0.5) / (1u64 << 53) as f64;
        f64::from(self.weight.max(1)) / -draw.ln()
    }
}

/// A worker that was heard.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) beat: Beat,
    /// The last sign of life.
    pub(super) heard: Duration,
    /// The first sign of life after a silence.
    pub(super) appeared: Duration,
}
