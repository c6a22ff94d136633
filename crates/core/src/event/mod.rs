//! The reports of a session: [`Event`]s, and the types that they carry.

mod closed;
mod cutoff;
mod fate;
mod log_line;
mod lost;
mod messages;

pub use self::{
    closed::{CloseReason, Closed},
    cutoff::Cutoff,
    fate::{DropReason, Fate, NotWritten},
    lost::{Lost, LostCause},
    messages::Messages,
};

use std::{net::SocketAddr, time::Duration};

use crate::{headers::Headers, message::Message, text::Text};

/// A report of the session. Events come in the order in which things happened.
///
/// # Grammar
///
/// The events of a session match this regular expression. It holds for every way to read them: the
/// supervisor, an [`Inbox`](crate::Inbox), [`hooks`](crate::hooks), and the output of
/// `wsbeat --json`.
///
/// ```text
/// session = cycle* last? Closed
/// cycle   = Connecting ( Open traffic* Lost(opened) | Lost(not opened) ) Lagged? Retry?
/// last    = Connecting ( Open traffic* )?
/// traffic = Message | WriteBlocked | Silent | Unanswered | Lagged
/// ```
///
/// - In `Lost(opened)`, [`Lost::opened`] is true. Each `Open` is followed by one such `Lost`, or by
///   `Closed`. `Lost(not opened)` is a failed attempt.
/// - `Retry` follows each `Lost` after which an attempt is scheduled. It is missing after a loss
///   during a pause, and before `Closed`. After [`resume`](crate::Handle::resume) the first event is
///   `Connecting`.
/// - All events of a cycle except `Message` and `Retry` carry the number of their connection. Numbers
///   grow by one. Cycles that were not read and were [folded](Lost::skipped_cycles) into one event
///   leave a gap, one number for each.
/// - `Lagged` takes the place of the messages that an inbox dropped. After a `Lost` it counts the
///   messages of the cycles that were folded into that `Lost`.
/// - If the driver is dropped, the stream ends without `Closed`. Nothing follows `Closed`.
///
/// A [`Message`](Event::Message) belongs to the last `Open`. The mock crate has an automaton for
/// this expression, `Grammar`, for use in tests.
///
/// # Examples
///
/// ```
/// use websocket_heartbeat::Event;
///
/// fn log(event: &Event) {
///     match event {
///         Event::Connecting(attempt) => println!("attempt {}", attempt.attempt),
///         Event::Open(open) => println!("connection {} is open", open.connection),
///         Event::Message(message) => println!("{} bytes", message.len()),
///         Event::WriteBlocked(blocked) => println!("no byte written for {:?}", blocked.time),
///         Event::Silent(silent) => println!("nothing heard for {:?}", silent.time),
///         Event::Unanswered(missed) => println!("no answer, silence of {:?}", missed.time),
///         Event::Lost(lost) => println!("lost: {}, not sent: {}", lost.cause, lost.unsent.len()),
///         Event::Retry(retry) => println!("attempt {} in {:?}", retry.attempt, retry.delay),
///         Event::Closed(closed) => println!("closed: {}", closed.reason),
///         Event::Lagged(count) => println!("{count} messages were dropped unread"),
///         _ => {} // A later version may add events.
///     }
/// }
/// ```
///
/// `Display` is one line for logs. It shows no payload, no header field, no subprotocol and no
/// close reason of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An attempt to connect begins.
    Connecting(Connecting),
    /// A connection is open.
    Open(Box<Open>),
    /// The server sent a message.
    Message(Message),
    /// The server accepts no bytes. The connection is still open.
    WriteBlocked(Box<WriteBlocked>),
    /// Nothing was heard for a while on a connection that cannot be probed. It is still open.
    Silent(Box<Silent>),
    /// The server did not answer a heartbeat, and it is not known to answer heartbeats. The
    /// connection is still open.
    Unanswered(Box<Unanswered>),
    /// An attempt failed or a connection ended. The session continues, unless `Closed` follows.
    Lost(Box<Lost>),
    /// The next attempt is scheduled.
    Retry(Box<Retry>),
    /// The session has ended. This is always the last event.
    Closed(Box<Closed>),
    /// This many messages were dropped here, because the [`Inbox`](crate::Inbox) was full and its
    /// policy is to drop the oldest. After a `Lost`: in the cycles that were folded into it.
    Lagged(u64),
}

/// Takes the message out of an event, and gives other events back.
impl TryFrom<Event> for Message {
    type Error = Event;

    fn try_from(event: Event) -> Result<Self, Event> {
        match event {
            Event::Message(message) => Ok(message),
            other => Err(other),
        }
    }
}

impl Event {
    /// Returns the name of the variant in lower case, for logs. `wsbeat --json` prints the same.
    /// These names are stable.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connecting(_) => "connecting",
            Self::Open(_) => "open",
            Self::Message(_) => "message",
            Self::WriteBlocked(_) => "write_blocked",
            Self::Silent(_) => "silent",
            Self::Unanswered(_) => "unanswered",
            Self::Lost(_) => "lost",
            Self::Retry(_) => "retry",
            Self::Closed(_) => "closed",
            Self::Lagged(_) => "lagged",
        }
    }

    /// Returns the message, if the event is one.
    ///
    /// ```
    /// use websocket_heartbeat::{Event, Message};
    ///
    /// fn messages(events: Vec<Event>) -> Vec<Message> {
    ///     events.into_iter().filter_map(Event::into_message).collect()
    /// }
    /// # assert!(messages(vec![Event::Lagged(1)]).is_empty());
    /// ```
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Message(message) => Some(message),
            _ => None,
        }
    }
}

/// An attempt to connect begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connecting {
    /// The number that the connection gets if the attempt succeeds; 1 for the first attempt.
    pub connection: u64,
    /// 0 for the first attempt of a session, and for an attempt that replaces a connection on
    /// request or because of its age. 1 for the first attempt after the loss of a stable
    /// connection. Each further attempt adds one.
    pub attempt: u32,
}

/// A connection is open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Open {
    /// The number of the connection.
    pub connection: u64,
    /// The number of the attempt that succeeded, see [`Connecting::attempt`].
    pub attempt: u32,
    /// The time since the previous connection was lost, or since the end of a pause without a
    /// connection. `None` for the first connection of the session.
    pub outage: Option<Duration>,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<Text>,
    /// The header fields of the server's answer.
    pub headers: Headers,
    /// The address of the other end of the socket: of the server, or of a proxy before it. `None`
    /// for a Unix socket, in browsers, and if the transport does not report it.
    pub peer_address: Option<SocketAddr>,
    /// The address of this end of the socket, which shows the network interface in use. `None` if
    /// `peer_address` is.
    pub local_address: Option<SocketAddr>,
}

/// The server accepted no byte for 60 s although there is something to write: it does not read.
///
/// It is reported once, after 60 s without progress. It is reported again only after some bytes
/// were accepted and another 60 s have passed. An inbox that is not read keeps the last one of each
/// connection. If nothing changes, the connection is lost after
/// [`Builder::write_timeout`](crate::Builder::write_timeout).
/// [`Status::write_blocked_since`](crate::Status::write_blocked_since) shows whether it still
/// lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteBlocked {
    /// The number of the connection.
    pub connection: u64,
    /// The time since a byte was last accepted, or since the write began. Time in which the
    /// supervisor did not read, because the application took no events, is not included.
    pub time: Duration,
    /// Whether frames arrived in that time. If true, the server sends but does not read. If false,
    /// the connection may be dead; the heartbeat, if there is one, will find out.
    pub heard: bool,
}

/// Nothing was heard for a while on a connection that cannot be probed, because its transport has
/// no pings and no message was set as [`Heartbeat`](crate::Heartbeat).
///
/// The connection may be healthy, dead, or idle on purpose: only the application knows. It may ask
/// the server something, or call [`Handle::reconnect_now`](crate::Handle::reconnect_now). The
/// connection stays open.
///
/// It is reported once in a silence: after 60 s, or after the interval of the
/// [`Heartbeat`](crate::Heartbeat) if one was set, or
/// [`Heartbeat::recheck_timeout`](crate::Heartbeat::recheck_timeout) after a
/// [`probe_now`](crate::Handle::probe_now). An inbox that is not read keeps the last one of each
/// connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Silent {
    /// The number of the connection.
    pub connection: u64,
    /// The time since something was last heard.
    pub time: Duration,
}

/// The server did not answer a heartbeat in time, on a transport without pings, and it is not known
/// to answer heartbeats. So the connection stays open.
///
/// It is reported once a connection. The server is known to answer after it answered three
/// heartbeats in a row, or after [`Heartbeat::reply`](crate::Heartbeat::reply) accepted a message;
/// then an unanswered heartbeat ends the connection. As long as it is not known to answer, the
/// third heartbeat in a row that is followed by complete silence ends the connection, at most once
/// in a minute, then in two, four and so on up to 30 minutes.
///
/// A server that never answers makes the heartbeat useless: set a message that it answers, see
/// [`Heartbeat::message`](crate::Heartbeat::message).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unanswered {
    /// The number of the connection.
    pub connection: u64,
    /// The time since proof of life was last heard.
    pub time: Duration,
}

/// The next attempt is scheduled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// The number of the next attempt, see [`Connecting::attempt`].
    pub attempt: u32,
    /// The time until the next attempt: backoff, minimum gap and shared budget included. It may
    /// change later, by the commands of a [`Handle`](crate::Handle) and, with a
    /// [`DialBudget`](crate::DialBudget), by other sessions.
    /// [`Status::next_attempt_at`](crate::Status::next_attempt_at) has the current value.
    pub delay: Duration,
    /// Why the previous connection was lost, or the previous attempt failed.
    pub cause: LostCause,
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use std::task::Poll;

    use super::*;

    #[test]
    fn an_event_is_no_larger_than_its_message() {
        assert!(size_of::<Poll<Option<Event>>>() <= 40);
        assert_eq!(size_of::<Event>(), size_of::<Message>());
    }
}
