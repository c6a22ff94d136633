//! Why a message was not accepted: [`QueueError`], [`SessionClosed`].

use std::{error::Error, fmt};

use crate::message::Message;

/// Why a message was not accepted. Whatever the reason, the message comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueError {
    /// The session, or this handle, is closed.
    Closed(Message),
    /// The outbox is full and its policy is to refuse; or, by
    /// [`try_queue`](crate::Handle::try_queue), it would have to wait.
    Full(Message),
    /// No connection is open and the outbox keeps nothing while offline.
    Offline(Message),
    /// The message alone is larger than the outbox may ever hold.
    TooLarge(Message),
}

impl QueueError {
    /// The message that was not accepted.
    pub fn into_message(self) -> Message {
        match self {
            Self::Closed(m) | Self::Full(m) | Self::Offline(m) | Self::TooLarge(m) => m,
        }
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "the session is closed",
            Self::Full(_) => "the outbox is full",
            Self::Offline(_) => "no connection is open and the outbox keeps nothing while offline",
            Self::TooLarge(_) => "the message is larger than the whole outbox",
        })
    }
}

impl Error for QueueError {}

/// The session, or this handle, is closed: the one error of the sinks here, and final as the
/// contract of `Sink` demands. An outage is not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionClosed;

impl fmt::Display for SessionClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session is closed")
    }
}

impl Error for SessionClosed {}
