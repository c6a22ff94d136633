//! The transitions to report: [`Transition`].

use std::time::Duration;

use super::loss::{End, Loss};
use crate::event::Cutoff;

/// A transition that the driver reports as an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Transition {
    /// No byte of a blocked write was accepted for this time; `heard`: frames came in meanwhile.
    WriteBlocked {
        connection: u64,
        time: Duration,
        heard: bool,
    },
    /// Nothing was heard for this time on a connection without probes.
    Silent {
        connection: u64,
        time: Duration,
    },
    /// A probe was not answered, and nothing was heard for this time. The connection is kept, since
    /// the server may not answer probes.
    Unanswered {
        connection: u64,
        time: Duration,
    },
    Lost {
        connection: u64,
        opened: bool,
        loss: Loss,
        /// The limit that this loss and those before it show. `None` for an attempt.
        cutoff: Option<Cutoff>,
    },
    Retry {
        attempt: u32,
        delay: Duration,
    },
    Connecting {
        connection: u64,
        attempt: u32,
    },
    Open {
        connection: u64,
        attempt: u32,
        outage: Duration,
    },
    Closed(End),
}
