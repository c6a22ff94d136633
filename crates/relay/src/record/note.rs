//! The records of what happened to a subscription: [`Note`].

use serde::{Deserialize, Serialize};

use super::Stamp;

/// A record in the stream. It stands among the messages of its subscription, in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Note {
    /// A worker owns the subscription from here on.
    Owner {
        /// Rises with each owner.
        epoch: u64,
        /// The name of the worker.
        worker: String,
        /// The random number of its process, in hexadecimal digits.
        incarnation: String,
        /// The number of this owner among those of the subscription.
        slot: u8,
    },
    /// A connection is open.
    Open {
        /// The owner.
        epoch: u64,
        /// The number of the connection, which counts up within an epoch.
        connection: u64,
        /// When it opened.
        at: Stamp,
        /// What was sent from this moment on may be missing, until a later record says more: the
        /// first message has not arrived, or the end of an owner before is not recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Stamp>,
    },
    /// A connection is lost.
    Lost {
        /// The owner.
        epoch: u64,
        /// The number of the connection.
        connection: u64,
        /// When the loss was noticed.
        at: Stamp,
        /// The last sign of life of the upstream.
        heard: Stamp,
        /// A word for the cause, from the library.
        cause: String,
        /// More about the cause, without secrets.
        detail: String,
    },
    /// What the upstream sent in this time may be missing.
    Gap {
        /// The owner that noticed it.
        epoch: u64,
        /// The last moment from which everything is stored.
        from: Stamp,
        /// When the first message after it was received.
        to: Stamp,
        /// An owner recorded the beginning itself. Otherwise it is when the last stored message was
        /// received.
        certain: bool,
        /// The sequence number in the stream of the last stored message before the gap.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
    },
    /// Messages were dropped, since the stream accepted nothing for too long.
    Lagged {
        /// The owner.
        epoch: u64,
        /// How many.
        count: u64,
    },
    /// A message was larger than the stream accepts.
    Skipped {
        /// The owner.
        epoch: u64,
        /// The size of the message.
        bytes: u64,
        /// The largest accepted size.
        limit: u64,
    },
    /// The owner has stopped, and all that it received before this record is stored.
    Stopped {
        /// The owner.
        epoch: u64,
        /// When its connection was closed.
        at: Stamp,
        /// Why.
        cause: String,
    },
}

impl Note {
    /// The word in the header `Wsb-Record`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Owner { .. } => "owner",
            Self::Open { .. } => "open",
            Self::Lost { .. } => "lost",
            Self::Gap { .. } => "gap",
            Self::Lagged { .. } => "lagged",
            Self::Skipped { .. } => "skipped",
            Self::Stopped { .. } => "stopped",
        }
    }

    /// The owner that wrote the record.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        match self {
            Self::Owner { epoch, .. }
            | Self::Open { epoch, .. }
            | Self::Lost { epoch, .. }
            | Self::Gap { epoch, .. }
            | Self::Lagged { epoch, .. }
            | Self::Skipped { epoch, .. }
            | Self::Stopped { epoch, .. } => *epoch,
        }
    }
}
