//! The outbox: accepted messages until they have their fate, and the tasks that wait for room.
//!
//! It is part of the state under the lock that handles and driver share. Wakers to call and values
//! to drop go into a [`Deferred`], which is processed after the lock is released. After every change,
//! [`Outbox::settle`] wakes the tasks that need not wait any longer.

mod admission;
mod cursors;
mod entry;
mod error;
mod fates;
mod hand_over;
mod limits;
mod list;
mod rare;
mod receipt;
mod receipts;
mod replay;
mod settle;
mod sink_side;
mod sinks;
#[cfg(test)]
mod tests;
mod unproven;
mod waits;

use std::collections::VecDeque;

use self::{entry::Entry, list::List, rare::Rare, receipts::Receipts, waits::Waits};
use crate::{
    config::{KeepUnproven, OutboxRules, OutboxSettings},
    event::{DropReason, Fate},
    message::Message,
    sync::Deferred,
};

pub(crate) use self::{
    admission::Admission,
    cursors::{Load, WINDOW},
    fates::Fates,
    sink_side::SinkSide,
};
pub use self::{
    error::{QueueError, SessionClosed},
    receipt::Receipt,
};

/// The outbox of one session. Every session has one, so it is small, and fields that are rarely used
/// are in a box.
pub(crate) struct Outbox {
    policy: OutboxRules,
    list: List,
    /// Some of the unstamped messages have a maximum age.
    unstamped_expire: bool,
    state: OutboxState,
    /// How often the driver has parked since a message was accepted, up to a few times.
    parks: u8,
    /// How many messages are handed over at most before a flush. It is lower after the connection
    /// took only some, so that the others are not handed over and taken back again and again.
    batch_limit: usize,
    online: Online,
    /// The next number for a message. Replays, sinks and waiting tasks get numbers from it, too.
    next_number: u64,
    /// Counts of fates since the session began.
    counts: Counts,
    receipts: Option<Box<dyn Receipts>>,
    /// Set once a task or a sink has waited.
    waits: Option<&'static dyn Waits>,
    rare: Option<Box<Rare>>,
}

/// Whether new messages are accepted, and accepted ones are still written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutboxState {
    Open,
    /// The session is being closed: new messages are refused, accepted messages are still written.
    Closing,
    /// No message will be written any more.
    Closed,
}

/// The state of the connection, as far as the outbox needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Online {
    /// No connection is open. The policy for messages is [`Offline`](crate::Offline).
    #[default]
    No,
    /// The connection is being replaced by plan. Messages are accepted and kept as if a connection
    /// was open, and written on the next connection. If its attempt fails, the offline policy applies
    /// to them, too.
    Replacing,
    /// The connection with this number is open.
    Yes(u64),
}

impl Online {
    /// Returns the number of the open connection.
    pub(crate) fn connection(self) -> Option<u64> {
        match self {
            Self::Yes(connection) => Some(connection),
            Self::No | Self::Replacing => None,
        }
    }
}

/// The resource that a waiting task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// A reserved slot, for a sink. The task of a sink can stop waiting without notice, so it must
    /// not block those behind it: it leaves the queue when it is woken.
    Reservation { sink_id: u64 },
    /// Room for a message of this many bytes. The future of such a task leaves the queue itself, when
    /// the message is accepted or refused, or when the future is dropped.
    Room { bytes: usize },
}

/// Counts of messages that were not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) dropped: u64,
    pub(crate) unknown: u64,
}

/// The part of a loss that reports on messages, since the last report.
#[derive(Default)]
pub(crate) struct Unsent {
    /// Fates without a receipt.
    pub(crate) fates: VecDeque<Fate>,
    /// Bytes of the messages in them.
    bytes: usize,
    /// How many older fates were discarded, so that the others are within the bounds of the outbox.
    pub(crate) discarded: u64,
    /// How many messages became unknown, with a receipt or without.
    pub(crate) unknown: u64,
    /// The messages that were written without proof, if they are kept.
    pub(crate) unproven: Vec<Message>,
    /// How many older ones were not kept.
    pub(crate) unproven_discarded: u64,
}

impl Unsent {
    fn is_empty(&self) -> bool {
        // If any were discarded, the newest fate is kept.
        self.fates.is_empty() && self.unknown == 0
    }
}

impl Outbox {
    pub(crate) fn new(settings: OutboxSettings) -> Self {
        let unproven = settings.unproven.map(KeepUnproven::make);
        let rare = unproven.map(|part| Box::new(Rare { unproven: Some(part), ..Rare::default() }));
        Self {
            policy: settings.rules,
            list: List::default(),
            unstamped_expire: false,
            state: OutboxState::Open,
            parks: 0,
            batch_limit: WINDOW.count,
            online: Online::No,
            next_number: 0,
            counts: Counts::default(),
            receipts: None,
            waits: None,
            rare,
        }
    }

    /// Returns the load of all messages that have no fate yet.
    pub(crate) fn held(&self) -> Load {
        self.list.cursors.held()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns whether new messages are refused because the session is being closed or has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.state != OutboxState::Open
    }

    /// Returns whether there is a message to hand over.
    pub(crate) fn has_queued(&self) -> bool {
        self.list.cursors.queued.count > 0
    }

    /// Returns whether every accepted message has its fate, and no sink has a parked message.
    pub(crate) fn is_settled(&self) -> bool {
        self.held().count == 0 && self.rare.as_ref().is_none_or(|rare| rare.sinks.parked.is_empty())
    }

    /// Returns a number that is larger than all numbers before it.
    pub(crate) fn draw_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Resolves an entry that was removed: dropped, or unknown if it was ever handed over.
    fn drop_entry(&mut self, entry: Entry, reason: DropReason, deferred: &mut Deferred<'_>) {
        if entry.is_per_connection() && !entry.receipt {
            return deferred.drop_later(entry.message);
        }
        // A layer may send its message again, and reports the outcome itself.
        let count = u64::from(!entry.is_per_connection());
        let fate = match (entry.handed_to, entry.message) {
            (connection, mut message) if connection > 0 && reason != DropReason::ResendLimit => {
                self.counts.unknown += count;
                self.rare_mut().unsent.unknown += count;
                if !self.policy.keeps_clones() {
                    deferred.drop_later(message.take());
                }
                Fate::Unknown { connection, message }
            }
            (_, Some(message)) => {
                self.counts.dropped += count;
                Fate::Dropped { reason, message }
            }
            (_, None) => unreachable!("only a message that was handed over has no payload"),
        };
        match &self.receipts {
            Some(receipts) if entry.receipt => receipts.resolve(entry.number, fate, deferred),
            _ => self.push_unsent(fate, deferred),
        }
    }

    /// Stores a fate without a receipt until the next loss is reported.
    fn push_unsent(&mut self, fate: Fate, deferred: &mut Deferred<'_>) {
        // The stored fates have the same bounds as the outbox. The newest is kept in any case.
        let OutboxRules { count, bytes, .. } = self.policy;
        let unsent = &mut self.rare_mut().unsent;
        unsent.bytes += fate.message().map_or(0, Message::len);
        unsent.fates.push_back(fate);
        while unsent.fates.len() > 1
            && (unsent.fates.len() > count || unsent.bytes > bytes)
            && let Some(oldest) = unsent.fates.pop_front()
        {
            unsent.bytes -= oldest.message().map_or(0, Message::len);
            unsent.discarded += 1;
            deferred.drop_later(oldest);
        }
    }
}
