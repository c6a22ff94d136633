//! The outbox's inside: accepted messages until their fate, the gate that bounds them, and the
//! line of those who wait at it.
//!
//! It stands under the lock that handles and driver share. What is to be woken or dropped is
//! collected in a [`Garbage`] and done after the lock is released. Whatever was done with the
//! outbox, [`Outbox::settle`] follows and calls those who wait.

mod accept;
mod cursors;
mod entry;
mod error;
mod fates;
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
mod waiters;

use std::sync::Arc;

use self::{entry::Entry, list::List, rare::Extra};
use crate::{
    config::OutboxSettings,
    event::{DropReason, Fate},
    message::Message,
    sync::Garbage,
};

pub(crate) use self::{
    accept::Offered,
    cursors::{Load, WINDOW},
    fates::Fates,
    online::Online,
    sinks::SinkState,
    waiters::Wants,
};
pub use self::{
    error::{QueueError, SessionClosed},
    receipt::Receipt,
};

/// Every session has one, so it is small; what is rarely used is in boxes.
pub(crate) struct Outbox {
    policy: OutboxSettings,
    list: List,
    /// Some messages that the driver has not seen yet expire.
    unseen_expire: bool,
    gate: Gate,
    /// How often the driver rested since a message was accepted, up to a few times.
    rests: u8,
    /// How many messages are handed over at most without a flush: fewer where the connection took
    /// only some, so that the others are not moved there and back for each that it takes.
    stride: u16,
    online: Online,
    /// Numbers given so far, to messages, to replays, to sinks, and to those who may have to wait.
    numbers: u64,
    /// Fates since the session began.
    counts: Counts,
    /// Of the messages that are accepted with a receipt at present.
    fates: Option<Arc<Fates>>,
    extra: Option<Box<Extra>>,
}

/// The window of the cursors, in messages.
const STRIDE: u16 = WINDOW.count as u16;

/// What becomes of new messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    /// The session is being closed: new ones are refused, those accepted are still written.
    Closing,
    /// No message will be written any more.
    Ended,
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

impl Outbox {
    pub(crate) fn new(policy: OutboxSettings) -> Self {
        Self {
            policy,
            list: List::default(),
            unseen_expire: false,
            gate: Gate::Open,
            rests: 0,
            stride: STRIDE,
            online: Online::No,
            numbers: 0,
            counts: Counts::default(),
            fates: None,
            extra: None,
        }
    }

    pub(crate) fn held(&self) -> Load {
        self.list.held()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.gate != Gate::Open
    }

    /// Whether there is something to hand over.
    pub(crate) fn has_queued(&self) -> bool {
        self.list.queued().count > 0
    }

    /// Whether everything accepted has its fate, and nothing waits that a sink has sent.
    pub(crate) fn is_settled(&self) -> bool {
        self.held().count == 0 && !self.extra.as_ref().is_some_and(|extra| extra.sinks.has_parked())
    }

    /// A number that is larger than all before it.
    pub(crate) fn draw_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Gives an entry that was removed its fate: dropped, or unknown if it was ever handed over.
    fn drop_entry(&mut self, entry: Entry, reason: DropReason, garbage: &mut Garbage<'_>) {
        if entry.is_bound() {
            return garbage.drop_later(entry.message);
        }
        let fate = match (entry.handed_to, entry.message) {
            (connection, mut message) if connection > 0 && reason != DropReason::ResendLimit => {
                self.counts.unknown += 1;
                self.extra().unknown += 1;
                if !self.policy.keeps_clones() {
                    garbage.drop_later(message.take());
                }
                Fate::Unknown { connection, message }
            }
            (_, Some(message)) => {
                self.counts.dropped += 1;
                Fate::Dropped { reason, message }
            }
            (_, None) => unreachable!("only what was handed over by move has no payload"),
        };
        if entry.receipt {
            self.tell_receipt(entry.number, fate, garbage);
        } else {
            self.tell(fate, garbage);
        }
    }

    fn tell_receipt(&self, number: u64, fate: Fate, garbage: &mut Garbage<'_>) {
        let mut earlier = self.extra.iter().flat_map(|extra| &extra.earlier);
        let of_earlier = earlier.find(|(end, _)| number < *end).map(|(_, fates)| fates);
        match of_earlier.or(self.fates.as_ref()) {
            Some(fates) => fates.tell(number, fate, garbage),
            None => debug_assert!(false, "a receipt's message has a place for its fate"),
        }
    }

    fn tell(&mut self, fate: Fate, garbage: &mut Garbage<'_>) {
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
            garbage.drop_later(oldest);
        }
    }
}
