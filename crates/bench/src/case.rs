//! The cases that are measured.

use std::{fmt, str::FromStr};

use super::server::{request::Route, wire};

/// The payload of a message in every case but ping-pong.
pub(crate) const SIZE: usize = 128;
/// How many messages a batching sender writes before each flush.
pub(crate) const BATCH: usize = 64;

/// How many messages the application keeps in [`Case::ReceiveKeep`].
pub(crate) const KEPT: usize = 1024;

/// A workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Case {
    /// 128-byte binary messages. One write of the server contains 64 KiB of them.
    ReceiveBinary,
    /// The same in ASCII text.
    ReceiveText,
    /// The same, 8 frames in one write of the server.
    ReceiveX8,
    /// The same, one write of the server for each frame.
    ReceiveX1,
    /// `receive-binary` with the halves of a futures `split` in two tasks.
    ReceiveSplit,
    /// `receive-binary` through a spawned driver and a bounded inbox.
    ReceiveDriver,
    /// `receive-binary` into an application that keeps the last 1,024 messages.
    ReceiveKeep,
    /// 64-byte text, one round trip after the other.
    PingPong,
    /// 128-byte binary messages, each flushed.
    SendFlush,
    /// 128-byte binary messages, many in flight.
    SendQueue,
    /// The same by feeding alone, with one flush at the very end.
    SendFeed,
    /// Like `send-queue`, with a receipt for each message.
    SendReceipt,
    /// Many connections, each with one heartbeat per second.
    Idle,
    /// The same with aligned heartbeats, which wake many connections at the same time.
    IdleAligned,
    /// Many connections that reconnect after a restart of the server.
    Reconnect,
    /// One virtual hour of heartbeats and outages for many supervisors.
    Hour,
}

impl Case {
    pub(crate) const ALL: [Self; 16] = [
        Self::ReceiveBinary,
        Self::ReceiveText,
        Self::ReceiveX8,
        Self::ReceiveX1,
        Self::ReceiveSplit,
        Self::ReceiveDriver,
        Self::ReceiveKeep,
        Self::PingPong,
        Self::SendFlush,
        Self::SendQueue,
        Self::SendFeed,
        Self::SendReceipt,
        Self::Idle,
        Self::IdleAligned,
        Self::Reconnect,
        Self::Hour,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReceiveBinary => "receive-binary",
            Self::ReceiveText => "receive-text",
            Self::ReceiveX8 => "receive-x8",
            Self::ReceiveX1 => "receive-x1",
            Self::ReceiveSplit => "receive-split",
            Self::ReceiveDriver => "receive-driver",
            Self::ReceiveKeep => "receive-keep",
            Self::PingPong => "ping-pong",
            Self::SendFlush => "send-flush",
            Self::SendQueue => "send-queue",
            Self::SendFeed => "send-feed",
            Self::SendReceipt => "send-receipt",
            Self::Idle => "idle",
            Self::IdleAligned => "idle-aligned",
            Self::Reconnect => "reconnect",
            Self::Hour => "hour",
        }
    }

    /// The unit of the costs.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::PingPong => "round trip",
            Self::Idle | Self::IdleAligned => "heartbeat",
            Self::Reconnect => "reconnect",
            Self::Hour => "supervisor",
            _ => "message",
        }
    }

    /// How many units a run has. For idle, reconnect and hour this is the number of connections.
    pub(crate) fn count(self, quick: bool) -> u64 {
        let (full, quick_count) = match self {
            Self::ReceiveBinary
            | Self::ReceiveText
            | Self::ReceiveSplit
            | Self::ReceiveDriver
            | Self::ReceiveKeep => (1_000_000, 300_000),
            Self::ReceiveX8 => (500_000, 200_000),
            Self::ReceiveX1 => (200_000, 50_000),
            Self::PingPong => (10_000, 2_000),
            Self::SendFlush => (100_000, 40_000),
            Self::SendQueue | Self::SendFeed | Self::SendReceipt => (500_000, 200_000),
            Self::Idle | Self::IdleAligned | Self::Reconnect => (5_000, 500),
            Self::Hour => (100_000, 2_000),
        };
        if quick { quick_count } else { full }
    }

    /// The route to request from the server.
    pub(crate) fn route(self, count: u64) -> Route {
        match self {
            Self::ReceiveBinary | Self::ReceiveSplit | Self::ReceiveDriver | Self::ReceiveKeep => {
                Route::push(count, SIZE)
            }
            Self::ReceiveText => match Route::push(count, SIZE) {
                Route::Push { count, size, per_write, .. } => {
                    Route::Push { count, size, opcode: wire::TEXT, per_write }
                }
                other => other,
            },
            Self::ReceiveX8 => {
                Route::Push { count, size: SIZE, opcode: wire::BINARY, per_write: 8 }
            }
            Self::ReceiveX1 => {
                Route::Push { count, size: SIZE, opcode: wire::BINARY, per_write: 1 }
            }
            Self::SendFlush | Self::SendQueue | Self::SendFeed | Self::SendReceipt => {
                Route::Sink { count }
            }
            Self::PingPong | Self::Idle | Self::IdleAligned | Self::Reconnect | Self::Hour => {
                Route::Echo
            }
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|case| case.name() == name)
            .ok_or_else(|| format!("there is no case {name}"))
    }
}
