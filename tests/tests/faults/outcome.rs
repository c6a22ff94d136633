//! The result of one run of a fault.

use websocket_heartbeat_tests::SkipReason;

use crate::{detection::Detection, ledger::Tally};

/// The observations of one run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The fault, in a few words.
    pub(crate) fault: &'static str,
    /// The cause that the session reported.
    pub(crate) saw: String,
    pub(crate) detection: Option<Detection>,
    /// The attempts from the loss until a connection was open.
    pub(crate) dials: u64,
    pub(crate) messages: Tally,
}

/// Why a run has no outcome.
#[derive(Debug)]
pub(crate) enum Stop {
    Skip(SkipReason),
    /// The connection was lost before the fault, because the machine is too slow for the heartbeat.
    Early,
}

impl From<SkipReason> for Stop {
    fn from(reason: SkipReason) -> Self {
        Self::Skip(reason)
    }
}
