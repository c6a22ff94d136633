//! The accepted and unacknowledged messages, in the order of sending: [`Ledger`]. It has no clock:
//! times are arguments.

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use super::receipt::AckSlot;
use crate::{message::Message, time::Timestamp};

/// A message that a sender offers, and then one unacknowledged message.
pub(super) struct Entry<Id> {
    pub(super) id: Id,
    /// The id as the window has it, and its hash.
    pub(super) key: Arc<Id>,
    pub(super) hash: u64,
    /// Its number, after it was accepted. Before that, no unacknowledged message with a smaller
    /// number has the same id.
    pub(super) number: u64,
    pub(super) message: Message,
    pub(super) slot: AckSlot<Id>,
    /// How often it was handed to a connection.
    pub(super) sends: u32,
    /// How often its timeout led to a resend.
    timeouts: u32,
    /// How many connections were lost while it was the oldest.
    losses: u32,
    /// The deadline of the acknowledgement, if it was sent on the current connection.
    due: Option<Timestamp>,
    /// The outbox's ticket of the last copy.
    ticket: u64,
}

impl<Id: Clone> Entry<Id> {
    pub(super) fn new(hash: u64, id: Id, message: Message) -> Self {
        Self {
            key: Arc::new(id.clone()),
            id,
            hash,
            number: 0,
            message,
            slot: Arc::default(),
            sends: 0,
            timeouts: 0,
            losses: 0,
            due: None,
            ticket: 0,
        }
    }
}

/// How long to wait for an acknowledgement, and how often to send again.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryLimits {
    pub(super) timeout: Duration,
    pub(super) resends: u32,
    pub(super) losses: Option<u32>,
}

/// The unacknowledged messages that the layer has taken from the window.
pub(super) struct Ledger<Id> {
    retries: RetryLimits,
    /// By number: the order of acceptance and of sending.
    entries: BTreeMap<u64, Entry<Id>>,
    /// Messages that were acknowledged or given up while older messages are unacknowledged, by
    /// number, with hash and id. The server may acknowledge all messages up to one of them. The
    /// list has the newest ones, at most as many as the window holds.
    done: BTreeMap<u64, (u64, Arc<Id>)>,
    window: usize,
    /// Messages below this number were sent at least once.
    sent: u64,
    /// Messages from this number on were not sent on the current connection.
    next: u64,
    /// The earliest deadline, or an earlier time.
    earliest: Option<Timestamp>,
    /// The last check came late and extended the deadlines.
    extended: bool,
}

impl<Id> Ledger<Id> {
    pub(super) fn new(retries: RetryLimits, window: usize) -> Self {
        Self {
            retries,
            entries: BTreeMap::new(),
            done: BTreeMap::new(),
            window,
            sent: 0,
            next: 0,
            earliest: None,
            extended: false,
        }
    }

    /// Adds a message. Its number is larger than all earlier numbers.
    pub(super) fn insert(&mut self, entry: Entry<Id>) {
        self.entries.insert(entry.number, entry);
    }

    pub(super) fn message(&self, number: u64) -> Message {
        self.entries[&number].message.clone()
    }

    /// Whether that message was ever handed to a connection.
    pub(super) fn was_sent(&self, number: u64) -> bool {
        number < self.sent
    }

    /// The numbers of the messages to send on the current connection.
    pub(super) fn unsent(&self) -> Vec<u64> {
        self.entries.range(self.next..).map(|(number, _)| *number).collect()
    }

    /// Records that these messages were handed to the connection, with tickets from `ticket` on.
    pub(super) fn record_sent(&mut self, numbers: &[u64], ticket: u64, now: Timestamp) {
        for (number, ticket) in numbers.iter().zip(ticket..) {
            let Some(entry) = self.entries.get_mut(number) else { continue };
            entry.sends = entry.sends.saturating_add(1);
            entry.ticket = ticket;
            entry.due = now.checked_add(self.retries.timeout);
            self.next = self.next.max(number + 1);
        }
        self.sent = self.sent.max(self.next);
        // All messages have the same timeout, so a new deadline is the last one.
        if self.earliest.is_none() {
            self.earliest = now.checked_add(self.retries.timeout);
        }
    }

    /// Removes a message that was acknowledged or given up.
    pub(super) fn remove(&mut self, number: u64) -> Option<Entry<Id>> {
        let entry = self.entries.remove(&number)?;
        self.done.insert(number, (entry.hash, Arc::clone(&entry.key)));
        self.forget_done();
        Some(entry)
    }

    /// The number of the newest removed message with this hash and id, if older ones are
    /// unacknowledged.
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

    /// Removes all messages up to that number, including it.
    pub(super) fn remove_through(&mut self, number: u64) -> Vec<Entry<Id>> {
        let rest = self.entries.split_off(&(number + 1));
        let removed = mem::replace(&mut self.entries, rest);
        self.forget_done();
        removed.into_values().collect()
    }

    /// Removes all messages.
    pub(super) fn remove_all(&mut self) -> impl Iterator<Item = Entry<Id>> {
        self.done.clear();
        mem::take(&mut self.entries).into_values()
    }

    /// The connection is lost: all messages are to be sent on the next one. Returns the oldest
    /// message if it has exceeded its limit of losses.
    pub(super) fn rewind(&mut self) -> Option<u64> {
        let next = mem::take(&mut self.next);
        self.earliest = None;
        self.extended = false;
        for entry in self.entries.values_mut() {
            entry.due = None;
        }
        let (number, oldest) = self.entries.iter_mut().next()?;
        if *number >= next {
            return None;
        }
        oldest.losses = oldest.losses.saturating_add(1);
        self.retries.losses.is_some_and(|limit| oldest.losses > limit).then_some(*number)
    }

    /// When [`take_overdue`](Self::take_overdue) may have something to do.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        self.earliest
    }

    /// Returns the messages whose deadline has passed, and sets new deadlines for them. Copies with
    /// tickets from `first_unwritten` on are still in the outbox: for them the time begins now.
    pub(super) fn take_overdue(&mut self, now: Timestamp, first_unwritten: u64) -> Overdue {
        let RetryLimits { timeout, resends, .. } = self.retries;
        let is_due = |entry: &Entry<Id>| entry.due.is_some_and(|due| due <= now);
        // The deadline was noticed late because the task or the machine was suspended:
        // acknowledgements that arrive now get one more timeout. This happens only once in a row,
        // since a task that is always late must also give messages up at some time.
        let late = self.entries.values().filter_map(|entry| entry.due);
        let late = late.min().is_some_and(|due| now.saturating_since(due) > timeout);
        self.extended = late && !self.extended;
        let mut overdue = Overdue::default();
        for (number, entry) in &mut self.entries {
            if !is_due(entry) {
                continue;
            }
            entry.due = now.checked_add(timeout);
            if self.extended || entry.ticket >= first_unwritten {
                continue;
            }
            let list =
                if entry.timeouts < resends { &mut overdue.resend } else { &mut overdue.spent };
            list.push(*number);
        }
        self.earliest = self.entries.values().filter_map(|entry| entry.due).min();
        overdue
    }

    /// Records that these messages were handed to the connection again after their timeout.
    pub(super) fn record_resent(&mut self, numbers: &[u64], ticket: u64, now: Timestamp) {
        for number in numbers {
            if let Some(entry) = self.entries.get_mut(number) {
                entry.timeouts += 1;
            }
        }
        self.record_sent(numbers, ticket, now);
    }
}

/// The numbers of messages whose acknowledgement did not come in time.
#[derive(Default)]
pub(super) struct Overdue {
    /// Messages to send again.
    pub(super) resend: Vec<u64>,
    /// Messages that were sent again as often as allowed.
    pub(super) spent: Vec<u64>,
}
