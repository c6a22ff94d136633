//! Leases: [`Key`], the [`Record`] in the store, and the state of each lease on this worker.

use std::time::Duration;

use super::{Settings, hash::hash, worker::Worker};

/// The name of a lease: a block, and the number of its owner. With one owner a block, `slot` is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The block of subscriptions.
    pub block: u32,
    /// The number of the owner among the owners of this block.
    pub slot: u8,
}

impl Key {
    /// Spreads the first renewals of leases that are taken at once.
    pub(super) fn share_of(self, time: Duration) -> Duration {
        let bits = hash(&(u64::from(self.block) << 8 | u64::from(self.slot)).to_le_bytes());
        time.mul_f64((bits >> 32) as f64 / f64::from(u32::MAX))
    }
}

/// The value of a lease in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The owner.
    pub owner: Worker,
    /// The owner's connections are open, so an earlier owner can stop.
    pub ready: bool,
    /// The owner has had it for [`Settings::stay`], so a living worker may take it over.
    pub rested: bool,
}

/// The result of a write to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is stored, with this revision. A deletion has one, too.
    Stored(u64),
    /// The record had another revision than expected.
    Refused,
    /// Whether it is stored is not known.
    Unknown,
}

/// The record as this worker knows it. It may be older than that in the store.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) record: Record,
    pub(super) revision: u64,
    /// When this revision became known.
    pub(super) changed: Duration,
}

/// A lease that this worker owns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// The expected revision of the next write.
    pub(super) revision: u64,
    pub(super) taken: Duration,
    /// When the last successful renewal was sent.
    pub(super) renewed: Duration,
    /// When the next renewal is due.
    pub(super) next: Duration,
    /// When the renewal was sent whose result is awaited.
    pub(super) sent: Option<Duration>,
    pub(super) stage: Stage,
    /// The last write was refused. A write before it whose result is unknown may be the reason.
    pub(super) doubted: bool,
    /// It was taken from an owner that lives.
    pub(super) moved: bool,
}

/// The connections of a block that this worker owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// They are being opened.
    Opening,
    /// They are open.
    Ready,
    /// They are being closed.
    Closing,
    /// They are closed. The lease is deleted once no renewal is on the way.
    Closed,
}

impl Held {
    pub(super) fn new(
        key: Key,
        revision: u64,
        sent: Duration,
        moved: bool,
        times: &Settings,
    ) -> Self {
        Self {
            revision,
            taken: sent,
            renewed: sent,
            next: sent + key.share_of(times.renewal),
            sent: None,
            stage: Stage::Opening,
            doubted: false,
            moved,
        }
    }

    /// The connections are open: others have to know it.
    pub(super) fn open(&mut self, now: Duration) {
        if self.stage == Stage::Opening {
            self.stage = Stage::Ready;
            self.next = now;
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(self.stage, Stage::Closing | Stage::Closed)
    }
}

/// A lease on this worker.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// This worker has no part in it, and does not try to take it before this time.
    Idle { not_before: Duration },
    /// The write that takes it is on the way. `moved`: from an owner that lives.
    Taking { sent: Duration, moved: bool },
    /// It is owned.
    Held(Held),
    /// The lease of an `overlap` block is lost. Its connections go on until a successor is ready, or
    /// until this time.
    Overlapping { until: Option<Duration>, retake: Retake },
    /// The connections are being closed after the lease was lost.
    Closing,
    /// The deletion of the lease is on the way.
    Releasing,
}

/// The attempt to take a lost lease again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Retake {
    NotBefore(Duration),
    /// The write was sent at this time.
    Sent(Duration),
}
