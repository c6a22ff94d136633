//! The proof that a connection is alive: [`ProofOfLife`].

use std::fmt;

use crate::message::Message;

/// A function of the user that recognises messages.
pub(crate) type Predicate = Box<dyn FnMut(&Message) -> bool + Send>;

/// The frames that count as proof of life. Only frames of the current connection count.
///
/// Proof of life answers the current probe, and puts off the next probe of
/// [`Heartbeat::idle`](crate::Heartbeat::idle).
#[derive(Default)]
#[non_exhaustive]
pub enum ProofOfLife {
    /// Any frame, including control frames. This is the default, since a server that sends frames
    /// is not dead. It is also the rule of the original, which sees messages only.
    #[default]
    AnyFrame,
    /// Data messages only.
    Data,
    /// The answer to the probe only. For a ping this is the pong with the same payload. For a
    /// heartbeat by message it is a message that [`Heartbeat::reply`](crate::Heartbeat::reply)
    /// accepts.
    Reply,
    /// Data messages for which the function returns true, and the answer to a ping.
    ///
    /// A panic of the function ends the session with
    /// [`CloseReason::Panicked`](crate::CloseReason::Panicked).
    Matching(Box<dyn FnMut(&Message) -> bool + Send>),
}

impl ProofOfLife {
    /// Returns the name of the variant in lower case, for logs. These names are stable.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AnyFrame => "any_frame",
            Self::Data => "data",
            Self::Reply => "reply",
            Self::Matching(_) => "matching",
        }
    }
}

impl fmt::Debug for ProofOfLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnyFrame => "AnyFrame",
            Self::Data => "Data",
            Self::Reply => "Reply",
            Self::Matching(_) => "Matching",
        })
    }
}
