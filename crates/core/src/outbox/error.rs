//! Errors of sending: [`QueueError`] and [`SessionClosed`].

use std::{error::Error, fmt};

use crate::message::Message;

/// Why the outbox did not accept a message. Every variant gives the message back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueError {
    /// The session, or this handle, is closed.
    Closed(Message),
    /// The outbox is full and its policy is to refuse messages. Or
    /// [`try_queue`](crate::Handle::try_queue) would have to wait.
    Full(Message),
    /// No connection is open and the policy of the outbox is to keep nothing while offline.
    Offline(Message),
    /// The message alone is larger than the outbox can hold.
    TooLarge(Message),
}

impl QueueError {
    /// Returns the name of the variant in lower case, for logs. These names are stable.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Closed(_) => "closed",
            Self::Full(_) => "full",
            Self::Offline(_) => "offline",
            Self::TooLarge(_) => "too_large",
        }
    }

    /// Returns the message that was not accepted.
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

/// The session, or this handle, is closed. It is the only error of the sinks of this crate, and
/// final, as the contract of `Sink` requires. An outage is not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionClosed;

impl fmt::Display for SessionClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session is closed")
    }
}

impl Error for SessionClosed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_error_says_the_reason_and_not_the_message() {
        let message = || Message::from("payload");
        let cases = [
            (QueueError::Closed(message()), "closed", "closed"),
            (QueueError::Full(message()), "full", "full"),
            (QueueError::Offline(message()), "offline", "no connection"),
            (QueueError::TooLarge(message()), "too_large", "larger"),
        ];
        for (error, name, reason) in cases {
            assert_eq!(error.name(), name);
            let text = error.to_string();
            assert!(text.contains(reason) && !text.contains("payload"), "{text}");
        }
        assert!(SessionClosed.to_string().contains("closed"));
    }
}
