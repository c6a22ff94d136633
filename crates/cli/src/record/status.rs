//! The status of the session, as a JSON record or as text for people.

use std::time::Duration;

use serde::Serialize;
use websocket_heartbeat_smol::{
    Cutoff, LostCause, Phase, Status, Timestamp,
    status::{Counters, RoundTrip},
};

use super::cutoff;
use crate::duration::{show, to_millis};

/// All fields of [`Status`]. As in `t_ms`, a time of an event is in milliseconds since the program
/// started.
#[derive(Debug, Serialize)]
pub(crate) struct StatusRecord {
    as_of_ms: u64,
    phase: &'static str,
    since_ms: u64,
    connection: u64,
    attempt: u32,
    next_attempt_at_ms: Option<u64>,
    last_life_ms: Option<u64>,
    silent_for_ms: Option<u64>,
    probe_since_ms: Option<u64>,
    probe_out_for_ms: Option<u64>,
    write_blocked_since_ms: Option<u64>,
    round_trip: RoundTrip,
    counters: Counters,
    queued_messages: usize,
    queued_bytes: usize,
    last_cause: Option<&'static str>,
    last_detail: Option<String>,
    cutoff: Option<Cutoff>,
    close_reason: Option<&'static str>,
}

impl StatusRecord {
    /// `now` is a time of the same timer. The status was published at the last event, and the
    /// server may have been silent since.
    pub(crate) fn new(status: &Status, now: Timestamp) -> Self {
        let at = |time: Timestamp| to_millis(time.since_epoch());
        let elapsed = |since: Timestamp| to_millis(now.saturating_since(since));
        let open = status.phase == Phase::Open;
        Self {
            as_of_ms: at(status.as_of),
            phase: status.phase.name(),
            since_ms: at(status.since),
            connection: status.connection,
            attempt: status.attempt,
            next_attempt_at_ms: status.next_attempt_at.map(at),
            last_life_ms: status.last_life.map(at),
            silent_for_ms: status.last_life.filter(|_| open).map(elapsed),
            probe_since_ms: status.probe_since.map(at),
            probe_out_for_ms: status.probe_since.map(elapsed),
            write_blocked_since_ms: status.write_blocked_since.map(at),
            round_trip: status.round_trip,
            counters: status.counters,
            queued_messages: status.queued_messages,
            queued_bytes: status.queued_bytes,
            last_cause: status.last_cause.as_ref().map(|cause| cause.name()),
            last_detail: status.last_cause.as_ref().map(LostCause::detail),
            cutoff: status.cutoff.as_deref().copied(),
            close_reason: status.close_reason.as_ref().map(|reason| reason.name()),
        }
    }

    /// The text for people, in several rows.
    pub(crate) fn rows(&self, now: Timestamp) -> Vec<String> {
        let now = to_millis(now.since_epoch());
        let (counters, trip) = (&self.counters, &self.round_trip);
        let time =
            |ms: Option<u64>| ms.map_or_else(|| "-".into(), |ms| show(Duration::from_millis(ms)));
        let fine = |time: Option<Duration>| {
            time.map_or_else(|| "-".into(), |time| format!("{:.2} ms", time.as_secs_f64() * 1e3))
        };
        let mut rows = vec![
            format!(
                "{} for {}, connection {}, attempt {}",
                self.phase,
                time(Some(now.saturating_sub(self.since_ms))),
                self.connection,
                self.attempt
            ),
            format!(
                "silent for {}, heartbeat unanswered for {}, next attempt in {}",
                time(self.silent_for_ms),
                time(self.probe_out_for_ms),
                time(self.next_attempt_at_ms.map(|at| at.saturating_sub(now)))
            ),
            format!(
                "round trip: last {}, smoothed {}, shortest {}",
                fine(trip.last),
                fine(trip.smoothed),
                fine(trip.minimum)
            ),
            format!(
                "{} dials, {} opens, {} of {} heartbeats answered",
                counters.dials, counters.opens, counters.probes_answered, counters.probes_sent
            ),
            format!(
                "{} messages in ({} bytes), {} out ({} bytes), {} queued, {} dropped, {} unknown",
                counters.messages_in,
                counters.bytes_in,
                counters.messages_out,
                counters.bytes_out,
                self.queued_messages,
                counters.dropped,
                counters.unknown
            ),
        ];
        rows.extend(self.last_detail.as_ref().map(|cause| format!("last loss: {cause}")));
        rows.extend(self.cutoff.as_ref().map(cutoff::describe));
        rows
    }
}
