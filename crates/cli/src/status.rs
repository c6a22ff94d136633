//! The session's status, as a line of JSON or a block for people.

use std::time::Duration;

use serde::Serialize;
use websocket_heartbeat_smol::{Losses, Phase, Status, Timestamp};

use crate::{
    duration::{show, to_fine_millis, to_millis},
    line::detail,
};

/// All of [`Status`]. Moments are milliseconds since the program started, as `t_ms` is.
#[derive(Debug, Serialize)]
pub(crate) struct StatusLine {
    as_of_ms: u64,
    phase: String,
    since_ms: u64,
    connection: u64,
    attempt: u32,
    next_attempt_at_ms: Option<u64>,
    last_life_ms: Option<u64>,
    silent_for_ms: Option<u64>,
    probe_since_ms: Option<u64>,
    probe_out_for_ms: Option<u64>,
    write_blocked_since_ms: Option<u64>,
    round_trip: RoundTripLine,
    counters: CountersLine,
    queued_messages: usize,
    queued_bytes: usize,
    last_cause: Option<&'static str>,
    last_detail: Option<String>,
    close_reason: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct RoundTripLine {
    last_ms: Option<f64>,
    smoothed_ms: Option<f64>,
    variation_ms: Option<f64>,
    minimum_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct CountersLine {
    dials: u64,
    opens: u64,
    losses: LossesLine,
    messages_in: u64,
    bytes_in: u64,
    messages_out: u64,
    bytes_out: u64,
    dropped: u64,
    unknown: u64,
    probes_sent: u64,
    probes_answered: u64,
}

#[derive(Debug, Serialize)]
struct LossesLine {
    connect: u64,
    connect_timeout: u64,
    heartbeat_timeout: u64,
    write_stalled: u64,
    closed_by_peer: u64,
    broken: u64,
    intentional: u64,
}

impl StatusLine {
    /// `now` on the same timer: the status was published when something last happened, and
    /// silence has gone on since.
    pub(crate) fn new(status: &Status, now: Timestamp) -> Self {
        let at = |moment: Timestamp| to_millis(moment.since_epoch());
        let lasts = |since: Timestamp| to_millis(now.saturating_since(since));
        let (round_trip, counters) = (&status.round_trip, &status.counters);
        let open = status.phase == Phase::Open;
        Self {
            as_of_ms: at(status.as_of),
            phase: phase_name(status.phase),
            since_ms: at(status.since),
            connection: status.connection,
            attempt: status.attempt,
            next_attempt_at_ms: status.next_attempt_at.map(at),
            last_life_ms: status.last_life.map(at),
            silent_for_ms: status.last_life.filter(|_| open).map(lasts),
            probe_since_ms: status.probe_since.map(at),
            probe_out_for_ms: status.probe_since.map(lasts),
            write_blocked_since_ms: status.write_blocked_since.map(at),
            round_trip: RoundTripLine {
                last_ms: round_trip.last.map(to_fine_millis),
                smoothed_ms: round_trip.smoothed.map(to_fine_millis),
                variation_ms: round_trip.variation.map(to_fine_millis),
                minimum_ms: round_trip.minimum.map(to_fine_millis),
            },
            counters: CountersLine {
                dials: counters.dials,
                opens: counters.opens,
                losses: LossesLine::new(&counters.losses),
                messages_in: counters.messages_in,
                bytes_in: counters.bytes_in,
                messages_out: counters.messages_out,
                bytes_out: counters.bytes_out,
                dropped: counters.dropped,
                unknown: counters.unknown,
                probes_sent: counters.probes_sent,
                probes_answered: counters.probes_answered,
            },
            queued_messages: status.queued_messages,
            queued_bytes: status.queued_bytes,
            last_cause: status.last_cause.as_ref().map(|cause| cause.name()),
            last_detail: status.last_cause.as_ref().map(detail),
            close_reason: status.close_reason.as_ref().map(|reason| reason.name()),
        }
    }

    /// The block for people, a line each.
    pub(crate) fn lines(&self, now: Timestamp) -> Vec<String> {
        let now = to_millis(now.since_epoch());
        let (counters, trip) = (&self.counters, &self.round_trip);
        let time =
            |ms: Option<u64>| ms.map_or_else(|| "-".into(), |ms| show(Duration::from_millis(ms)));
        let fine = |ms: Option<f64>| ms.map_or_else(|| "-".into(), |ms| format!("{ms:.2} ms"));
        let mut lines = vec![
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
                fine(trip.last_ms),
                fine(trip.smoothed_ms),
                fine(trip.minimum_ms)
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
        lines.extend(self.last_detail.as_ref().map(|cause| format!("last loss: {cause}")));
        lines
    }
}

impl LossesLine {
    fn new(losses: &Losses) -> Self {
        Self {
            connect: losses.connect,
            connect_timeout: losses.connect_timeout,
            heartbeat_timeout: losses.heartbeat_timeout,
            write_stalled: losses.write_stalled,
            closed_by_peer: losses.closed_by_peer,
            broken: losses.broken,
            intentional: losses.intentional,
        }
    }
}

/// Each phase is one word.
fn phase_name(phase: Phase) -> String {
    format!("{phase:?}").to_lowercase()
}
