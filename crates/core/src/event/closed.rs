//! The end of the session: [`Closed`] and its [`CloseReason`].

use std::fmt;

use super::{fate::Fate, lost::LostCause};
use crate::panics::UserPanic;

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
