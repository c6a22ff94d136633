//! What was accepted and not acknowledged, in send order. Pure: moments come in as arguments.

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use super::receipt::AckSlot;
use crate::{message::Message, time::Timestamp};

/// One message that was accepted and not acknowledged.
pub(super) struct Entry<Id> {
    pub(super) id: Id,
    /// The id as the gate knows it, and its hash.
    pub(super) key: Arc<Id>,
    pub(super) hash: u64,
    pub(super) number: u64,
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
    pub(super) fn new(
        id: Id,
        key: Arc<Id>,
        hash: u64,
        number: u64,
        message: Message,
        slot: AckSlot<Id>,
    ) -> Self {
        Self {
            id,
            key,
            hash,
            number,
            message,
            slot,
            sends: 0,
            timeouts: 0,
            losses: 0,
            due: None,
            ticket: 0,
        }
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
    /// What is done with while older messages are not, by number, with hash and id: the server may
    /// acknowledge all up to one of these. As many as the window holds, the newest.
    done: BTreeMap<u64, (u64, Arc<Id>)>,
    window: usize,
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
    pub(super) fn new(patience: Patience, window: usize) -> Self {
        Self {
            patience,
            entries: BTreeMap::new(),
            done: BTreeMap::new(),
            window,
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
        let entry = self.entries.remove(&number)?;
        self.done.insert(number, (entry.hash, Arc::clone(&entry.key)));
        self.forget_done();
        Some(entry)
    }

    /// The number of the newest message with this hash and id that is done with while older ones
    /// are not.
    pub(super) fn number_of_done(&self, hash: u64, id: &Id) -> Option<u64>
    where
        Id: Eq,
    {
        let mut done = self.done.iter().rev();
        done.find(|(_, known)| known.0 == hash && *known.1 == *id).map(|(number, _)| *number)
    }

    fn forget_done(&mut self) {
        while let Some(first) = self.done.first_entry()
            && self.entries.first_key_value().is_none_or(|(oldest, _)| first.key() < oldest)
        {
            first.remove();
        }
        if self.done.len() > self.window {
            self.done.pop_first();
        }
    }

    /// All up to that number, itself included, are done with.
    pub(super) fn remove_through(&mut self, number: u64) -> Vec<Entry<Id>> {
        let rest = self.entries.split_off(&(number + 1));
        let removed = mem::replace(&mut self.entries, rest);
        self.forget_done();
        removed.into_values().collect()
    }

    /// All are done with.
    pub(super) fn remove_all(&mut self) -> impl Iterator<Item = Entry<Id>> {
        self.done.clear();
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
