//! The reports of a session: [`Event`]s, and the types that they carry.

mod closed;
mod fate;
mod lost;

pub use self::{
    closed::{CloseReason, Closed},
    fate::{DropReason, Fate},
    lost::{Lost, LostCause},
};

use std::time::Duration;

use crate::{headers::Headers, message::Message, text::Text};

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
