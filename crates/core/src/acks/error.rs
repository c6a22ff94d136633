//! Why a message was not accepted: [`AckQueueError`].

use std::{error::Error, fmt};

use crate::message::Message;

/// Why a message was not accepted. Whatever the reason, the message comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AckQueueError {
    /// The session has ended, or the layer was dropped.
    Closed(Message),
    /// A message with the same id is unacknowledged: its acknowledgement could not be told from
    /// this one's.
    Duplicate(Message),
    /// It would have to wait for a place in the window; by
    /// [`try_queue`](super::AckSender::try_queue) only.
    Full(Message),
    /// The message alone is larger than [`AckSettings::bytes`](crate::AckSettings::bytes).
    TooLarge(Message),
}

impl AckQueueError {
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
            Self::TooLarge(_) => "the message is larger than all that may be unacknowledged",
        })
    }
}

impl Error for AckQueueError {}
