//! What is measured.

use std::{fmt, str::FromStr};

use super::server::{request::Route, wire};

/// The payload of a message in every case but ping-pong.
pub(crate) const SIZE: usize = 128;
/// How many messages a sender that batches puts before one flush, and how many are in flight.
pub(crate) const BATCH: usize = 64;

/// How many messages an application keeps that keeps some.
pub(crate) const KEPT: usize = 1024;

/// One situation to measure a contender in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Case {
    /// 128-byte binary messages, as many as 64 KiB hold in one write of the server.
    HoseBinary,
    /// The same in ASCII text.
    HoseText,
    /// The same, 8 frames in one write of the server.
    HoseX8,
    /// The same, one write of the server for each frame.
    HoseX1,
    /// The binary hose with the halves of a futures `split` in two tasks.
    HoseSplit,
    /// The binary hose through a spawned driver and a bounded inbox.
    HoseDriver,
    /// The binary hose into an application that keeps the last 1,024 messages.
    HoseKeep,
    /// 64-byte text, one round trip after the other.
    PingPong,
    /// 128-byte binary messages, each flushed.
    SendFlush,
    /// 128-byte binary messages, many in flight.
    SendQueue,
    /// The same by feeding alone, with one flush at the very end.
    SendFeed,
    /// As `send-queue`, with a receipt for each message.
    SendReceipt,
    /// Many connections, one heartbeat a second each.
    Idle,
    /// The same with heartbeats that wake many connections together.
    IdleAligned,
    /// Many connections that come back after a restart of the server.
    Reconnect,
    /// One virtual hour of heartbeats and outages for many supervisors.
    Hour,
}

impl Case {
    pub(crate) const ALL: [Self; 16] = [
        Self::HoseBinary,
        Self::HoseText,
        Self::HoseX8,
        Self::HoseX1,
        Self::HoseSplit,
        Self::HoseDriver,
        Self::HoseKeep,
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
            Self::HoseBinary => "hose-binary",
            Self::HoseText => "hose-text",
            Self::HoseX8 => "hose-x8",
            Self::HoseX1 => "hose-x1",
            Self::HoseSplit => "hose-split",
            Self::HoseDriver => "hose-driver",
            Self::HoseKeep => "hose-keep",
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

    /// What one unit of the costs is.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::PingPong => "round trip",
            Self::Idle | Self::IdleAligned => "beat",
            Self::Reconnect => "reconnect",
            Self::Hour => "supervisor",
            _ => "message",
        }
    }

    /// How many units a run has: of idle, reconnect and hour, how many connections.
    pub(crate) fn count(self, quick: bool) -> u64 {
        let (full, quick_count) = match self {
            Self::HoseBinary
            | Self::HoseText
            | Self::HoseSplit
            | Self::HoseDriver
            | Self::HoseKeep => (1_000_000, 300_000),
            Self::HoseX8 => (500_000, 200_000),
            Self::HoseX1 => (200_000, 50_000),
            Self::PingPong => (10_000, 2_000),
            Self::SendFlush => (100_000, 40_000),
            Self::SendQueue | Self::SendFeed | Self::SendReceipt => (500_000, 200_000),
            Self::Idle | Self::IdleAligned | Self::Reconnect => (5_000, 500),
            Self::Hour => (100_000, 2_000),
        };
        if quick { quick_count } else { full }
    }

    /// What to ask of the server.
    pub(crate) fn route(self, count: u64) -> Route {
        match self {
            Self::HoseBinary | Self::HoseSplit | Self::HoseDriver | Self::HoseKeep => {
                Route::hose(count, SIZE)
            }
            Self::HoseText => match Route::hose(count, SIZE) {
                Route::Hose { count, size, per_write, .. } => {
                    Route::Hose { count, size, opcode: wire::TEXT, per_write }
                }
                other => other,
            },
            Self::HoseX8 => Route::Hose { count, size: SIZE, opcode: wire::BINARY, per_write: 8 },
            Self::HoseX1 => Route::Hose { count, size: SIZE, opcode: wire::BINARY, per_write: 1 },
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
            .ok_or_else(|| format!("no case is called {name}"))
    }
}
