//! The end of one connection: [`Lost`] and its [`LostCause`].

use std::{fmt, mem::discriminant, time::Duration};

use super::{cutoff::Cutoff, fate::Fate};
use crate::{
    error::{ErrorKind, TransportError},
    message::{CloseFrame, Message},
    panics::UserPanic,
    time::Rounded,
};

/// An attempt failed or a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// The number of the connection.
    pub connection: u64,
    /// Whether the connection had been open. If false, the attempt failed.
    pub opened: bool,
    /// Why the connection was lost, or the attempt failed.
    pub cause: LostCause,
    /// The fates of messages without a receipt that were not [written](Fate::Written), since the
    /// last `Lost`.
    pub unsent: Vec<Fate>,
    /// How many messages were written on this connection without proof that the server read them.
    /// The operating system accepted them, but may not have delivered them. The proof is the answer
    /// to a ping that was written after the message. If the heartbeat sends no pings, every message
    /// of the connection counts.
    ///
    /// If the heartbeat sends pings, at most the messages of its last interval and of one round
    /// trip count, as long as the server answers and the inbox is read: a busy connection sends a
    /// ping in each interval, see [`Heartbeat::idle`](crate::Heartbeat::idle).
    ///
    /// This is an upper bound on the messages that were lost on the way to the peer. A frame sent
    /// before a message was written does not prove that message. The peer can be a proxy: if it
    /// answers pings and discards messages, the count is 0. See
    /// [`Heartbeat::ping`](crate::Heartbeat::ping).
    ///
    /// These messages do not arrive later: the native backends reset the socket, so the operating
    /// system discards its unsent bytes. Bytes that had already reached the kernel of the server,
    /// or a proxy in front of it, may still be read there.
    pub unproven: u64,
    /// The messages that `unproven` counts, in the order in which they were written, within the
    /// bound of [`OutboxSettings::keep_unproven`](crate::OutboxSettings::keep_unproven), and
    /// without replays and the messages of [`acks`](crate::acks). Empty by default, since none are
    /// kept.
    pub unproven_messages: Vec<Message>,
    /// How many older messages would be in `unproven_messages` and were beyond that bound.
    pub unproven_discarded: u64,
    /// How many messages got the fate [`Fate::Unknown`] since the last `Lost`: with or without a
    /// receipt, given back or not.
    pub unknown: u64,
    /// How many older entries of `unsent` were discarded because no event was read in time. The
    /// limits on `unsent` are those of the outbox.
    pub discarded: u64,
    /// Whether a heartbeat was ever answered in this session. If this is false after a heartbeat
    /// timeout, the server most likely does not answer such heartbeats at all. Send pings instead,
    /// with [`Heartbeat::ping`](crate::Heartbeat::ping) or `wsbeat --heartbeat ping`.
    pub ever_answered: bool,
    /// A limit at which the peer ends connections, if this loss and at least two losses before it
    /// show one.
    ///
    /// It is found if the peer, or a box before it, ended three open connections in a row, with a
    /// close frame or without, and if their silences or their ages at the end differ by at most one
    /// second, or 5 % if that is longer. A limit below 3 s is not found, since shorter times are
    /// alike by chance. A failed attempt does not end the row. Each other loss of an open
    /// connection does: one by a timeout, by a command, by the maximum age or in a pause, and one
    /// because of an error that is not the end of the stream.
    ///
    /// The silence is the time since the last message in either direction, ping or answered probe.
    /// If a connection survived the same silence before, silence is not the reason. If both silence
    /// and age fit equally well, this is the silence: a heartbeat is the cheaper remedy, and if it
    /// does not help, the next losses show the age.
    pub cutoff: Option<Box<Cutoff>>,
    /// The panic of the [verdict](crate::Builder::verdict) function on this loss, if it panicked.
    /// The supervisor then acts as for [`Verdict::Retry`](crate::Verdict::Retry).
    pub verdict_panic: Option<Box<UserPanic>>,
    /// How many cycles were folded into this event because they were not read: earlier connections
    /// and attempts whose `Connecting`, `Open`, `Lost` and `Retry` are missing. Their counts and
    /// their `unsent` are added to those of this event. `opened`, `cause` and `ever_answered` are
    /// those of this connection. `cutoff` is the
    /// last one that was found. 0 if no cycle was folded.
    pub skipped_cycles: u64,
}

/// Why a connection was lost, or an attempt failed.
///
/// `Display` and `Debug` do not show the reason of a close frame, which is text of the server and
/// may be a secret. Read [`CloseFrame::reason`] for it.
///
/// # Examples
///
/// ```
/// use websocket_heartbeat::{ErrorKind, LostCause};
///
/// fn advice(cause: &LostCause) -> &'static str {
///     match cause {
///         LostCause::HeartbeatTimeout(_) => "the connection was silently dead",
///         LostCause::ClosedByPeer(Some(frame)) if frame.code == 1001 => "the server restarts",
///         LostCause::Connect(error) if error.http_status() == Some(401) => "renew the token",
///         LostCause::Connect(error) if error.kind() == ErrorKind::Dns => "check the host name",
///         _ => "see the log",
///     }
/// }
///
/// assert_eq!(advice(&LostCause::Replaced), "see the log");
/// assert_eq!(LostCause::Replaced.name(), "replaced");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LostCause {
    /// The attempt failed.
    Connect(TransportError),
    /// The attempt did not finish within this timeout.
    ConnectTimeout(Duration),
    /// A heartbeat was not answered in time. Holds the time since the last frame.
    HeartbeatTimeout(Duration),
    /// The connection accepts no bytes: either none are accepted and none arrive for the
    /// heartbeat's timeout, or none are accepted for
    /// [`Builder::write_timeout`](crate::Builder::write_timeout), even if frames arrive. Holds the
    /// time since the last progress.
    WriteStalled(Duration),
    /// The server closed the connection. Holds the body of its close frame, if there was one.
    ClosedByPeer(Option<CloseFrame>),
    /// The connection failed, or ended without a close frame.
    Broken(TransportError),
    /// [`reconnect_now`](crate::Handle::reconnect_now) replaced the connection.
    Replaced,
    /// The connection reached its [maximum age](crate::Builder::max_age).
    MaxAge,
    /// [`pause`](crate::Handle::pause) cancelled the attempt.
    Paused,
}

impl LostCause {
    /// Returns the name of the variant in lower case, for logs. `wsbeat --json` prints the same.
    /// These names are stable.
    pub const fn name(&self) -> &'static str {
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

    /// Returns whether both are transport errors of the same kind, or otherwise the same variant.
    pub(crate) fn is_of_a_kind_with(&self, other: &Self) -> bool {
        let one_variant = discriminant(self) == discriminant(other);
        match (self.transport_error(), other.transport_error()) {
            // A too large response to the upgrade is not the same as a too large message.
            (Some(one), Some(other)) => {
                one.kind() == other.kind() && (one_variant || !self.is_too_large())
            }
            _ => one_variant,
        }
    }

    /// Returns whether a size limit was exceeded.
    pub(crate) fn is_too_large(&self) -> bool {
        self.transport_error().is_some_and(|error| error.kind() == ErrorKind::TooLarge)
    }

    /// Returns whether the peer, or a box before it, ended the connection.
    pub(crate) fn is_end_by_peer(&self) -> bool {
        match self {
            Self::ClosedByPeer(_) => true,
            Self::Broken(error) => matches!(error.kind(), ErrorKind::Reset | ErrorKind::Ended),
            _ => false,
        }
    }

    /// Returns the close code, if the server sent one.
    pub fn close_code(&self) -> Option<u16> {
        match self {
            Self::ClosedByPeer(Some(frame)) => Some(frame.code),
            _ => None,
        }
    }

    /// Returns the cause in words, as `Display` does, and with the reason of a close frame. That is
    /// text of the server, which may be a secret, and is not escaped. `wsbeat --json` prints the same.
    pub fn detail(&self) -> String {
        match self {
            Self::ClosedByPeer(Some(frame)) if !frame.reason.is_empty() => {
                format!("closed by the server with code {} ({})", frame.code, frame.reason)
            }
            cause => cause.to_string(),
        }
    }

    /// Returns the error of the transport, if the cause is one.
    pub fn transport_error(&self) -> Option<&TransportError> {
        match self {
            Self::Connect(error) | Self::Broken(error) => Some(error),
            _ => None,
        }
    }
}

/// The cause in words, on one line. Times are rounded to the millisecond.
impl fmt::Display for LostCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "could not connect: {error}"),
            Self::ConnectTimeout(timeout) => {
                write!(f, "could not connect within {}", Rounded(*timeout))
            }
            Self::HeartbeatTimeout(silence) => {
                write!(f, "heartbeat not answered, nothing heard for {}", Rounded(*silence))
            }
            Self::WriteStalled(time) => {
                write!(f, "nothing could be written for {}", Rounded(*time))
            }
            Self::ClosedByPeer(None) => f.write_str("closed by the server"),
            Self::ClosedByPeer(Some(frame)) if frame.reason.is_empty() => {
                write!(f, "closed by the server with code {}", frame.code)
            }
            Self::ClosedByPeer(Some(frame)) => {
                let (code, length) = (frame.code, frame.reason.len());
                write!(f, "closed by the server with code {code} and a reason of {length} bytes")
            }
            Self::Broken(error) => error.fmt(f),
            Self::Replaced => f.write_str("replaced on request"),
            Self::MaxAge => f.write_str("replaced at its maximum age"),
            Self::Paused => f.write_str("given up for a pause"),
        }
    }
}
