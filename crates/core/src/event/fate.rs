//! The outcome of one message: [`Fate`] and its [`DropReason`].

use crate::message::Message;

/// What became of a message that was accepted. Each has exactly one fate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// The operating system, or the TLS session, of that connection took the bytes, and a flush
    /// completed. Not: delivered. On a connection that is silently dead the kernel takes some all
    /// the same: up to some megabytes; see [`Lost::unproven`].
    Written {
        /// The connection's number.
        connection: u64,
    },
    /// It was handed to that connection, which died before a flush completed: it may have arrived
    /// or not.
    Unknown {
        /// The connection's number.
        connection: u64,
        /// The message, unless [`OutboxSettings::give_back`](crate::OutboxSettings::give_back) is off.
        message: Option<Message>,
    },
    /// It was never handed to a connection, or to as many as [`DropReason::ResendLimit`] says.
    Dropped {
        /// Why.
        reason: DropReason,
        /// The message.
        message: Message,
    },
}

impl Fate {
    /// Whether it was written.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Written { .. })
    }

    pub(crate) fn message(&self) -> Option<&Message> {
        match self {
            Self::Written { .. } => None,
            Self::Unknown { message, .. } => message.as_ref(),
            Self::Dropped { message, .. } => Some(message),
        }
    }

    /// The message, where it comes back.
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Written { .. } => None,
            Self::Unknown { message, .. } => message,
            Self::Dropped { message, .. } => Some(message),
        }
    }
}

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The outbox was full and drops the oldest; or the message waited for room in a `Sink` that was
    /// dropped, or that had not said that it is ready.
    Overflow,
    /// It was older than allowed.
    Expired,
    /// The connection ended and the outbox keeps nothing while offline.
    Offline,
    /// It was handed over as often as allowed and the connection died each time.
    ResendLimit,
    /// It came through a `Sink`, which cannot refuse it, and is larger than the whole outbox.
    TooLarge,
    /// The session ended first.
    SessionEnded,
}

impl DropReason {
    /// The reason in one lower-case word, as logs and `wsbeat --json` print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overflow => "overflow",
            Self::Expired => "expired",
            Self::Offline => "offline",
            Self::ResendLimit => "resend_limit",
            Self::TooLarge => "too_large",
            Self::SessionEnded => "session_ended",
        }
    }
}
