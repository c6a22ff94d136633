//! The outcome of one message: [`Fate`] and its [`DropReason`].

use std::fmt;

use crate::message::Message;

/// The outcome of a message that the outbox accepted. Each accepted message has exactly one fate.
///
/// # Examples
///
/// Messages that certainly were not sent can be queued again. For the others, only the application
/// knows whether the server may receive them twice.
///
/// ```
/// use websocket_heartbeat::{Fate, Message};
///
/// fn to_queue_again(unsent: Vec<Fate>) -> Vec<Message> {
///     let certainly_not_sent = |fate: &Fate| matches!(fate, Fate::Dropped { .. });
///     unsent.into_iter().filter(certainly_not_sent).filter_map(Fate::into_message).collect()
/// }
/// # assert!(to_queue_again(Vec::new()).is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a message that was not written is lost if its fate is ignored"]
pub enum Fate {
    /// The message was written on this connection: the operating system accepted all bytes, and a
    /// flush completed. This does not mean that the server received it. On a silently dead
    /// connection the kernel still accepts up to some megabytes; see
    /// [`Lost::unproven`](crate::Lost::unproven).
    Written {
        /// The number of the connection.
        connection: u64,
    },
    /// The message was handed to this connection, which ended before a flush completed. The server
    /// may or may not have received it.
    Unknown {
        /// The number of the connection.
        connection: u64,
        /// The message, unless [`OutboxSettings::give_back`](crate::OutboxSettings::give_back) is
        /// off.
        message: Option<Message>,
    },
    /// The message was not handed to any connection; except for [`DropReason::ResendLimit`], where
    /// it was handed to several, and each ended before a flush completed.
    Dropped {
        /// Why it was dropped.
        reason: DropReason,
        /// The message.
        message: Message,
    },
}

impl Fate {
    /// Returns the name of the variant in lower case, for logs. `wsbeat --json` prints the same.
    /// These names are stable.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Written { .. } => "written",
            Self::Unknown { .. } => "unknown",
            Self::Dropped { .. } => "dropped",
        }
    }

    /// Returns whether the message was written.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Written { .. })
    }

    /// Returns the connection on which the message was written.
    ///
    /// # Errors
    ///
    /// The fate, if the message was not written or may not have been.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_heartbeat::Handle;
    ///
    /// async fn order(handle: &Handle) -> Result<(), Box<dyn std::error::Error>> {
    ///     let connection = handle.send_confirmed("order 4711").await?.written()?;
    ///     println!("written on connection {connection}");
    ///     Ok(())
    /// }
    /// ```
    pub fn written(self) -> Result<u64, NotWritten> {
        match self {
            Self::Written { connection } => Ok(connection),
            fate => Err(NotWritten { fate }),
        }
    }

    /// Returns the message, if it is given back.
    pub(crate) fn message(&self) -> Option<&Message> {
        match self {
            Self::Written { .. } => None,
            Self::Unknown { message, .. } => message.as_ref(),
            Self::Dropped { message, .. } => Some(message),
        }
    }

    /// Returns the message, if it is given back: never for [`Fate::Written`].
    pub fn into_message(self) -> Option<Message> {
        self.message().cloned()
    }
}

/// A message was not written, or may not have been: the error of [`Fate::written`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotWritten {
    /// The fate, which is not [`Fate::Written`].
    pub fate: Fate,
}

impl fmt::Display for NotWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fate {
            Fate::Dropped { reason, .. } => write!(f, "the message was not sent: {reason}"),
            Fate::Written { .. } | Fate::Unknown { .. } => f.write_str(
                "the message may have been sent: its connection ended before it was written",
            ),
        }
    }
}

impl std::error::Error for NotWritten {}

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The outbox was full, and its policy is to drop the oldest. Or the message waited for room in
    /// a `Sink` that was dropped. Or it was sent to a `Sink` that was not ready.
    Overflow,
    /// The message was older than its maximum age.
    Expired,
    /// No connection is open, and the policy of the outbox is to keep nothing while offline.
    Offline,
    /// The message was handed to as many connections as
    /// [`OutboxSettings::resend`](crate::OutboxSettings::resend) allows, and each of them ended
    /// before a flush completed.
    ResendLimit,
    /// The message was sent through a `Sink`, which cannot refuse it, and is larger than the whole
    /// outbox.
    TooLarge,
    /// The session ended before the message was written.
    SessionEnded,
}

/// The reason in words, without a full stop.
impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "the outbox was full",
            Self::Expired => "it was older than its maximum age",
            Self::Offline => "no connection was open and the outbox keeps nothing while offline",
            Self::ResendLimit => "it was handed to as many connections as allowed",
            Self::TooLarge => "it is larger than the whole outbox",
            Self::SessionEnded => "the session ended before it was written",
        })
    }
}

impl DropReason {
    /// Returns the name of the variant in lower case, for logs. `wsbeat --json` prints the same.
    /// These names are stable.
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
