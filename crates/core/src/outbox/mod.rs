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
mod flush;
mod hand_over;
mod list;
mod online;
mod rare;
mod receipt;
mod replay;
mod settle;
mod sinks;
#[cfg(test)]
mod tests;
mod wants;

use std::sync::Arc;

use self::{entry::Entry, list::List, rare::Rare};
use crate::{
    config::OutboxSettings,
    event::{DropReason, Fate},
    message::Message,
    sync::Deferred,
};

pub(crate) use self::{
    admission::Admission,
    cursors::{Load, WINDOW},
    fates::Fates,
    online::Online,
    sinks::SinkState,
    wants::Wants,
};
pub use self::{
    error::{QueueError, SessionClosed},
    receipt::Receipt,
};

/// The outbox of one session. Every session has one, so it is small, and fields that are rarely used
/// are in a box.
pub(crate) struct Outbox {
    policy: OutboxSettings,
    list: List,
    /// Some of the unstamped messages have a maximum age.
    unstamped_expire: bool,
    state: OutboxState,
    /// How often the driver has parked since a message was accepted, up to a few times.
    parks: u8,
    /// How many messages are handed over at most before a flush. It is lower after the connection
    /// took only some, so that the others are not handed over and taken back again and again.
    batch_limit: u16,
    online: Online,
    /// The next number for a message. Replays, sinks and waiting tasks get numbers from it, too.
    next_number: u64,
    /// Counts of fates since the session began.
    counts: Counts,
    /// The fates of messages with a receipt that are accepted now.
    fates: Option<Arc<Fates>>,
    rare: Option<Box<Rare>>,
}

/// The window in messages, see [`WINDOW`].
const MAX_BATCH: u16 = WINDOW.count as u16;

/// Whether new messages are accepted, and accepted ones are still written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutboxState {
    Open,
    /// The session is being closed: new messages are refused, accepted messages are still written.
    Closing,
    /// No message will be written any more.
    Closed,
}

/// Counts of messages that were not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) dropped: u64,
    pub(crate) unknown: u64,
}

/// The part of a loss that reports on messages.
#[derive(Default)]
pub(crate) struct Unsent {
    pub(crate) fates: Vec<Fate>,
    /// How many older fates were discarded.
    pub(crate) discarded: u64,
    /// How many messages became unknown, with a receipt or without.
    pub(crate) unknown: u64,
}

impl Outbox {
    pub(crate) fn new(policy: OutboxSettings) -> Self {
        Self {
            policy,
            list: List::default(),
            unstamped_expire: false,
            state: OutboxState::Open,
            parks: 0,
            batch_limit: MAX_BATCH,
            online: Online::No,
            next_number: 0,
            counts: Counts::default(),
            fates: None,
            rare: None,
        }
    }

    /// Returns the load of all messages that have no fate yet.
    pub(crate) fn held(&self) -> Load {
        self.list.held()
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
        self.list.queued().count > 0
    }

    /// Returns whether every accepted message has its fate, and no sink has a parked message.
    pub(crate) fn is_settled(&self) -> bool {
        self.held().count == 0 && !self.rare.as_ref().is_some_and(|rare| rare.sinks.has_parked())
    }

    /// Returns a number that is larger than all numbers before it.
    pub(crate) fn draw_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Resolves an entry that was removed: dropped, or unknown if it was ever handed over.
    fn drop_entry(&mut self, entry: Entry, reason: DropReason, deferred: &mut Deferred<'_>) {
        if entry.is_per_connection() {
            return deferred.drop_later(entry.message);
        }
        let fate = match (entry.handed_to, entry.message) {
            (connection, mut message) if connection > 0 && reason != DropReason::ResendLimit => {
                self.counts.unknown += 1;
                self.rare_mut().unknown += 1;
                if !self.policy.keeps_clones() {
                    deferred.drop_later(message.take());
                }
                Fate::Unknown { connection, message }
            }
            (_, Some(message)) => {
                self.counts.dropped += 1;
                Fate::Dropped { reason, message }
            }
            (_, None) => unreachable!("only a message that was handed over has no payload"),
        };
        if entry.receipt {
            self.resolve_receipt(entry.number, fate, deferred);
        } else {
            self.push_unsent(fate, deferred);
        }
    }

    /// Stores the fate of a message with a receipt.
    fn resolve_receipt(&self, number: u64, fate: Fate, deferred: &mut Deferred<'_>) {
        let mut earlier = self.rare.iter().flat_map(|rare| &rare.earlier_fates);
        let of_earlier = earlier.find(|(end, _)| number < *end).map(|(_, fates)| fates);
        match of_earlier.or(self.fates.as_ref()) {
            Some(fates) => fates.set_exception(number, fate, deferred),
            None => debug_assert!(false, "every receipt has a place for its fate"),
        }
    }

    /// Stores a fate without a receipt until the next loss is reported.
    fn push_unsent(&mut self, fate: Fate, deferred: &mut Deferred<'_>) {
        // The stored fates have the same bounds as the outbox. The newest is kept in any case.
        let policy = self.policy;
        let rare = self.rare_mut();
        rare.unsent_bytes += fate.message().map_or(0, Message::len);
        rare.unsent.push_back(fate);
        while rare.unsent.len() > 1
            && (rare.unsent.len() > policy.count || rare.unsent_bytes > policy.bytes)
            && let Some(oldest) = rare.unsent.pop_front()
        {
            rare.unsent_bytes -= oldest.message().map_or(0, Message::len);
            rare.discarded += 1;
            deferred.drop_later(oldest);
        }
    }
}
