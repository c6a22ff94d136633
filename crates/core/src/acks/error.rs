//! Why a message was not accepted: [`AckQueueError`].

use std::{error::Error, fmt};

use crate::message::Message;

/// Why an [`AckSender`](super::AckSender) did not accept a message. Each variant returns the message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AckQueueError {
    /// The session has ended, or the layer was dropped.
    Closed(Message),
    /// A message with the same id is unacknowledged. An acknowledgement could mean either message.
    Duplicate(Message),
    /// The window has no place for it now. Only
    /// [`try_queue`](super::AckSender::try_queue) returns this.
    Full(Message),
    /// The message alone is larger than [`AckSettings::bytes`](super::AckSettings::bytes).
    TooLarge(Message),
}

impl AckQueueError {
    /// Returns the name of the variant in lower case, for logs. These names are stable.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Closed(_) => "closed",
            Self::Duplicate(_) => "duplicate",
            Self::Full(_) => "full",
            Self::TooLarge(_) => "too_large",
        }
    }

    /// The message that was not accepted.
    pub fn into_message(self) -> Message {
        match self {
            Self::Closed(m) | Self::Duplicate(m) | Self::Full(m) | Self::TooLarge(m) => m,
        }
    }
}

impl fmt::Display for AckQueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "the session has ended",
            Self::Duplicate(_) => "a message with the same id is unacknowledged",
            Self::Full(_) => "the window of unacknowledged messages is full",
            Self::TooLarge(_) => "the message is larger than the window",
        })
    }
}

impl Error for AckQueueError {}
