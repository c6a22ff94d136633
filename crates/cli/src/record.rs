//! What there is to report, as [`Line`]s: JSON writes them as they are, the timeline for people.

use data_encoding::BASE64;
use serde::Serialize;
use websocket_heartbeat_smol::{
    Closed, Connecting, Fate, Lost, LostCause, Message, Open, Retry, WriteBlocked,
};

use crate::{
    duration::{to_fine_millis, to_millis},
    session::Heartbeat,
    status::StatusLine,
};

/// One line of the report. Field names are those of JSON.md.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Line<'a> {
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
    Lost {
        connection: u64,
        opened: bool,
        cause: &'static str,
        code: Option<u16>,
        detail: String,
        unproven: u64,
        ever_answered: bool,
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
    Status(Box<StatusLine>),
    Closed {
        reason: &'static str,
        detail: String,
        unproven: u64,
    },
}

/// What a message carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Payload<'a> {
    Text(&'a str),
    Base64(String),
}

/// What a server said instead of opening.
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

impl<'a> Line<'a> {
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

    pub(crate) fn heartbeat(heartbeat: &Heartbeat) -> Self {
        let Heartbeat { connection, round_trip } = *heartbeat;
        Self::Heartbeat { connection, rtt_ms: round_trip.map(to_fine_millis) }
    }

    pub(crate) fn write_blocked(event: &WriteBlocked) -> Self {
        let WriteBlocked { connection, time, heard, .. } = *event;
        Self::WriteBlocked { connection, time_ms: to_millis(time), heard }
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
            detail: detail(&event.cause),
            unproven: event.unproven,
            ever_answered: event.ever_answered,
            skipped_cycles: event.skipped_cycles,
            refused,
        }
    }

    pub(crate) fn retry(event: &Retry) -> Self {
        Self::Retry { attempt: event.attempt, delay_ms: to_millis(event.delay) }
    }

    /// `None` for what was written.
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

    /// Dropped, or never accepted.
    pub(crate) fn dropped(reason: &'static str, message: &'a Message) -> Self {
        let payload = Some(Payload::of(message));
        Self::Unsent { fate: "dropped", connection: None, reason, payload }
    }

    pub(crate) fn closed(event: &Closed) -> Self {
        let detail = match event.reason.cause() {
            Some(cause) => {
                let whole = event.reason.to_string();
                let plain = cause.to_string();
                whole.strip_suffix(&plain).map(|head| head.to_owned() + &detail(cause))
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

/// A cause in words, times to the millisecond.
pub(crate) fn detail(cause: &LostCause) -> String {
    let round = |time| std::time::Duration::from_millis(to_millis(time));
    match *cause {
        LostCause::HeartbeatTimeout(time) => LostCause::HeartbeatTimeout(round(time)).to_string(),
        // In core it is left out, since it might be a secret; here the user asked to see it.
        LostCause::ClosedByPeer(Some(ref frame)) if !frame.reason.is_empty() => {
            format!("closed by the server with code {} ({})", frame.code, frame.reason)
        }
        LostCause::WriteStalled(time) => LostCause::WriteStalled(round(time)).to_string(),
        ref other => other.to_string(),
    }
}
