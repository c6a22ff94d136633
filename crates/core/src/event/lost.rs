//! The end of one connection: [`Lost`] and its [`LostCause`].

use std::{fmt, mem::discriminant, time::Duration};

use super::fate::Fate;
use crate::{
    error::{ErrorKind, TransportError},
    message::CloseFrame,
    panics::UserPanic,
};

/// An attempt failed or a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// The connection's number.
    pub connection: u64,
    /// Whether it had been open; otherwise the attempt failed.
    pub opened: bool,
    /// Why.
    pub cause: LostCause,
    /// Messages without a receipt that did not become [`Fate::Written`] since the last `Lost`.
    pub unsent: Vec<Fate>,
    /// How many messages were written on this connection without a proof that the server read
    /// them: the operating system took them, and may have swallowed them. The proof is an answered
    /// ping that was written after them; where the heartbeat sends none, it counts every message
    /// of the connection. A frame that was already on its way when a message was written proves
    /// nothing about it.
    ///
    /// It is never less than what was lost on the way to the other end of the connection. What that
    /// end does with a message, it does not say: a proxy that answers pings and swallows messages
    /// makes it 0. See [`Heartbeat::ping`](crate::Heartbeat::ping).
    ///
    /// They do not arrive later: what the native backends have not delivered is thrown away when
    /// the connection is given up. What has reached the server's side, its kernel or a proxy before
    /// it, may still be read there.
    pub unproven: u64,
    /// How many messages of the handed window were cut off in mid-flush, given back or not.
    pub unknown: u64,
    /// How many older entries of `unsent` were let go, because nobody read them: as many are kept
    /// as the outbox may hold.
    pub discarded: u64,
    /// Whether a heartbeat was ever answered in this session. A heartbeat timeout where this is
    /// false most likely means that the server does not answer such heartbeats at all: send pings
    /// instead, with [`Heartbeat::ping`](crate::Heartbeat::ping) or `wsbeat --heartbeat ping`.
    pub ever_answered: bool,
    /// The [verdict](crate::Builder::verdict) on this loss panicked. It counts as
    /// [`Verdict::Retry`](crate::Verdict::Retry).
    pub verdict_panic: Option<Box<UserPanic>>,
    /// How many whole cycles were folded into this event, because nobody read them: connections
    /// and attempts before this one whose `Connecting`, `Open`, `Lost` and `Retry` are missing.
    /// What they had to give back, and their counts, are in this event; `opened`, `cause` and
    /// `ever_answered` are of this connection. 0 if none.
    pub skipped_cycles: u64,
}

/// Why a connection was lost.
///
/// `Display` and `Debug` do not show the reason of a close frame, which is the server's text and may
/// be a secret: [`CloseFrame::reason`] has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LostCause {
    /// The attempt failed.
    Connect(TransportError),
    /// The attempt did not finish in time.
    ConnectTimeout(Duration),
    /// Nothing came in answer to a heartbeat in time. Holds the silence since the last frame.
    HeartbeatTimeout(Duration),
    /// The connection accepts no bytes. Either it brings none as well for the reply timeout, or it
    /// accepts none for [`Builder::write_timeout`](crate::Builder::write_timeout), whatever it brings.
    /// Holds the time since it moved.
    WriteStalled(Duration),
    /// The server closed the connection, with this close frame if it had a body.
    ClosedByPeer(Option<CloseFrame>),
    /// The connection broke, or ended without a close frame.
    Broken(TransportError),
    /// [`reconnect_now`](crate::Handle::reconnect_now) replaced it.
    Replaced,
    /// It reached its maximum age.
    MaxAge,
    /// [`pause`](crate::Handle::pause) gave the attempt up.
    Paused,
}

impl LostCause {
    /// The cause in one lower-case word, as logs and `wsbeat --json` print it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::ConnectTimeout(_) => "connect_timeout",
            Self::HeartbeatTimeout(_) => "heartbeat_timeout",
            Self::WriteStalled(_) => "write_stalled",
            Self::ClosedByPeer(_) => "closed_by_peer",
            Self::Broken(_) => "broken",
            Self::Replaced => "replaced",
            Self::MaxAge => "max_age",
            Self::Paused => "paused",
        }
    }

    /// Whether both are transport errors of one kind, or else the same variant.
    pub(crate) fn is_of_a_kind_with(&self, other: &Self) -> bool {
        let one_variant = discriminant(self) == discriminant(other);
        match (self.transport_error(), other.transport_error()) {
            // An answer to an upgrade and a message that are too large have nothing in common.
            (Some(one), Some(other)) if one.kind() == other.kind() => {
                one_variant || !self.is_too_large()
            }
            (Some(_), Some(_)) => false,
            _ => one_variant,
        }
    }

    pub(crate) fn is_too_large(&self) -> bool {
        self.transport_error().is_some_and(|error| error.kind() == ErrorKind::TooLarge)
    }

    /// The close code, if the server sent one.
    pub fn close_code(&self) -> Option<u16> {
        match self {
            Self::ClosedByPeer(Some(frame)) => Some(frame.code),
            _ => None,
        }
    }

    /// The transport's error, if it was one.
    pub fn transport_error(&self) -> Option<&TransportError> {
        match self {
            Self::Connect(error) | Self::Broken(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for LostCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "could not connect: {error}"),
            Self::ConnectTimeout(timeout) => write!(f, "no connection within {timeout:?}"),
            Self::HeartbeatTimeout(silence) => {
                write!(f, "heartbeat not answered, nothing heard for {silence:?}")
            }
            Self::WriteStalled(time) => write!(f, "nothing could be written for {time:?}"),
            Self::ClosedByPeer(None) => f.write_str("closed by the server"),
            Self::ClosedByPeer(Some(frame)) if frame.reason.is_empty() => {
                write!(f, "closed by the server with code {}", frame.code)
            }
            Self::ClosedByPeer(Some(frame)) => {
                let (code, length) = (frame.code, frame.reason.len());
                write!(f, "closed by the server with code {code} and a reason of {length} bytes")
            }
            Self::Broken(error) => write!(f, "connection broke: {error}"),
            Self::Replaced => f.write_str("replaced on request"),
            Self::MaxAge => f.write_str("replaced at its maximum age"),
            Self::Paused => f.write_str("given up for a pause"),
        }
    }
}
