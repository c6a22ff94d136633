//! What the supervisor tells: [`Event`]s, why a connection was [`Lost`], why the session was
//! [`Closed`], and what became of messages: their [`Fate`].

use std::{fmt, mem::discriminant, time::Duration};

use crate::{
    error::{ErrorKind, TransportError},
    headers::Headers,
    message::{CloseFrame, Message},
    panics::UserPanic,
    text::Text,
};

/// News of the session, in the order in which it happened.
///
/// # Grammar
///
/// The events of a session are a word of this regular expression, however they are read: from the
/// supervisor, from an [`Inbox`](crate::Inbox), through [`hooks`](crate::hooks), or as lines of
/// `wsbeat --json`:
///
/// ```text
/// session = cycle* last? Closed
/// cycle   = Connecting ( Open traffic* Lost(opened) | Lost(not opened) ) Lagged? Retry?
/// last    = Connecting ( Open traffic* )?
/// traffic = Message | WriteBlocked | Lagged
/// ```
///
/// - `Lost(opened)` has [`Lost::opened`] true: each `Open` has one such `Lost`, or is followed by
///   `Closed`. `Lost(not opened)` is an attempt that failed.
/// - `Retry` follows each `Lost` after which an attempt is scheduled. It is missing after a loss in
///   a pause, and before `Closed`. What [`resume`](crate::Handle::resume) begins shows as
///   `Connecting`.
/// - `Connecting`, `Open`, `WriteBlocked` and `Lost` of one connection carry its number. Numbers
///   grow by one; where unread cycles were [folded](Lost::skipped_cycles) by one more for each.
/// - `Lagged` stands in the place of messages that an inbox dropped, and behind a `Lost` for those
///   of cycles that were folded away after it.
/// - A stream whose driver is dropped ends in the middle of a word. After `Closed` nothing follows.
///
/// A [`Message`](Event::Message) belongs to the last `Open`. The mock for tests has the expression
/// as an automaton, `Grammar`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// An attempt begins.
    Connecting(Connecting),
    /// A connection is open.
    Open(Box<Open>),
    /// The server sent a message.
    Message(Message),
    /// The server takes no bytes. The connection is still open.
    WriteBlocked(Box<WriteBlocked>),
    /// An attempt failed or a connection ended; the session goes on, unless `Closed` follows.
    Lost(Box<Lost>),
    /// The next attempt is scheduled.
    Retry(Box<Retry>),
    /// The session has ended. Always the last event.
    Closed(Box<Closed>),
    /// This many messages were dropped here, because the [`Inbox`](crate::Inbox) was full and
    /// drops the oldest. Behind a `Lost`: in the cycles that were folded away there.
    Lagged(u64),
}

/// An attempt begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connecting {
    /// The number of the connection that this attempt would become, 1 for the first.
    pub connection: u64,
    /// 0 for the first attempt of a session, and for one that replaces a connection on request or
    /// for its age; 1 for the first after a stable connection was lost; then counted up.
    pub attempt: u32,
}

/// A connection is open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Open {
    /// The connection's number.
    pub connection: u64,
    /// The number of the attempt that succeeded.
    pub attempt: u32,
    /// The time since the connection before was lost, or since a pause without one ended; `None`
    /// for the first of the session.
    pub outage: Option<Duration>,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<Text>,
    /// The header fields of the server's answer.
    pub headers: Headers,
}

/// No byte of what is to be written was accepted for 60 s: the server does not read.
///
/// It is told once for each such time, and again only if bytes were accepted in between and another
/// 60 s have passed. An inbox that is not read keeps the last one of each connection. Where it goes
/// on, the connection is lost after [`Builder::write_timeout`](crate::Builder::write_timeout);
/// [`Status::write_blocked_since`](crate::Status::write_blocked_since) says whether it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteBlocked {
    /// The connection's number.
    pub connection: u64,
    /// The time since a byte was last accepted, or since the write began, without the time in which
    /// nothing was read because nobody took what had come.
    pub time: Duration,
    /// Whether frames came in meanwhile: then the server talks and does not read. Otherwise the
    /// connection may be dead, which the heartbeat finds out where there is one.
    pub heard: bool,
}

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

/// The next attempt is scheduled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// The number of the attempt to come, see [`Connecting::attempt`].
    pub attempt: u32,
    /// The time until then, backoff, minimum gap and shared budget included. It may change later:
    /// by the user's commands, and with a [`DialBudget`](crate::DialBudget) by what others do.
    /// [`Status::next_attempt_at`](crate::Status::next_attempt_at) has the latest.
    pub delay: Duration,
    /// Why the connection before was lost.
    pub cause: LostCause,
}

/// The session has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// Why.
    pub reason: CloseReason,
    /// Messages without a receipt that did not become [`Fate::Written`] since the last `Lost`.
    pub unsent: Vec<Fate>,
    /// As [`Lost::unproven`], of the last connection. None where the server answered our close
    /// frame, which comes after all messages.
    pub unproven: u64,
    /// How many messages of the handed window were cut off in mid-flush, given back or not.
    pub unknown: u64,
    /// How many older entries of `unsent` were let go, because nobody read them.
    pub discarded: u64,
    /// How many inbound messages were discarded after the user's `close`, because nobody took
    /// those before them and their place was full. They are counted in
    /// [`Counters::messages_in`](crate::Counters::messages_in).
    pub unread: u64,
}

/// Why the session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The user closed it.
    User,
    /// The user aborted it.
    Aborted,
    /// As many attempts failed as were allowed; the last one for this cause.
    AttemptsExhausted(LostCause),
    /// The backoff gave no further delay.
    BackoffEnded(LostCause),
    /// The verdict on this cause was not to try again.
    Stopped(LostCause),
    /// Too many connections opened only to die before they were stable; the last for this cause.
    FlapLimit(LostCause),
    /// The next attempt would begin after the whole time allowed for an outage. Holds why the last
    /// connection was lost; `None` where there was none, and the first attempt would be too late.
    OutageLimit(Option<LostCause>),
    /// A function of yours panicked without which the session cannot go on: the backoff, one of the
    /// heartbeat's, or that of acknowledgements.
    Panicked(UserPanic),
    /// The supervisor or its driver was dropped. Seen in the status only.
    Dropped,
}

impl CloseReason {
    /// The reason in one lower-case word, as logs and `wsbeat --json` print it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Aborted => "aborted",
            Self::AttemptsExhausted(_) => "attempts_exhausted",
            Self::BackoffEnded(_) => "backoff_ended",
            Self::Stopped(_) => "stopped",
            Self::FlapLimit(_) => "flap_limit",
            Self::OutageLimit(_) => "outage_limit",
            Self::Panicked(_) => "panicked",
            Self::Dropped => "dropped",
        }
    }

    /// Whether the user ended the session, rather than the supervisor giving up.
    pub fn by_user(&self) -> bool {
        matches!(self, Self::User | Self::Aborted | Self::Dropped)
    }

    /// Why the last connection was lost, if the supervisor gave up over it.
    pub fn cause(&self) -> Option<&LostCause> {
        match self {
            Self::AttemptsExhausted(cause)
            | Self::BackoffEnded(cause)
            | Self::Stopped(cause)
            | Self::FlapLimit(cause) => Some(cause),
            Self::OutageLimit(cause) => cause.as_ref(),
            Self::User | Self::Aborted | Self::Panicked(_) | Self::Dropped => None,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => f.write_str("closed by the user"),
            Self::Aborted => f.write_str("aborted by the user"),
            Self::AttemptsExhausted(cause) => write!(f, "no attempts left: {cause}"),
            Self::BackoffEnded(cause) => write!(f, "the backoff gave up: {cause}"),
            Self::Stopped(cause) => write!(f, "not worth another attempt: {cause}"),
            Self::FlapLimit(cause) => write!(f, "too many short-lived connections: {cause}"),
            Self::OutageLimit(None) => f.write_str("the first attempt would be too late"),
            Self::OutageLimit(Some(cause)) => write!(f, "the outage lasted too long: {cause}"),
            Self::Panicked(panic) => panic.fmt(f),
            Self::Dropped => f.write_str("the supervisor was dropped"),
        }
    }
}

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

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use std::task::Poll;

    use super::*;

    #[test]
    fn the_hot_event_is_no_larger_than_its_message() {
        assert!(size_of::<Poll<Option<Event>>>() <= 40);
        assert_eq!(size_of::<Event>(), size_of::<Message>());
    }
}
