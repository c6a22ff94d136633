//! The driver's side: time, handing over, fates.

use std::collections::VecDeque;

use super::{
    Gate, Online, Outbox, STRIDE, Unsent,
    cursors::Load,
    entry::{Entry, Origin},
};
use crate::{
    event::{DropReason, Fate},
    message::Message,
    sync::Garbage,
    time::Timestamp,
};

impl Outbox {
    /// A connection is open, or none is, or one is being replaced.
    pub(crate) fn set_online(&mut self, online: Online, garbage: &mut Garbage<'_>) {
        self.online = online;
        if online.connection().is_some() {
            let replays = self.extra.as_ref().map(|extra| extra.replays.clone());
            for replay in replays.into_iter().flatten() {
                self.push_replay(replay.id, replay.message);
            }
        }
        if self.refuses_offline() {
            self.drop_queued(DropReason::Offline, garbage);
        }
    }

    /// Stamps new messages with their time, and drops what is too old.
    pub(crate) fn expire(&mut self, now: Timestamp, garbage: &mut Garbage<'_>) {
        self.list.stamp(now, std::mem::take(&mut self.unseen_expire));
        while let Some(entry) = self.list.pop_expired(now) {
            self.drop_entry(entry, DropReason::Expired, garbage);
        }
    }

    /// When `expire` has something to do. Nothing is earlier; this may be, if what would expire
    /// then was handed over.
    pub(crate) fn expiry(&self) -> Option<Timestamp> {
        self.list.expiry()
    }

    /// Hands over as many messages as the window has room for, of those that are stamped.
    pub(crate) fn hand_over(&mut self, to: &mut VecDeque<Message>) {
        self.list.hand_over(to, self.stride.into(), self.policy.keeps_clones());
    }

    /// Takes back the last of the handed messages, which the connection did not take after all.
    pub(crate) fn take_back(&mut self, messages: &mut VecDeque<Message>) {
        if messages.is_empty() {
            return;
        }
        self.list.take_back(messages);
        let taken = self.list.handed().count.clamp(1, STRIDE.into());
        self.stride = u16::try_from(taken).unwrap_or(STRIDE);
    }

    /// All handed messages are written. Gives their count and bytes, and what was kept of them, to
    /// be dropped outside of the lock.
    pub(crate) fn written(
        &mut self,
        connection: u64,
        kept: &mut VecDeque<Message>,
        garbage: &mut Garbage<'_>,
    ) -> Load {
        let load = self.list.handed();
        self.stride = STRIDE.min(2 * self.stride);
        if self.extra.as_ref().is_some_and(|extra| !extra.earlier.is_empty()) {
            self.tell_earlier(connection, garbage);
        }
        kept.extend(self.list.remove_handed().filter_map(|entry| entry.message));
        if let Some(fates) = &self.fates {
            fates.written(self.settled_through(), connection, garbage);
        }
        self.forget_earlier();
        load
    }

    /// The connection is gone: what was handed over is unknown, or goes to the next one.
    pub(crate) fn lost(&mut self, connection: u64, garbage: &mut Garbage<'_>) {
        let handed: Vec<Entry> = self.list.remove_handed().collect();
        let mut again = Vec::new();
        for mut entry in handed {
            entry.handed_to = connection;
            entry.losses = entry.losses.saturating_add(1);
            if entry.is_bound() {
                garbage.drop_later(entry.message);
            } else if self.policy.resend == 0 {
                self.drop_entry(entry, DropReason::SessionEnded, garbage);
            } else if entry.losses > self.policy.resend {
                self.drop_entry(entry, DropReason::ResendLimit, garbage);
            } else {
                again.push(entry);
            }
        }
        for entry in self.list.remove_bound() {
            garbage.drop_later(entry.message);
        }
        // What it wrote is known; what follows may be written on another.
        if let Some(fates) = self.fates.take_if(|fates| fates.has_connection()) {
            let end = self.numbers;
            self.extra().earlier.push((end, fates));
        }
        again.into_iter().rev().for_each(|entry| self.list.push_front(entry));
        self.forget_earlier();
    }

    /// No message will be written any more.
    pub(crate) fn close(&mut self, garbage: &mut Garbage<'_>) {
        self.close_gate();
        self.drop_queued(DropReason::SessionEnded, garbage);
        self.drop_parked(DropReason::SessionEnded, garbage);
        self.gate = Gate::Ended;
    }

    /// Refuses new messages; those accepted are still written, and those that a sink has sent.
    pub(crate) fn close_gate(&mut self) {
        if self.gate == Gate::Open {
            self.gate = Gate::Closing;
        }
        self.break_promises();
    }

    /// Takes the fates that wait to be told.
    pub(crate) fn take_unsent(&mut self) -> Unsent {
        let Some(extra) = &mut self.extra else { return Unsent::default() };
        extra.unsent_bytes = 0;
        Unsent {
            fates: std::mem::take(&mut extra.unsent).into(),
            discarded: std::mem::take(&mut extra.discarded),
            unknown: std::mem::take(&mut extra.unknown),
        }
    }

    /// Tells receipts from before the last loss that the handed messages are written.
    fn tell_earlier(&self, connection: u64, garbage: &mut Garbage<'_>) {
        let start = self.fates.as_ref().map_or(u64::MAX, |fates| fates.start());
        for entry in self.list.iter_handed() {
            if entry.receipt && entry.number < start {
                self.tell_receipt(entry.number, Fate::Written { connection }, garbage);
            }
        }
    }

    /// Forgets earlier fates that are all told.
    fn forget_earlier(&mut self) {
        if self.extra.as_ref().is_some_and(|extra| !extra.earlier.is_empty()) {
            let settled = self.settled_through();
            self.extra().earlier.retain(|(end, _)| settled < *end);
        }
    }

    fn drop_queued(&mut self, reason: DropReason, garbage: &mut Garbage<'_>) {
        for entry in self.list.remove_queued() {
            self.drop_entry(entry, reason, garbage);
        }
        self.forget_earlier();
    }

    /// The number of the oldest message of a sender that has no fate yet, or of the next one.
    pub(super) fn settled_through(&self) -> u64 {
        let oldest = self.list.iter().find(|entry| entry.origin == Origin::Sender);
        oldest.map_or(self.numbers, |entry| entry.number)
    }
}
