//! The transitions to report: [`Transition`].

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

/// A transition that the driver reports as an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Transition {
    /// No byte of a blocked write was accepted for this time; `heard`: frames came in meanwhile.
    WriteBlocked {
        connection: u64,
        time: Duration,
        heard: bool,
    },
    Lost {
        connection: u64,
        opened: bool,
        loss: Loss,
    },
    Retry {
        attempt: u32,
        delay: Duration,
    },
    Connecting {
        connection: u64,
        attempt: u32,
    },
    Open {
        connection: u64,
        attempt: u32,
        outage: Duration,
    },
    Closed(End),
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
