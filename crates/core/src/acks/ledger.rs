//! What was accepted and not acknowledged, in send order. Pure: moments come in as arguments.

use std::{collections::BTreeMap, mem, time::Duration};

use super::sender::AckSlot;
use crate::{Message, Timestamp};

/// One message that was accepted and not acknowledged.
pub(super) struct Entry<Id> {
    pub(super) id: Id,
    pub(super) message: Message,
    pub(super) slot: AckSlot<Id>,
    /// How often it was given to a connection.
    pub(super) sends: u32,
    /// How often its timeout led to a resend.
    timeouts: u32,
    /// How many connections were lost while it was the oldest.
    losses: u32,
    /// Until when the acknowledgement is awaited, on the connection that there is.
    due: Option<Timestamp>,
    /// The outbox's ticket for the last copy.
    ticket: u64,
}

impl<Id> Entry<Id> {
    pub(super) fn new(id: Id, message: Message, slot: AckSlot<Id>) -> Self {
        Self { id, message, slot, sends: 0, timeouts: 0, losses: 0, due: None, ticket: 0 }
    }
}

/// How long to wait, and how often to try again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) timeout: Duration,
    pub(super) resends: u32,
    pub(super) losses: Option<u32>,
}

pub(super) struct Ledger<Id> {
    patience: Patience,
    /// By number, which is the order of acceptance and of sending.
    entries: BTreeMap<u64, Entry<Id>>,
    /// All below this number were sent at least once.
    sent: u64,
    /// All from this number on were not sent on the connection that there is.
    next: u64,
    /// No deadline is earlier.
    earliest: Option<Timestamp>,
    /// Deadlines that were seen late were moved once, and none was judged since.
    excused: bool,
}

impl<Id> Ledger<Id> {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            patience,
            entries: BTreeMap::new(),
            sent: 0,
            next: 0,
            earliest: None,
            excused: false,
        }
    }

    /// Takes a message over. Numbers only grow.
    pub(super) fn insert(&mut self, number: u64, entry: Entry<Id>) {
        self.entries.insert(number, entry);
    }

    pub(super) fn message(&self, number: u64) -> Message {
        self.entries[&number].message.clone()
    }

    /// Whether that message was ever given to a connection.
    pub(super) fn was_sent(&self, number: u64) -> bool {
        number < self.sent
    }

    /// The numbers of what is to be sent on this connection.
    pub(super) fn unsent(&self) -> Vec<u64> {
        self.entries.range(self.next..).map(|(number, _)| *number).collect()
    }

    /// These were given to the connection, with tickets from `ticket` on.
    pub(super) fn note_sent(&mut self, numbers: &[u64], ticket: u64, now: Timestamp) {
        for (number, ticket) in numbers.iter().zip(ticket..) {
            let Some(entry) = self.entries.get_mut(number) else { continue };
            entry.sends = entry.sends.saturating_add(1);
            entry.ticket = ticket;
            entry.due = now.checked_add(self.patience.timeout);
            self.next = self.next.max(number + 1);
        }
        self.sent = self.sent.max(self.next);
        // All wait equally long, so that a new deadline is the last.
        if self.earliest.is_none() {
            self.earliest = now.checked_add(self.patience.timeout);
        }
    }

    /// That message is done with.
    pub(super) fn remove(&mut self, number: u64) -> Option<Entry<Id>> {
        self.entries.remove(&number)
    }

    /// All up to that number, itself included, are done with.
    pub(super) fn remove_through(&mut self, number: u64) -> impl Iterator<Item = Entry<Id>> {
        let rest = self.entries.split_off(&(number + 1));
        mem::replace(&mut self.entries, rest).into_values()
    }

    /// All are done with.
    pub(super) fn remove_all(&mut self) -> impl Iterator<Item = Entry<Id>> {
        mem::take(&mut self.entries).into_values()
    }

    /// The connection is gone: everything is to be sent on the next one. Gives the oldest message
    /// if more connections than allowed were lost over it.
    pub(super) fn rewind(&mut self) -> Option<u64> {
        let next = mem::take(&mut self.next);
        self.earliest = None;
        self.excused = false;
        for entry in self.entries.values_mut() {
            entry.due = None;
        }
        let (number, oldest) = self.entries.iter_mut().next()?;
        if *number >= next {
            return None;
        }
        oldest.losses = oldest.losses.saturating_add(1);
        self.patience.losses.is_some_and(|limit| oldest.losses > limit).then_some(*number)
    }

    /// When `judge` may have something to do.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        self.earliest
    }

    /// Judges what is due. Copies with tickets from `first_unwritten` on are still in the outbox:
    /// for them the time begins now.
    pub(super) fn judge(&mut self, now: Timestamp, first_unwritten: u64) -> Judged {
        let Patience { timeout, resends, .. } = self.patience;
        let is_due = |entry: &Entry<Id>| entry.due.is_some_and(|due| due <= now);
        // Seen late, for the task or the machine has slept: what was sent meanwhile gets a time of
        // its own to arrive. Once, since a task that is always late must come to a verdict, too.
        let late = self.entries.values().filter_map(|entry| entry.due);
        let late = late.min().is_some_and(|due| now.saturating_since(due) > timeout);
        self.excused = late && !self.excused;
        let mut judged = Judged::default();
        for (number, entry) in &mut self.entries {
            if !is_due(entry) {
                continue;
            }
            entry.due = now.checked_add(timeout);
            if self.excused || entry.ticket >= first_unwritten {
                continue;
            }
            let list =
                if entry.timeouts < resends { &mut judged.resend } else { &mut judged.spent };
            list.push(*number);
        }
        self.earliest = self.entries.values().filter_map(|entry| entry.due).min();
        judged
    }

    /// These were given to the connection once more, because of their timeout.
    pub(super) fn note_resent(&mut self, numbers: &[u64], ticket: u64, now: Timestamp) {
        for number in numbers {
            if let Some(entry) = self.entries.get_mut(number) {
                entry.timeouts += 1;
            }
        }
        self.note_sent(numbers, ticket, now);
    }
}

/// Numbers of messages whose acknowledgement did not come in time.
#[derive(Default)]
pub(super) struct Judged {
    /// To be sent again.
    pub(super) resend: Vec<u64>,
    /// Sent as often as allowed.
    pub(super) spent: Vec<u64>,
}
