//! The methods for the driver: expiry, the hand-over to a connection, and fates.

use std::collections::VecDeque;

use super::{
    Online, Outbox, OutboxState, Unsent,
    cursors::{Load, WINDOW},
    entry::{Entry, Origin},
    unproven::keep_unproven,
};
use crate::{
    event::DropReason,
    message::Message,
    sync::Deferred,
    time::{Timestamp, earlier},
};

impl Outbox {
    /// The state of the connection has changed.
    pub(crate) fn set_online(&mut self, online: Online, deferred: &mut Deferred<'_>) {
        self.online = online;
        if online.connection().is_some() {
            self.queue_replays();
        }
        if self.refuses_offline() {
            self.drop_queued(DropReason::Offline, deferred);
        }
    }

    /// Stamps new messages with the current time, drops messages that are too old, and wakes the tasks
    /// that have waited too long.
    pub(crate) fn expire(&mut self, now: Timestamp, deferred: &mut Deferred<'_>) {
        self.list.stamp(now, std::mem::take(&mut self.unstamped_expire));
        while let Some(entry) = self.list.pop_expired(now) {
            self.drop_entry(entry, DropReason::Expired, deferred);
        }
        self.end_waits(now);
    }

    /// Returns when to call [`expire`](Self::expire) next. It is never too late. It is too early if
    /// the message that would expire was handed over.
    pub(crate) fn expiry(&self) -> Option<Timestamp> {
        earlier(self.list.expiry(), self.next_limit())
    }

    /// Hands over stamped messages, as many as the window has room for.
    pub(crate) fn hand_over(&mut self, to: &mut VecDeque<Message>) {
        let keep = self.policy.keeps_clones() || self.unproven().is_some();
        self.list.hand_over(to, self.batch_limit, keep);
    }

    /// Takes back the last messages, which were handed over but which the connection did not take.
    pub(crate) fn take_back(&mut self, messages: &mut VecDeque<Message>) {
        if messages.is_empty() {
            return;
        }
        self.list.take_back(messages);
        self.batch_limit = self.list.cursors.handed.count.clamp(1, WINDOW.count);
    }

    /// All messages that were handed over are written. Returns their load. Puts their payloads into
    /// `kept`, to be dropped outside of the lock.
    pub(crate) fn written(
        &mut self,
        connection: u64,
        kept: &mut VecDeque<Message>,
        deferred: &mut Deferred<'_>,
    ) -> Load {
        let load = self.list.cursors.handed;
        self.batch_limit = WINDOW.count.min(2 * self.batch_limit);
        if let Some(receipts) = &self.receipts {
            receipts.resolve_earlier(&self.list, connection, deferred);
        }
        match self.rare.as_mut().and_then(|rare| rare.unproven.as_mut()) {
            None => kept.extend(self.list.remove_handed().filter_map(|entry| entry.message)),
            Some(unproven) => keep_unproven(&mut self.list, &mut **unproven, kept),
        }
        if self.receipts.is_some() {
            let settled = self.resolved_through();
            if let Some(receipts) = &mut self.receipts {
                receipts.written(settled, connection, deferred);
            }
        }
        load
    }

    /// The connection is lost: messages that were handed over become unknown, or are queued again.
    pub(crate) fn lost(&mut self, connection: u64, deferred: &mut Deferred<'_>) {
        let handed: Vec<Entry> = self.list.remove_handed().collect();
        let mut again = Vec::new();
        for mut entry in handed {
            entry.handed_to = connection;
            entry.losses = entry.losses.saturating_add(1);
            if entry.is_per_connection() || self.policy.resend == 0 {
                self.drop_entry(entry, DropReason::SessionEnded, deferred);
            } else if entry.losses > self.policy.resend {
                self.drop_entry(entry, DropReason::ResendLimit, deferred);
            } else {
                again.push(entry);
            }
        }
        for entry in self.list.remove_per_connection() {
            self.drop_entry(entry, DropReason::SessionEnded, deferred);
        }
        if let Some(receipts) = &mut self.receipts {
            receipts.lost(self.next_number);
        }
        again.into_iter().rev().for_each(|entry| self.list.push_front(entry));
        self.forget_settled_receipts();
    }

    /// No message will be written any more.
    pub(crate) fn close(&mut self, deferred: &mut Deferred<'_>) {
        self.stop_accepting();
        self.drop_queued(DropReason::SessionEnded, deferred);
        if let Some(waits) = self.waits {
            waits.drop_parked(self, DropReason::SessionEnded, deferred);
        }
        self.state = OutboxState::Closed;
    }

    /// Refuses new messages. Accepted and parked messages are still written.
    pub(crate) fn stop_accepting(&mut self) {
        if self.state == OutboxState::Open {
            self.state = OutboxState::Closing;
        }
        if let Some(rare) = &mut self.rare {
            rare.sinks.reservations.clear();
        }
    }

    /// Takes the fates that are to be reported.
    pub(crate) fn take_unsent(&mut self) -> Unsent {
        let Some(rare) = &mut self.rare else { return Unsent::default() };
        let mut unsent = std::mem::take(&mut rare.unsent);
        (unsent.unproven, unsent.unproven_discarded) = self.take_unproven();
        unsent
    }

    /// Drops all messages that were not handed over.
    fn drop_queued(&mut self, reason: DropReason, deferred: &mut Deferred<'_>) {
        for entry in self.list.remove_queued() {
            self.drop_entry(entry, reason, deferred);
        }
        self.forget_settled_receipts();
    }

    /// Returns the number of the oldest message of a sender without a fate; of the next message if
    /// there is none.
    pub(super) fn settled_through(&self) -> u64 {
        let oldest = self.list.iter().find(|entry| entry.origin == Origin::Sender);
        oldest.map_or(self.next_number, |entry| entry.number)
    }

    /// Returns the number of the oldest message without a fate that a receipt may wait for; of the
    /// next message if there is none.
    pub(super) fn resolved_through(&self) -> u64 {
        let waits = |entry: &&Entry| entry.origin == Origin::Sender || entry.receipt;
        self.list.iter().find(waits).map_or(self.next_number, |entry| entry.number)
    }
}
