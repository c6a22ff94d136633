//! The driver's side: time, handing over, fates.

use std::collections::VecDeque;

use super::{Entry, News, Queue, Unsent};
use crate::{DropReason, Fate, Message, Offline, Timestamp, machine::Load};

impl Queue {
    /// The connection with this number is open, or none is.
    pub(crate) fn set_online(&mut self, online: Option<u64>, news: &mut News) {
        self.online = online;
        if online.is_some() {
            for (at, replay) in self.replays.clone().into_iter().enumerate() {
                self.insert_replay(at, replay.id, replay.message);
            }
            self.call_first(news);
        } else if self.policy.offline == Offline::Refuse {
            self.drop_queued(DropReason::Offline, news);
            // Those in line are refused rather than left to wait for nobody knows how long.
            news.wakers.extend(self.waiters.iter().map(|known| known.waker.clone()));
        }
    }

    /// Stamps new messages with their time.
    pub(crate) fn stamp(&mut self, now: Timestamp) {
        let from = self.entries.len() - self.unseen;
        self.unseen = 0;
        for entry in self.entries.range_mut(from..) {
            entry.expires = entry.max_age.and_then(|age| now.checked_add(age));
            if let Some(at) = entry.expires {
                self.expiry = Some(self.expiry.map_or(at, |expiry| expiry.min(at)));
            }
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
        while index < self.entries.len() {
            match self.entries[index].expires {
                Some(at) if at <= now => {
                    let entry = self.remove(index);
                    self.drop_entry(entry, DropReason::Expired, news);
                }
                Some(at) => {
                    self.expiry = Some(self.expiry.map_or(at, |expiry| expiry.min(at)));
                    index += 1;
                }
                None => index += 1,
            }
        }
        self.settle_waiters(news);
    }

    /// Hands over as many messages as the window has room for, of those that are stamped.
    pub(crate) fn hand_over(&mut self, to: &mut VecDeque<Message>) {
        let keep = self.policy.keeps_clones();
        let seen = self.entries.len() - self.unseen;
        while let Some(entry) = self.entries.get_mut(self.cursors.handed().count) {
            if self.cursors.handed().count == seen || !self.cursors.may_hand(entry.bytes) {
                break;
            }
            let message = if keep { entry.message.clone() } else { entry.message.take() };
            let Some(message) = message else {
                debug_assert!(false, "a queued message has its payload");
                break;
            };
            entry.tries += 1;
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
            entry.tries -= 1;
            self.cursors.requeue(entry.bytes);
        }
    }

    /// All handed messages are written. Gives their count and bytes.
    pub(crate) fn written(&mut self, connection: u64, news: &mut News) -> Load {
        let load = self.cursors.handed();
        for entry in self.entries.drain(..load.count) {
            self.cursors.settle(entry.bytes);
            if let Some(slot) = entry.slot {
                news.fates.push((slot, Fate::Written { connection }));
            }
        }
        self.settle_waiters(news);
        load
    }

    /// The connection is gone: what was handed over is unknown, or goes to the next one.
    pub(crate) fn lost(&mut self, connection: u64, news: &mut News) {
        let handed: Vec<Entry> = self.entries.drain(..self.cursors.handed().count).collect();
        let mut again = Vec::new();
        for mut entry in handed {
            self.cursors.settle(entry.bytes);
            entry.handed_to = Some(connection);
            if entry.is_bound() {
                continue;
            }
            if self.policy.resend == 0 {
                self.drop_entry(entry, DropReason::SessionEnded, news);
            } else if entry.tries > self.policy.resend {
                self.drop_entry(entry, DropReason::ResendLimit, news);
            } else {
                again.push(entry);
            }
        }
        self.drop_bound();
        for entry in again.into_iter().rev() {
            self.cursors.accept(entry.bytes);
            self.entries.push_front(entry);
        }
        self.settle_waiters(news);
    }

    /// No message will be written any more.
    pub(crate) fn close(&mut self, news: &mut News) {
        self.closed = true;
        self.drop_queued(DropReason::SessionEnded, news);
        news.wakers.extend(self.waiters.drain(..).map(|known| known.waker));
        self.settle_waiters(news);
    }

    /// Refuses new messages; those accepted are still written.
    pub(crate) fn close_gate(&mut self, news: &mut News) {
        self.closed = true;
        news.wakers.extend(self.waiters.drain(..).map(|known| known.waker));
    }

    /// Takes the fates that wait to be told.
    pub(crate) fn take_unsent(&mut self) -> Unsent {
        let told = std::mem::replace(&mut self.unknown_told, self.counts.unknown);
        self.unsent_bytes = 0;
        Unsent {
            fates: std::mem::take(&mut self.unsent).into(),
            discarded: std::mem::take(&mut self.discarded),
            unknown: self.counts.unknown - told,
        }
    }

    fn drop_queued(&mut self, reason: DropReason, news: &mut News) {
        while self.cursors.queued().count > 0 {
            let entry = self.remove(self.cursors.handed().count);
            self.drop_entry(entry, reason, news);
        }
        self.expiry = None;
        self.call_flushers(news);
    }
}
