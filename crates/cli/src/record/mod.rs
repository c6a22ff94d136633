//! The records of a session: JSON prints every field, the timeline prints text for people.

mod cutoff;
pub(crate) mod json;
mod status;
mod timeline;

use data_encoding::BASE64;
use serde::Serialize;
use websocket_heartbeat_smol::{Event, Fate, Message};

pub(crate) use self::{status::StatusRecord, timeline::Timeline};
use crate::{duration::to_fine_millis, session::AnsweredHeartbeat};

/// One record. JSON.md documents the field names.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Record<'a> {
    Message {
        connection: u64,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    Heartbeat {
        connection: u64,
        rtt_ms: Option<f64>,
    },
    Unsent {
        fate: &'static str,
        connection: Option<u64>,
        reason: &'static str,
        #[serde(flatten)]
        payload: Option<Payload<'a>>,
    },
    UnsentSummary(UnsentSum),
    Status(Box<StatusRecord>),
    /// The end of the session, with its true cause in words: the library knows only that the
    /// session was closed on request.
    Closed {
        reason: &'static str,
        detail: String,
        unproven: u64,
        /// The reason follows as that of the exit code, so that text does not have it here.
        #[serde(skip)]
        follows: bool,
    },
    /// Any event but a message, as the library serializes it.
    #[serde(untagged)]
    Event(&'a Event),
}

/// A sum of lines that were not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct UnsentSum {
    pub(crate) dropped: u64,
    pub(crate) unknown: u64,
    pub(crate) bytes: u64,
}

impl UnsentSum {
    pub(crate) fn add(&mut self, unknown: bool, bytes: usize) {
        let count = if unknown { &mut self.unknown } else { &mut self.dropped };
        *count += 1;
        self.bytes += bytes as u64;
    }

    pub(crate) fn lines(&self) -> u64 {
        self.dropped + self.unknown
    }
}

/// The content of a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Payload<'a> {
    Text(&'a str),
    Base64(String),
}

impl<'a> Payload<'a> {
    pub(crate) fn of(message: &'a Message) -> Self {
        match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(bytes) => Self::Base64(BASE64.encode(bytes)),
        }
    }
}

impl<'a> Record<'a> {
    pub(crate) fn message(connection: u64, message: &'a Message) -> Self {
        Self::Message { connection, payload: Payload::of(message) }
    }

    pub(crate) fn heartbeat(heartbeat: &AnsweredHeartbeat) -> Self {
        let AnsweredHeartbeat { connection, round_trip } = *heartbeat;
        Self::Heartbeat { connection, rtt_ms: round_trip.map(to_fine_millis) }
    }

    /// `None` for a message that was written.
    pub(crate) fn unsent(fate: &'a Fate) -> Option<Self> {
        Some(match fate {
            Fate::Unknown { connection, message } => Self::Unsent {
                fate: fate.name(),
                connection: Some(*connection),
                reason: "connection_ended",
                payload: message.as_ref().map(Payload::of),
            },
            Fate::Dropped { reason, message } => Self::dropped(reason.name(), message),
            _ => return None,
        })
    }

    /// A message that was dropped or not accepted.
    pub(crate) fn dropped(reason: &'static str, message: &'a Message) -> Self {
        let payload = Some(Payload::of(message));
        Self::Unsent { fate: "dropped", connection: None, reason, payload }
    }
}

#[cfg(test)]
pub(crate) mod tests;
