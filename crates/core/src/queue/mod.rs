//! The outbox's inside: accepted messages until their fate, the gate that bounds them, and the
//! line of those who wait at it.
//!
//! It stands under the lock that handles and driver share. Whatever wakes a task or may run code
//! of the application is collected in a [`News`] and done after the lock is released.

mod bound;
mod driver;
mod entry;
mod extra;
mod fates;
mod gate;
mod news;
mod online;
#[cfg(test)]
mod receipt_tests;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc};

use self::{entry::Entry, extra::Extra};
pub(crate) use self::{fates::Fates, gate::Offered, news::News, online::Online};
use crate::{
    DropReason, Fate, Message, Outbox, Timestamp,
    machine::{Cursors, Load},
};

/// Every session has one, so it is small; what is rarely used is in boxes.
pub(crate) struct Queue {
    policy: Outbox,
    /// Handed messages first, then the queued ones.
    entries: VecDeque<Entry>,
    cursors: Cursors,
    /// Entries at the end that the driver has not seen yet.
    unseen: usize,
    /// Some of them expire.
    unseen_expire: bool,
    closed: bool,
    /// How often the driver rested since a message was accepted, up to a few times.
    rests: u8,
    /// The earliest moment at which a queued message expires.
    expiry: Option<Timestamp>,
    online: Online,
    /// Places promised to handles between `poll_ready` and `start_send`.
    reserved: usize,
    /// Numbers given so far, to messages, to replays, and to those who may have to wait.
    numbers: u64,
    /// Fates since the session began.
    counts: Counts,
    /// Of the messages that are accepted with a receipt at present.
    fates: Option<Arc<Fates>>,
    extra: Option<Box<Extra>>,
}

/// Messages that did not become written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) dropped: u64,
    pub(crate) unknown: u64,
}

/// What is told with a loss.
#[derive(Default)]
pub(crate) struct Unsent {
    pub(crate) fates: Vec<Fate>,
    /// How many were let go before them.
    pub(crate) discarded: u64,
    /// How many became unknown, with a receipt or without.
    pub(crate) unknown: u64,
}

impl Queue {
    pub(crate) fn new(policy: Outbox) -> Self {
        Self {
            policy,
            entries: VecDeque::new(),
            cursors: Cursors::default(),
            unseen: 0,
            unseen_expire: false,
            closed: false,
            rests: 0,
            expiry: None,
            online: Online::No,
            reserved: 0,
            numbers: 0,
            counts: Counts::default(),
            fates: None,
            extra: None,
        }
    }

    pub(crate) fn held(&self) -> Load {
        self.cursors.held()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether there is something to hand over.
    pub(crate) fn has_queued(&self) -> bool {
        self.cursors.queued().count > 0
    }

    /// Whether everything accepted has its fate.
    pub(crate) fn is_settled(&self) -> bool {
        self.entries.is_empty()
    }

    /// A number that is larger than all before it.
    pub(crate) fn draw_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn remove(&mut self, index: usize) -> Entry {
        if index >= self.entries.len() - self.unseen {
            self.unseen -= 1;
        }
        let entry = self.entries.remove(index).expect("the cursors count the entries");
        if index < self.cursors.handed().count {
            self.cursors.settle(entry.bytes);
        } else {
            self.cursors.drop_queued(entry.bytes);
        }
        entry
    }

    /// Gives an entry that was removed its fate: dropped, or unknown if it was ever handed over.
    fn drop_entry(&mut self, entry: Entry, reason: DropReason, news: &mut News) {
        if entry.is_bound() {
            return;
        }
        let fate = match (entry.handed_to, entry.message) {
            (connection, message) if connection > 0 && reason != DropReason::ResendLimit => {
                self.counts.unknown += 1;
                self.extra().unknown += 1;
                Fate::Unknown {
                    connection,
                    message: message.filter(|_| self.policy.keeps_clones()),
                }
            }
            (_, Some(message)) => {
                self.counts.dropped += 1;
                Fate::Dropped { reason, message }
            }
            (_, None) => unreachable!("only what was handed over by move has no payload"),
        };
        if entry.receipt {
            self.tell_receipt(entry.number, fate, news);
        } else {
            self.tell(fate, news);
        }
    }

    fn tell_receipt(&self, number: u64, fate: Fate, news: &mut News) {
        let mut earlier = self.extra.iter().flat_map(|extra| &extra.earlier);
        let of_earlier = earlier.find(|(end, _)| number < *end).map(|(_, fates)| fates);
        match of_earlier.or(self.fates.as_ref()) {
            Some(fates) => fates.tell(number, fate, news),
            None => debug_assert!(false, "a receipt's message has a place for its fate"),
        }
    }

    fn tell(&mut self, fate: Fate, news: &mut News) {
        // What nobody fetches stays inside the outbox's own bounds; the newest always.
        let policy = self.policy;
        let extra = self.extra();
        extra.unsent_bytes += fate.message().map_or(0, Message::len);
        extra.unsent.push_back(fate);
        while extra.unsent.len() > 1
            && (extra.unsent.len() > policy.count || extra.unsent_bytes > policy.bytes)
            && let Some(oldest) = extra.unsent.pop_front()
        {
            extra.unsent_bytes -= oldest.message().map_or(0, Message::len);
            extra.discarded += 1;
            news.drop_fate(oldest);
        }
    }

    fn settle_waiters(&mut self, news: &mut News) {
        self.call_first(news);
        self.call_flushers(news);
    }
}
