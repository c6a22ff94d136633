//! The driver's side: time, handing over, fates.

use std::collections::VecDeque;

use super::{News, Online, Queue, Unsent, entry::Entry};
use crate::{
    DropReason, Fate, Message, Timestamp,
    machine::{Load, earlier},
};

impl Queue {
    /// A connection is open, or none is, or one is being replaced.
    pub(crate) fn set_online(&mut self, online: Online, news: &mut News) {
        self.online = online;
        if online.connection().is_some() {
            let replays = self.extra.as_ref().map(|extra| extra.replays.clone());
            for (at, replay) in replays.into_iter().flatten().enumerate() {
                self.insert_replay(at, replay.id, replay.message);
            }
        }
        if !self.refuses_offline() {
            self.call_first(news);
        } else {
            self.drop_queued(DropReason::Offline, news);
            // Those in line are refused rather than left to wait for nobody knows how long.
            let waiters = self.extra.iter().flat_map(|extra| &extra.waiters);
            waiters.for_each(|known| news.wake(known.waker.clone()));
        }
    }

    /// Stamps new messages with their time.
    pub(crate) fn stamp(&mut self, now: Timestamp) {
        let from = self.entries.len() - self.unseen;
        self.unseen = 0;
        if !std::mem::take(&mut self.unseen_expire) {
            return;
        }
        for entry in self.entries.range_mut(from..) {
            let Some(age) = entry.expires.map(Timestamp::since_epoch) else { continue };
            entry.expires = now.checked_add(age);
            self.expiry = earlier(self.expiry, entry.expires);
        }
    }

    /// When `expire` has something to do.
    pub(crate) fn expiry(&self) -> Option<Timestamp> {
        self.expiry
    }

    /// Drops what is too old.
    pub(crate) fn expire(&mut self, now: Timestamp, news: &mut News) {
        self.expiry = None;
        let mut index = self.cursors.handed().count;
        while index < self.entries.len() - self.unseen {
            match self.entries[index].expires {
                Some(at) if at <= now => {
                    let entry = self.remove(index);
                    self.drop_entry(entry, DropReason::Expired, news);
                }
                expires => {
                    self.expiry = earlier(self.expiry, expires);
                    index += 1;
                }
            }
        }
        self.settle_waiters(news);
    }

    /// Hands over as many messages as the window has room for, of those that are stamped.
    pub(crate) fn hand_over(&mut self, to: &mut VecDeque<Message>) {
        let keep = self.policy.keeps_clones();
        let handed = self.cursors.handed().count;
        let seen = self.entries.len() - self.unseen;
        for entry in self.entries.range_mut(handed..seen) {
            if !self.cursors.may_hand(entry.bytes) {
                break;
            }
            let message = if keep { entry.message.clone() } else { entry.message.take() };
            let Some(message) = message else {
                debug_assert!(false, "a queued message has its payload");
                break;
            };
            self.cursors.hand(entry.bytes);
            to.push_back(message);
        }
    }

    /// Takes back the last of the handed messages, which the connection did not take after all.
    pub(crate) fn take_back(&mut self, messages: &mut VecDeque<Message>) {
        while let Some(message) = messages.pop_back() {
            let index = self.cursors.handed().count - 1;
            let entry = &mut self.entries[index];
            entry.message = Some(message);
            self.cursors.requeue(entry.bytes);
        }
    }

    /// All handed messages are written. Gives their count and bytes.
    pub(crate) fn written(&mut self, connection: u64, news: &mut News) -> Load {
        let load = self.cursors.handed();
        if self.extra.as_ref().is_some_and(|extra| !extra.earlier.is_empty()) {
            self.tell_earlier(connection, news);
        }
        for entry in self.entries.drain(..load.count) {
            self.cursors.settle(entry.bytes);
        }
        if let Some(fates) = &self.fates {
            fates.written(self.settled_through(), connection, news);
        }
        self.forget_earlier();
        self.settle_waiters(news);
        load
    }

    /// The connection is gone: what was handed over is unknown, or goes to the next one.
    pub(crate) fn lost(&mut self, connection: u64, news: &mut News) {
        let handed: Vec<Entry> = self.entries.drain(..self.cursors.handed().count).collect();
        let mut again = Vec::new();
        for mut entry in handed {
            self.cursors.settle(entry.bytes);
            entry.handed_to = connection;
            entry.losses = entry.losses.saturating_add(1);
            if entry.is_bound() {
                continue;
            }
            if self.policy.resend == 0 {
                self.drop_entry(entry, DropReason::SessionEnded, news);
            } else if entry.losses > self.policy.resend {
                self.drop_entry(entry, DropReason::ResendLimit, news);
            } else {
                again.push(entry);
            }
        }
        self.drop_bound();
        // What it wrote is known; what follows may be written on another.
        if let Some(fates) = self.fates.take_if(|fates| fates.has_connection()) {
            let end = self.numbers;
            self.extra().earlier.push((end, fates));
        }
        for entry in again.into_iter().rev() {
            self.cursors.accept(entry.bytes);
            self.entries.push_front(entry);
        }
        self.forget_earlier();
        self.settle_waiters(news);
    }

    /// No message will be written any more.
    pub(crate) fn close(&mut self, news: &mut News) {
        self.closed = true;
        self.drop_queued(DropReason::SessionEnded, news);
        self.call_all(news);
        self.settle_waiters(news);
    }

    /// Refuses new messages; those accepted are still written.
    pub(crate) fn close_gate(&mut self, news: &mut News) {
        self.closed = true;
        self.call_all(news);
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
    fn tell_earlier(&self, connection: u64, news: &mut News) {
        let start = self.fates.as_ref().map_or(u64::MAX, |fates| fates.start());
        for entry in self.entries.range(..self.cursors.handed().count) {
            if entry.receipt && entry.number < start {
                self.tell_receipt(entry.number, Fate::Written { connection }, news);
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

    fn drop_queued(&mut self, reason: DropReason, news: &mut News) {
        while self.cursors.queued().count > 0 {
            let entry = self.remove(self.cursors.handed().count);
            self.drop_entry(entry, reason, news);
        }
        self.expiry = None;
        self.forget_earlier();
        self.call_flushers(news);
    }
}
