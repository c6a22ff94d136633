//! The ping that proves written messages on a busy connection.
//!
//! The answer to a ping proves that the peer has read the messages before it. A heartbeat after
//! silence sends no ping while frames come in, so the number of unproven messages would have no
//! bound. So the first flush of messages after a ping sets a deadline, one interval of the heartbeat
//! later, at which a ping is due. So there is at most one such ping in an interval. It is not judged:
//! while other frames come in, a missing pong shows nothing, and in silence the heartbeat decides.

use super::{HeartbeatRules, OpenConnection, reached};
use crate::{config::Trigger, time::Timestamp};

/// If the heartbeat's own ping is due within this part of its interval, it is the proof, too. So a
/// request, its answer and then silence cause one ping, not two.
const PATIENCE: u32 = 10;

impl OpenConnection {
    /// Messages are written, which the answer to a ping proves. A heartbeat with a period needs no
    /// other pings.
    pub(super) fn want_proof(&mut self, now: Timestamp, heartbeat: Option<HeartbeatRules>) {
        if self.proof_due.is_none()
            && let Some(heartbeat) = heartbeat
            && heartbeat.trigger == Trigger::Idle
        {
            self.proof_due = heartbeat.silent_at(now);
        }
    }

    /// When a ping is due. `full`: nothing is read.
    pub(super) fn proof_deadline(&self, full: bool) -> Option<Timestamp> {
        self.proof_due.filter(|_| !full && self.beat.is_resting())
    }

    /// Returns whether to send a ping now.
    pub(super) fn take_proof(
        &mut self,
        now: Timestamp,
        full: bool,
        heartbeat: Option<HeartbeatRules>,
    ) -> bool {
        if reached(self.proof_deadline(full), now).is_none() {
            return false;
        }
        if let (Some(probe), Some(heartbeat)) = (self.beat.deadline(now, full), heartbeat)
            && probe.saturating_since(now) <= heartbeat.every / PATIENCE
        {
            self.proof_due = Some(probe);
            return false;
        }
        self.proof_due = None;
        self.beat.prove();
        true
    }
}
