//! The end of the session: [`Closed`] and its [`CloseReason`].

use std::fmt;

use super::{fate::Fate, lost::LostCause};
use crate::{message::Message, panics::UserPanic};

/// The session has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// Why the session ended.
    pub reason: CloseReason,
    /// The fates of messages without a receipt that were not [written](Fate::Written), since the
    /// last `Lost`.
    pub unsent: Vec<Fate>,
    /// Like [`Lost::unproven`](crate::Lost::unproven), for the last connection. Zero if the server
    /// answered our close frame, which is sent after all messages.
    pub unproven: u64,
    /// Like [`Lost::unproven_messages`](crate::Lost::unproven_messages), for the last connection.
    pub unproven_messages: Vec<Message>,
    /// Like [`Lost::unproven_discarded`](crate::Lost::unproven_discarded).
    pub unproven_discarded: u64,
    /// Like [`Lost::unknown`](crate::Lost::unknown), for the last connection.
    pub unknown: u64,
    /// Like [`Lost::discarded`](crate::Lost::discarded).
    pub discarded: u64,
    /// How many inbound messages were discarded after [`close`](crate::Handle::close), because the
    /// messages before them were not read and the buffer was full. They are not included in
    /// [`Counters::messages_in`](crate::status::Counters::messages_in).
    pub unread: u64,
}

/// Why the session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// [`Handle::close`](crate::Handle::close) was called, or the supervisor's sink was closed.
    User,
    /// [`Handle::abort`](crate::Handle::abort) was called.
    Aborted,
    /// The [allowed attempts](crate::Attempts) failed. Holds the cause of the last failure.
    AttemptsExhausted(LostCause),
    /// The [backoff](crate::Backoff) returned no further delay. Holds the cause of the last loss.
    BackoffEnded(LostCause),
    /// The [verdict](crate::Verdict) on this cause was to stop.
    Stopped(LostCause),
    /// Too many connections in a row were lost before they were stable, see
    /// [`Builder::flap_limit`](crate::Builder::flap_limit). Holds the cause of the last loss.
    FlapLimit(LostCause),
    /// The next attempt would begin after the [longest allowed outage](crate::Builder::outage_limit).
    /// Holds the cause of the last loss; `None` if the first attempt would already be too late.
    OutageLimit(Option<LostCause>),
    /// A function that the application provided panicked, and the session cannot continue without
    /// it: the backoff, a function of the heartbeat, that of acknowledgements, or the timer.
    Panicked(UserPanic),
    /// The supervisor or its driver was dropped. Only visible in the [`Status`](crate::Status).
    Dropped,
}

impl CloseReason {
    /// Returns the name of the variant in lower case, for logs. `wsbeat --json` prints the same.
    /// These names are stable.
    pub const fn name(&self) -> &'static str {
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

    /// Returns whether the application ended the session. If false, the supervisor gave up.
    pub fn by_user(&self) -> bool {
        matches!(self, Self::User | Self::Aborted | Self::Dropped)
    }

    /// Returns why the last connection was lost, if the supervisor gave up because of it.
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

    /// Returns the reason in words, as `Display` does, and with the [detail](LostCause::detail) of
    /// its cause. `wsbeat --json` prints the same.
    pub fn detail(&self) -> String {
        match self.cause() {
            Some(cause @ LostCause::ClosedByPeer(_)) => {
                format!("{}: {}", self.without_cause(), cause.detail())
            }
            _ => self.to_string(),
        }
    }

    /// The reason in words, without its cause.
    fn without_cause(&self) -> &dyn fmt::Display {
        match self {
            Self::User => &"closed by the user",
            Self::Aborted => &"aborted by the user",
            Self::AttemptsExhausted(_) => &"no attempts left",
            Self::BackoffEnded(_) => &"the backoff gave up",
            Self::Stopped(_) => &"not worth another attempt",
            Self::FlapLimit(_) => &"too many short-lived connections",
            Self::OutageLimit(None) => &"the first attempt would be too late",
            Self::OutageLimit(Some(_)) => &"the outage lasted too long",
            Self::Panicked(panic) => panic,
            Self::Dropped => &"the supervisor was dropped",
        }
    }
}

/// The error of [`Handle::opened`](crate::Handle::opened).
impl std::error::Error for CloseReason {}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.without_cause().fmt(f)?;
        match self.cause() {
            // "no attempts left: could not connect: .." says the same twice.
            Some(LostCause::Connect(error)) => write!(f, ": {error}"),
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}
