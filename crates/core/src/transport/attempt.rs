//! An attempt to connect, [`Attempt`], and the attempt or connection before it, [`Predecessor`].

use crate::{event::LostCause, time::Timestamp};

/// One attempt to connect, as the supervisor describes it to the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The number of the connection that this attempt would become. The first attempt of a session
    /// has 1, and each attempt adds one.
    pub connection: u64,
    /// The number of attempts since the last stable connection. It is 0 for the first attempt of a
    /// session and for an attempt that replaces a connection on request or for its age. It is 1 for
    /// the first attempt after the loss of a stable connection, and increases by one for each
    /// further attempt.
    pub number: u32,
    /// When the supervisor gives the attempt up, by its timer; `None` is never.
    pub deadline: Option<Timestamp>,
    /// The end of the attempt or connection before this one.
    pub follows: Predecessor,
    /// Whether to use fresh credentials, because the verdict on the last failure was
    /// [`Verdict::RefreshThenRetry`](crate::Verdict::RefreshThenRetry).
    pub refresh: bool,
    /// Why the last attempt failed or the last connection was lost; `None` at the first attempt of
    /// a session.
    pub last: Option<LostCause>,
}

/// The end of the attempt or connection before an attempt. A connection is *stable* if it was open
/// for the time of [`Builder::stable_after`](crate::Builder::stable_after), or until its maximum
/// age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Predecessor {
    /// Nothing: this attempt is the first of the session.
    None,
    /// An attempt that failed.
    Failed,
    /// An attempt that was given up for a pause. The server is not to blame.
    GivenUp,
    /// A connection that was lost.
    Lost {
        /// Whether it was stable.
        stable: bool,
    },
    /// A connection that was replaced on request or for its age. The server is not to blame.
    Replaced {
        /// Whether it was stable.
        stable: bool,
    },
}

impl Predecessor {
    /// Returns the name of the variant in lower case, for logs. These names are stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
            Self::Lost { .. } => "lost",
            Self::Replaced { .. } => "replaced",
        }
    }

    /// Whether this was a stable connection, with any kind of end.
    pub const fn was_stable(self) -> bool {
        matches!(self, Self::Lost { stable: true } | Self::Replaced { stable: true })
    }

    /// Whether this counts against the server: a failed attempt, or a connection that was lost
    /// before it was stable.
    pub const fn was_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Lost { stable: false })
    }
}

impl Attempt {
    /// An attempt with these numbers and this deadline; `None` is never. The other fields are those
    /// of the first attempt of a session.
    ///
    /// Usually the supervisor makes attempts. This function is for tests of a transport, and for
    /// programs that connect without a supervisor.
    pub fn new(connection: u64, number: u32, deadline: impl Into<Option<Timestamp>>) -> Self {
        Self {
            connection,
            number,
            deadline: deadline.into(),
            follows: Predecessor::None,
            refresh: false,
            last: None,
        }
    }
}
