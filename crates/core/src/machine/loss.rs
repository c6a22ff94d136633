//! Why a connection, an attempt or the session ended: [`Loss`], [`End`].

use std::time::Duration;

/// Why a connection or an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Loss {
    /// The driver reported it, and knows the cause.
    Reported,
    ConnectTimeout(Duration),
    HeartbeatTimeout(Duration),
    WriteStalled(Duration),
    Replaced,
    MaxAge,
    Paused,
    /// The session ended with it.
    Ended,
}

/// Why the session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum End {
    User,
    Aborted,
    AttemptsExhausted,
    BackoffEnded,
    Stopped,
    FlapLimit,
    OutageLimit,
    /// The driver knows which function of the user panicked.
    Panicked,
}
