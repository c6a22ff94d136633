//! Why a call has no answer: [`CallError`].

use std::{error::Error, fmt};

/// A call that was not answered. It returns the request.
///
/// `Debug` and `Display` do not show the request, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallError<R> {
    /// The request.
    pub request: R,
    /// Why nothing waits for the answer any more.
    pub reason: CallFailure,
    /// Whether the server may have the request.
    pub fate: RequestFate,
}

impl<R> fmt::Debug for CallError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallError")
            .field("reason", &self.reason)
            .field("fate", &self.fate)
            .finish_non_exhaustive()
    }
}

impl<R> fmt::Display for CallError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; the request {}", self.reason, self.fate)
    }
}

impl<R> Error for CallError<R> {}

/// Why a call was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallFailure {
    /// As many calls as [`CallSettings::limit`](super::CallSettings::limit) allows were waiting for
    /// an answer. Call again after one of them has ended.
    Full,
    /// The answer did not come within the [timeout](super::Call::timeout).
    Timeout,
    /// The connection to which the request was handed was lost, and the call is not
    /// [idempotent](super::Call::idempotent).
    Lost,
    /// The session has ended, or the layer was dropped.
    SessionEnded,
}

impl CallFailure {
    /// The name of the reason in `snake_case`, for logs. The names are stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Timeout => "timeout",
            Self::Lost => "lost",
            Self::SessionEnded => "session_ended",
        }
    }
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "too many calls are waiting for an answer",
            Self::Timeout => "the answer did not come in time",
            Self::Lost => "the connection was lost before the answer came",
            Self::SessionEnded => "the session has ended",
        })
    }
}

/// The fate of a request that was not answered, over all connections to which it was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RequestFate {
    /// No connection took it, so the server does not have it and will not receive it.
    NotSent,
    /// It was handed to a connection, and no flush was completed after that. The server may have it.
    Unknown,
    /// It was [written](crate::Fate::Written): the operating system had all its bytes. The server
    /// probably has it.
    Written,
}

impl RequestFate {
    /// The name of the fate in `snake_case`, for logs. The names are stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Unknown => "unknown",
            Self::Written => "written",
        }
    }
}

impl fmt::Display for RequestFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "was not sent",
            Self::Unknown => "may have been sent",
            Self::Written => "was written",
        })
    }
}
