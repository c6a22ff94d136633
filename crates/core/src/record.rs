//! `Serialize` for events, fates and the status: the records of `wsbeat --json`, which its JSON.md
//! documents.

use std::time::Duration;

use data_encoding::BASE64;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    event::{CloseReason, Cutoff, Event, Fate, Lost, LostCause},
    message::Message,
    status::{Counters, Losses, RoundTrip, Status},
    time::Timestamp,
};

/// The record of `wsbeat --json`, without its time. Durations are whole milliseconds.
///
/// It contains payloads and the reason of a close frame, as that output does. For logs, use
/// `Display`. A message has no `connection`, because the event has none: it is that of the last
/// [`Open`](Self::Open). The fates in [`Lost`](Self::Lost) and [`Closed`](Self::Closed) are not part
/// of these records: each [`Fate`] is a record of its own.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", self.name())?;
        match self {
            Self::Connecting(event) => {
                map.serialize_entry("connection", &event.connection)?;
                map.serialize_entry("attempt", &event.attempt)?;
            }
            Self::Open(event) => {
                map.serialize_entry("connection", &event.connection)?;
                map.serialize_entry("attempt", &event.attempt)?;
                map.serialize_entry("outage_ms", &event.outage.map(millis))?;
                map.serialize_entry("subprotocol", &event.subprotocol.as_deref())?;
                map.serialize_entry("peer_address", &event.peer_address)?;
                map.serialize_entry("local_address", &event.local_address)?;
            }
            Self::Message(message) => write_payload(&mut map, message)?,
            Self::WriteBlocked(event) => {
                map.serialize_entry("connection", &event.connection)?;
                map.serialize_entry("time_ms", &millis(event.time))?;
                map.serialize_entry("heard", &event.heard)?;
            }
            Self::Silent(event) => {
                map.serialize_entry("connection", &event.connection)?;
                map.serialize_entry("time_ms", &millis(event.time))?;
            }
            Self::Unanswered(event) => {
                map.serialize_entry("connection", &event.connection)?;
                map.serialize_entry("time_ms", &millis(event.time))?;
            }
            Self::Lost(event) => write_lost(&mut map, event)?,
            Self::Retry(event) => {
                map.serialize_entry("attempt", &event.attempt)?;
                map.serialize_entry("delay_ms", &millis(event.delay))?;
            }
            Self::Closed(event) => {
                map.serialize_entry("reason", event.reason.name())?;
                map.serialize_entry("detail", &event.reason.detail())?;
                map.serialize_entry("unproven", &event.unproven)?;
            }
            Self::Lagged(count) => map.serialize_entry("messages", count)?,
        }
        map.end()
    }
}

/// The record `unsent` of `wsbeat --json`, without its time. It contains the payload. A message that
/// was written is the record `written`, which `wsbeat` does not print.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Fate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let event = if self.is_written() { "written" } else { "unsent" };
        map.serialize_entry("event", event)?;
        map.serialize_entry("fate", self.name())?;
        match self {
            Self::Written { connection } => map.serialize_entry("connection", connection)?,
            Self::Unknown { connection, .. } => {
                map.serialize_entry("connection", connection)?;
                map.serialize_entry("reason", "connection_ended")?;
            }
            Self::Dropped { reason, .. } => {
                map.serialize_entry("connection", &None::<u64>)?;
                map.serialize_entry("reason", reason.name())?;
            }
        }
        if let Some(message) = self.message() {
            write_payload(&mut map, message)?;
        }
        map.end()
    }
}

/// The record `status` of `wsbeat --json`, without its time. Times are milliseconds since the epoch
/// of the session's timer. `silent_for_ms` and `probe_out_for_ms` end at [`Status::as_of`]; `wsbeat`
/// counts them until it prints.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = |time: Timestamp| millis(time.since_epoch());
        let (cause, reason) = (self.last_cause.as_ref(), self.close_reason.as_ref());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", "status")?;
        map.serialize_entry("as_of_ms", &at(self.as_of))?;
        map.serialize_entry("phase", self.phase.name())?;
        map.serialize_entry("since_ms", &at(self.since))?;
        map.serialize_entry("connection", &self.connection)?;
        map.serialize_entry("attempt", &self.attempt)?;
        map.serialize_entry("next_attempt_at_ms", &self.next_attempt_at.map(at))?;
        map.serialize_entry("last_life_ms", &self.last_life.map(at))?;
        map.serialize_entry("silent_for_ms", &self.silent_for().map(millis))?;
        map.serialize_entry("probe_since_ms", &self.probe_since.map(at))?;
        map.serialize_entry("probe_out_for_ms", &self.probe_out_for().map(millis))?;
        map.serialize_entry("write_blocked_since_ms", &self.write_blocked_since.map(at))?;
        map.serialize_entry("round_trip", &self.round_trip)?;
        map.serialize_entry("counters", &self.counters)?;
        map.serialize_entry("queued_messages", &self.queued_messages)?;
        map.serialize_entry("queued_bytes", &self.queued_bytes)?;
        map.serialize_entry("last_cause", &cause.map(LostCause::name))?;
        map.serialize_entry("last_detail", &cause.map(LostCause::detail))?;
        map.serialize_entry("cutoff", &self.cutoff)?;
        map.serialize_entry("close_reason", &reason.map(CloseReason::name))?;
        map.end()
    }
}

/// The field `cutoff` of the records `lost` and `status`.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Cutoff {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (Self::Silence { limit, in_a_row } | Self::Age { limit, in_a_row }) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.name())?;
        map.serialize_entry("limit_ms", &millis(*limit))?;
        map.serialize_entry("in_a_row", in_a_row)?;
        map.end()
    }
}

/// The field `round_trip` of the record `status`: milliseconds with a fraction.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for RoundTrip {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // To the nearest microsecond.
        let fine = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        serializer.collect_map([
            ("last_ms", self.last.map(fine)),
            ("smoothed_ms", self.smoothed.map(fine)),
            ("variation_ms", self.variation.map(fine)),
            ("minimum_ms", self.minimum.map(fine)),
        ])
    }
}

/// The field `counters` of the record `status`.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, count) in self.iter() {
            map.serialize_entry(name, &count)?;
        }
        map.serialize_entry("losses", &self.losses)?;
        map.end()
    }
}

/// The field `counters.losses` of the record `status`.
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for Losses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

fn write_lost<M: SerializeMap>(map: &mut M, event: &Lost) -> Result<(), M::Error> {
    map.serialize_entry("connection", &event.connection)?;
    map.serialize_entry("opened", &event.opened)?;
    map.serialize_entry("cause", event.cause.name())?;
    map.serialize_entry("code", &event.cause.close_code())?;
    map.serialize_entry("detail", &event.cause.detail())?;
    map.serialize_entry("unproven", &event.unproven)?;
    map.serialize_entry("ever_answered", &event.ever_answered)?;
    map.serialize_entry("cutoff", &event.cutoff)?;
    map.serialize_entry("skipped_cycles", &event.skipped_cycles)?;
    let refusal = event.cause.transport_error();
    if let Some((error, status)) = refusal.and_then(|error| Some((error, error.http_status()?))) {
        map.serialize_entry("status", &status)?;
        map.serialize_entry("retry_after_ms", &error.retry_after().map(millis))?;
    }
    Ok(())
}

/// A text as it is, and binary data in base64 (RFC 4648 section 4).
fn write_payload<M: SerializeMap>(map: &mut M, message: &Message) -> Result<(), M::Error> {
    match message {
        Message::Text(text) => map.serialize_entry("text", text.as_str()),
        Message::Binary(bytes) => map.serialize_entry("base64", &BASE64.encode(bytes)),
    }
}

/// To the nearest millisecond.
fn millis(time: Duration) -> u64 {
    let rounded = time.saturating_add(Duration::from_micros(500)).as_millis();
    u64::try_from(rounded).unwrap_or(u64::MAX)
}
