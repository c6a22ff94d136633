//! The records of a session: JSON prints every field, the timeline prints text for people.

use data_encoding::BASE64;
use serde::Serialize;
use websocket_heartbeat_smol::{
    Closed, Connecting, Fate, Lost, Message, Open, Retry, Silent, Unanswered, WriteBlocked,
};

use crate::{
    cause,
    cutoff::CutoffRecord,
    duration::{to_fine_millis, to_millis},
    session::AnsweredHeartbeat,
    status::StatusRecord,
};

/// One record. JSON.md documents the field names.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Record<'a> {
    Connecting {
        connection: u64,
        attempt: u32,
    },
    Open {
        connection: u64,
        attempt: u32,
        outage_ms: Option<u64>,
        subprotocol: Option<&'a str>,
    },
    Message {
        connection: u64,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    Heartbeat {
        connection: u64,
        rtt_ms: Option<f64>,
    },
    WriteBlocked {
        connection: u64,
        time_ms: u64,
        heard: bool,
    },
    Silent {
        connection: u64,
        time_ms: u64,
    },
    Unanswered {
        connection: u64,
        time_ms: u64,
    },
    Lost {
        connection: u64,
        opened: bool,
        cause: &'static str,
        code: Option<u16>,
        detail: String,
        unproven: u64,
        ever_answered: bool,
        cutoff: Option<CutoffRecord>,
        skipped_cycles: u64,
        #[serde(flatten)]
        refused: Option<Refused>,
    },
    Retry {
        attempt: u32,
        delay_ms: u64,
    },
    Unsent {
        fate: &'static str,
        connection: Option<u64>,
        reason: &'static str,
        #[serde(flatten)]
        payload: Option<Payload<'a>>,
    },
    Status(Box<StatusRecord>),
    Closed {
        reason: &'static str,
        detail: String,
        unproven: u64,
    },
}

/// The content of a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Payload<'a> {
    Text(&'a str),
    Base64(String),
}

/// The answer of a server that refused the upgrade.
#[derive(Debug, Serialize)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) retry_after_ms: Option<u64>,
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
    pub(crate) fn connecting(event: &Connecting) -> Self {
        Self::Connecting { connection: event.connection, attempt: event.attempt }
    }

    pub(crate) fn open(event: &'a Open) -> Self {
        Self::Open {
            connection: event.connection,
            attempt: event.attempt,
            outage_ms: event.outage.map(to_millis),
            subprotocol: event.subprotocol.as_deref(),
        }
    }

    pub(crate) fn message(connection: u64, message: &'a Message) -> Self {
        Self::Message { connection, payload: Payload::of(message) }
    }

    pub(crate) fn heartbeat(heartbeat: &AnsweredHeartbeat) -> Self {
        let AnsweredHeartbeat { connection, round_trip } = *heartbeat;
        Self::Heartbeat { connection, rtt_ms: round_trip.map(to_fine_millis) }
    }

    pub(crate) fn write_blocked(event: &WriteBlocked) -> Self {
        let WriteBlocked { connection, time, heard, .. } = *event;
        Self::WriteBlocked { connection, time_ms: to_millis(time), heard }
    }

    pub(crate) fn silent(event: &Silent) -> Self {
        Self::Silent { connection: event.connection, time_ms: to_millis(event.time) }
    }

    pub(crate) fn unanswered(event: &Unanswered) -> Self {
        Self::Unanswered { connection: event.connection, time_ms: to_millis(event.time) }
    }

    pub(crate) fn lost(event: &Lost) -> Self {
        let error = event.cause.transport_error();
        let refused = error.and_then(|error| {
            let retry_after_ms = error.retry_after().map(to_millis);
            Some(Refused { status: error.http_status()?, retry_after_ms })
        });
        Self::Lost {
            connection: event.connection,
            opened: event.opened,
            cause: event.cause.name(),
            code: event.cause.close_code(),
            detail: cause::describe(&event.cause),
            unproven: event.unproven,
            ever_answered: event.ever_answered,
            cutoff: event.cutoff.as_deref().and_then(CutoffRecord::of),
            skipped_cycles: event.skipped_cycles,
            refused,
        }
    }

    pub(crate) fn retry(event: &Retry) -> Self {
        Self::Retry { attempt: event.attempt, delay_ms: to_millis(event.delay) }
    }

    /// `None` for a message that was written.
    pub(crate) fn unsent(fate: &'a Fate) -> Option<Self> {
        Some(match fate {
            Fate::Unknown { connection, message } => Self::Unsent {
                fate: "unknown",
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

    pub(crate) fn closed(event: &Closed) -> Self {
        let detail = match event.reason.cause() {
            Some(cause) => {
                let whole = event.reason.to_string();
                let plain = cause.to_string();
                whole.strip_suffix(&plain).map(|head| head.to_owned() + &cause::describe(cause))
            }
            None => None,
        };
        Self::Closed {
            reason: event.reason.name(),
            detail: detail.unwrap_or_else(|| event.reason.to_string()),
            unproven: event.unproven,
        }
    }
}
