//! The accepted messages in order: [`List`].

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::{
    cursors::Cursors,
    entry::{Entry, Origin},
};
use crate::{message::Message, time::Timestamp};

/// Messages without a fate: first those that were handed to the connection, then the queued ones.
///
/// A message that is removed from the middle leaves an empty entry behind, so that the others need
/// not move. Empty entries are removed when they reach the front, or all at once when they are the
/// majority. So a removal costs O(1), amortised.
#[derive(Default)]
pub(super) struct List {
    entries: VecDeque<Entry>,
    pub(super) cursors: Cursors,
    /// How many entries at the front were handed over, including empty ones.
    handed: usize,
    /// How many entries at the end the driver has not stamped yet.
    unstamped: usize,
    /// The position of the first entry. The position of a queued entry does not change.
    base: u64,
    /// When queued messages expire, with their positions. Some are out of date, because the message
    /// at that position is another one by now. So a deadline costs O(log n) and is never searched for.
    deadlines: Option<Box<Deadlines>>,
}

type Deadlines = BinaryHeap<Reverse<(Timestamp, u64)>>;

/// How many empty entries may stay even if there are fewer others.
const FEW: usize = 32;

impl List {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.is_removed())
    }

    pub(super) fn iter_handed(&self) -> impl Iterator<Item = &Entry> {
        self.entries.range(..self.handed).filter(|entry| !entry.is_removed())
    }

    /// Returns the last entries, this many.
    pub(super) fn last_mut_many(&mut self, count: usize) -> impl Iterator<Item = &mut Entry> {
        let from = self.entries.len() - count;
        self.entries.range_mut(from..)
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut Entry> {
        self.entries.back_mut()
    }

    /// Returns the index and the bytes of each message that may be dropped to make room for newer
    /// ones, the oldest first. Messages for the current connection only are not dropped.
    pub(super) fn droppable(&self) -> impl Iterator<Item = (usize, usize)> {
        let queued = self.entries.iter().enumerate().skip(self.handed);
        queued
            .filter(|(_, entry)| entry.origin == Origin::Sender)
            .map(|(index, entry)| (index, entry.bytes))
    }

    /// Returns the index of the queued message with this origin and number.
    pub(super) fn find_queued(&self, origin: Origin, number: u64) -> Option<usize> {
        let mut queued = self.entries.iter().enumerate().skip(self.handed);
        let found = queued.find(|(_, entry)| entry.origin == origin && entry.number == number);
        found.map(|(index, _)| index)
    }

    /// Adds a message at the end.
    pub(super) fn push(&mut self, entry: Entry) {
        self.cursors.queued.add(entry.bytes);
        self.entries.push_back(entry);
        self.unstamped += 1;
    }

    /// Adds a replay behind the replays at the head of the queued messages.
    pub(super) fn push_replay(&mut self, entry: Entry) {
        let queued = self.entries.iter().skip(self.handed);
        let replays = queued.take_while(|entry| entry.origin == Origin::Replay).count();
        let index = self.handed + replays;
        self.cursors.queued.add(entry.bytes);
        self.entries.insert(index, entry);
        // The entries before it do not expire, so they may change their positions.
        self.base = self.base.wrapping_sub(1);
    }

    /// Replaces a queued message and returns the old one.
    pub(super) fn replace(&mut self, index: usize, message: Message) -> Option<Message> {
        debug_assert!(index >= self.handed && !self.entries[index].is_removed(), "it is queued");
        let entry = &mut self.entries[index];
        self.cursors.queued.remove(entry.bytes);
        entry.bytes = message.len();
        self.cursors.queued.add(entry.bytes);
        entry.message.replace(message)
    }

    /// Adds a message at the front, which was handed over before and will be handed over again. No
    /// message is handed over at this time.
    pub(super) fn push_front(&mut self, entry: Entry) {
        debug_assert_eq!(self.handed, 0);
        self.cursors.queued.add(entry.bytes);
        let expires = entry.expires;
        self.entries.push_front(entry);
        self.base = self.base.wrapping_sub(1);
        self.set_deadline(0, expires);
    }

    /// Removes a queued message.
    pub(super) fn remove(&mut self, index: usize) -> Entry {
        let entry = std::mem::replace(&mut self.entries[index], Entry::removed());
        debug_assert!(index >= self.handed && !entry.is_removed(), "it is queued");
        self.cursors.queued.remove(entry.bytes);
        self.tidy();
        entry
    }

    /// Removes all queued messages.
    pub(super) fn remove_queued(&mut self) -> Vec<Entry> {
        let removed = self.entries.drain(self.handed..).filter(|entry| !entry.is_removed());
        let removed: Vec<_> = removed.collect();
        removed.iter().for_each(|entry| self.cursors.queued.remove(entry.bytes));
        self.unstamped = 0;
        self.deadlines = None;
        removed
    }

    /// Removes the messages for the current connection only. No message is handed over at this time.
    pub(super) fn remove_per_connection(&mut self) -> Vec<Entry> {
        debug_assert_eq!(self.handed, 0);
        let entries = self.entries.iter_mut().filter(|entry| entry.is_per_connection());
        let removed: Vec<_> =
            entries.map(|entry| std::mem::replace(entry, Entry::removed())).collect();
        removed.iter().for_each(|entry| self.cursors.queued.remove(entry.bytes));
        self.tidy();
        removed
    }

    /// Stamps new messages with the current time, if some of them expire.
    pub(super) fn stamp(&mut self, now: Timestamp, some_expire: bool) {
        let from = self.entries.len() - self.unstamped;
        self.unstamped = 0;
        if !some_expire {
            return;
        }
        for index in from..self.entries.len() {
            let Some(age) = self.entries[index].expires.map(Timestamp::since_epoch) else {
                continue;
            };
            self.entries[index].expires = now.checked_add(age);
            self.set_deadline(index, self.entries[index].expires);
        }
        let many = 2 * self.entries.len() + FEW;
        if self.deadlines.as_ref().is_some_and(|deadlines| deadlines.len() > many) {
            self.collect_deadlines();
        }
    }

    /// Returns when the next message expires. It may have been handed over since.
    pub(super) fn expiry(&self) -> Option<Timestamp> {
        let first = self.deadlines.as_ref().and_then(|deadlines| deadlines.peek());
        first.map(|Reverse((at, _))| *at)
    }

    /// Removes a queued message that is too old. All messages are stamped at this time.
    pub(super) fn pop_expired(&mut self, now: Timestamp) -> Option<Entry> {
        debug_assert_eq!(self.unstamped, 0);
        loop {
            let Reverse((at, position)) = *self.deadlines.as_ref()?.peek()?;
            let index = position.wrapping_sub(self.base) as usize;
            let queued = self.handed..self.entries.len();
            let is_current = queued.contains(&index) && self.entries[index].expires == Some(at);
            if is_current && at > now {
                return None;
            }
            self.deadlines.as_mut()?.pop();
            if is_current {
                return Some(self.remove(index));
            }
        }
    }

    /// Hands over stamped messages, until the window has no room or `most` messages are handed over.
    /// `keep`: keeps a clone of each message, to give it back or to send it again.
    pub(super) fn hand_over(&mut self, to: &mut VecDeque<Message>, most: usize, keep: bool) {
        let stamped = self.entries.len() - self.unstamped;
        for entry in self.entries.range_mut(self.handed..stamped) {
            if entry.is_removed() {
                self.handed += 1;
                continue;
            }
            if !self.cursors.may_hand(entry.bytes) || self.cursors.handed.count >= most {
                break;
            }
            let message = if keep { entry.message.clone() } else { entry.message.take() };
            self.cursors.hand(entry.bytes);
            self.handed += 1;
            to.push_back(message.expect("a queued message has its payload"));
        }
    }

    /// Takes back the last messages, which were handed over but which the connection did not take.
    pub(super) fn take_back(&mut self, messages: &mut VecDeque<Message>) {
        while let Some(message) = messages.pop_back() {
            let mut handed = self.entries.range(..self.handed);
            let index = handed.rposition(|entry| !entry.is_removed());
            let index = index.expect("the message was handed over");
            self.handed = index;
            let entry = &mut self.entries[index];
            // The old value is empty or a clone of the same payload, so nothing is freed here.
            entry.message = Some(message);
            self.cursors.requeue(entry.bytes);
            let expires = entry.expires;
            self.set_deadline(index, expires);
        }
    }

    /// Removes the messages that were handed over.
    pub(super) fn remove_handed(&mut self) -> impl Iterator<Item = Entry> {
        let Self { entries, cursors, handed, base, .. } = self;
        let count = std::mem::take(handed);
        *base = base.wrapping_add(count as u64);
        let removed = entries.drain(..count).filter(|entry| !entry.is_removed());
        removed.inspect(|entry| cursors.handed.remove(entry.bytes))
    }

    /// Frees the memory if there are no messages.
    pub(super) fn shrink(&mut self) {
        if self.cursors.held().count == 0 {
            *self = Self::default();
        }
    }

    fn set_deadline(&mut self, index: usize, expires: Option<Timestamp>) {
        if let Some(at) = expires {
            let position = self.base.wrapping_add(index as u64);
            self.deadlines.get_or_insert_default().push(Reverse((at, position)));
        }
    }

    /// Builds the deadlines again, without those that are out of date.
    fn collect_deadlines(&mut self) {
        #[cfg(test)]
        MOVES.set(MOVES.get() + self.entries.len());
        self.deadlines = None;
        for index in self.handed..self.entries.len() - self.unstamped {
            self.set_deadline(index, self.entries[index].expires);
        }
    }

    /// Removes the empty entries before the queued ones, and all of them if they are many. After that
    /// the first queued entry is not empty.
    fn tidy(&mut self) {
        while self.entries.get(self.handed).is_some_and(Entry::is_removed) {
            if self.handed > 0 {
                self.handed += 1;
            } else {
                self.entries.pop_front();
                self.base = self.base.wrapping_add(1);
            }
        }
        self.unstamped = self.unstamped.min(self.entries.len() - self.handed);
        let held = self.cursors.held().count;
        if self.entries.len() - held > held + FEW {
            self.compact();
        }
    }

    /// Removes all empty entries.
    fn compact(&mut self) {
        #[cfg(test)]
        MOVES.set(MOVES.get() + self.entries.len());
        let stamped = self.entries.len() - self.unstamped;
        let (mut index, mut unstamped) = (0, 0);
        self.entries.retain(|entry| {
            let stays = !entry.is_removed();
            unstamped += usize::from(stays && index >= stamped);
            index += 1;
            stays
        });
        self.handed = self.cursors.handed.count;
        self.unstamped = unstamped;
        if self.deadlines.is_some() {
            self.collect_deadlines();
        }
    }
}

#[cfg(test)]
thread_local! {
    /// How many entries were visited to remove empty ones, or deadlines that are out of date.
    pub(super) static MOVES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
impl List {
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    /// Returns the number of entries, including empty ones.
    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of deadlines, including those that are out of date.
    pub(super) fn deadlines(&self) -> usize {
        self.deadlines.as_ref().map_or(0, |deadlines| deadlines.len())
    }
}
