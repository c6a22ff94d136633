//! The accepted messages in their order: [`List`].

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::{
    cursors::{Cursors, Load},
    entry::{Entry, Origin},
};
use crate::{message::Message, time::Timestamp};

/// Messages without a fate: those that were handed to the connection first, then the queued ones.
///
/// A message that is removed from the middle leaves an empty entry behind, so that the others need
/// not move. Such entries go when they come to the front, and all at once when they are the larger
/// part: removing is O(1), amortised.
#[derive(Default)]
pub(super) struct List {
    entries: VecDeque<Entry>,
    cursors: Cursors,
    /// Entries at the front that were handed over, those removed since among them.
    handed: usize,
    /// Entries at the end that the driver has not seen yet.
    unseen: usize,
    /// The position of the first entry. Entries that are queued keep their positions.
    base: u64,
    /// When queued messages expire, with their positions. Some are out of date: the entry there is
    /// another by now. So a deadline is set in O(log n) and never searched for.
    deadlines: Option<Box<Deadlines>>,
}

type Deadlines = BinaryHeap<Reverse<(Timestamp, u64)>>;

/// Removed entries that may stay however few others there are.
const FEW: usize = 32;

impl List {
    /// All that has no fate yet.
    pub(super) fn held(&self) -> Load {
        self.cursors.held()
    }

    pub(super) fn handed(&self) -> Load {
        self.cursors.handed()
    }

    pub(super) fn queued(&self) -> Load {
        self.cursors.queued()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.is_removed())
    }

    pub(super) fn iter_handed(&self) -> impl Iterator<Item = &Entry> {
        self.entries.range(..self.handed).filter(|entry| !entry.is_removed())
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut Entry> {
        self.entries.back_mut()
    }

    /// Where messages stand that may make room for newer ones, and their bytes, the oldest first.
    /// What goes with the connection does not: it would be the only one without it.
    pub(super) fn droppable(&self) -> impl Iterator<Item = (usize, usize)> {
        let queued = self.entries.iter().enumerate().skip(self.handed);
        queued
            .filter(|(_, entry)| entry.origin == Origin::Sender)
            .map(|(index, entry)| (index, entry.bytes))
    }

    /// Where the queued message with this origin and number stands.
    pub(super) fn find_queued(&self, origin: Origin, number: u64) -> Option<usize> {
        let mut queued = self.entries.iter().enumerate().skip(self.handed);
        let found = queued.find(|(_, entry)| entry.origin == origin && entry.number == number);
        found.map(|(index, _)| index)
    }

    /// Adds a message at the end.
    pub(super) fn push(&mut self, entry: Entry) {
        self.cursors.accept(entry.bytes);
        self.entries.push_back(entry);
        self.unseen += 1;
    }

    /// Adds a replay behind those that are at the head of what is queued.
    pub(super) fn push_replay(&mut self, entry: Entry) {
        let queued = self.entries.iter().skip(self.handed);
        let replays = queued.take_while(|entry| entry.origin == Origin::Replay).count();
        let index = self.handed + replays;
        self.cursors.accept(entry.bytes);
        self.entries.insert(index, entry);
        // Those before it do not expire, so it is they who move.
        self.base = self.base.wrapping_sub(1);
    }

    /// Puts a message in the place of a queued one, which it gives back.
    pub(super) fn replace(&mut self, index: usize, message: Message) -> Option<Message> {
        debug_assert!(index >= self.handed && !self.entries[index].is_removed(), "it is queued");
        let entry = &mut self.entries[index];
        self.cursors.drop_queued(entry.bytes);
        entry.bytes = message.len();
        self.cursors.accept(entry.bytes);
        entry.message.replace(message)
    }

    /// Adds a message at the front, which was handed over before and is to be handed over again.
    /// Nothing is handed over at present.
    pub(super) fn push_front(&mut self, entry: Entry) {
        debug_assert_eq!(self.handed, 0);
        self.cursors.accept(entry.bytes);
        let expires = entry.expires;
        self.entries.push_front(entry);
        self.base = self.base.wrapping_sub(1);
        self.set_deadline(0, expires);
    }

    /// Removes a queued message.
    pub(super) fn remove(&mut self, index: usize) -> Entry {
        let entry = std::mem::replace(&mut self.entries[index], Entry::removed());
        debug_assert!(index >= self.handed && !entry.is_removed(), "it is queued");
        self.cursors.drop_queued(entry.bytes);
        self.tidy();
        entry
    }

    /// Removes all queued messages.
    pub(super) fn remove_queued(&mut self) -> Vec<Entry> {
        let removed = self.entries.drain(self.handed..).filter(|entry| !entry.is_removed());
        let removed: Vec<_> = removed.collect();
        removed.iter().for_each(|entry| self.cursors.drop_queued(entry.bytes));
        self.unseen = 0;
        self.deadlines = None;
        removed
    }

    /// Removes what goes with the connection. Nothing is handed over at present.
    pub(super) fn remove_bound(&mut self) -> Vec<Entry> {
        debug_assert_eq!(self.handed, 0);
        let bound = self.entries.iter_mut().filter(|entry| entry.is_bound());
        let removed: Vec<_> =
            bound.map(|entry| std::mem::replace(entry, Entry::removed())).collect();
        removed.iter().for_each(|entry| self.cursors.drop_queued(entry.bytes));
        self.tidy();
        removed
    }

    /// Stamps new messages with their time, if some of them expire.
    pub(super) fn stamp(&mut self, now: Timestamp, some_expire: bool) {
        let from = self.entries.len() - self.unseen;
        self.unseen = 0;
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

    /// When the next message expires. It may have been handed over since.
    pub(super) fn expiry(&self) -> Option<Timestamp> {
        let first = self.deadlines.as_ref().and_then(|deadlines| deadlines.peek());
        first.map(|Reverse((at, _))| *at)
    }

    /// Removes a queued message that is too old.
    pub(super) fn pop_expired(&mut self, now: Timestamp) -> Option<Entry> {
        loop {
            let Reverse((at, position)) = *self.deadlines.as_ref()?.peek()?;
            let index = position.wrapping_sub(self.base) as usize;
            let queued = self.handed..self.entries.len() - self.unseen;
            let stands = queued.contains(&index) && self.entries[index].expires == Some(at);
            if stands && at > now {
                return None;
            }
            self.deadlines.as_mut()?.pop();
            if stands {
                return Some(self.remove(index));
            }
        }
    }

    /// Hands over as many messages as the window has room for, of those that are stamped, until so
    /// many are handed over.
    pub(super) fn hand_over(&mut self, to: &mut VecDeque<Message>, most: usize, keep: bool) {
        let seen = self.entries.len() - self.unseen;
        for entry in self.entries.range_mut(self.handed..seen) {
            if entry.is_removed() {
                self.handed += 1;
                continue;
            }
            if !self.cursors.may_hand(entry.bytes) || self.cursors.handed().count >= most {
                break;
            }
            let message = if keep { entry.message.clone() } else { entry.message.take() };
            self.cursors.hand(entry.bytes);
            self.handed += 1;
            to.push_back(message.expect("a queued message has its payload"));
        }
    }

    /// Takes back the last of the handed messages, which the connection did not take after all.
    pub(super) fn take_back(&mut self, messages: &mut VecDeque<Message>) {
        while let Some(message) = messages.pop_back() {
            let mut handed = self.entries.range(..self.handed);
            let index = handed.rposition(|entry| !entry.is_removed());
            let index = index.expect("what was handed over is among the handed");
            self.handed = index;
            let entry = &mut self.entries[index];
            // One payload, or a clone of it: nothing is freed here.
            entry.message = Some(message);
            self.cursors.requeue(entry.bytes);
            let expires = entry.expires;
            self.set_deadline(index, expires);
        }
    }

    /// Removes what was handed over.
    pub(super) fn remove_handed(&mut self) -> impl Iterator<Item = Entry> {
        let Self { entries, cursors, handed, base, .. } = self;
        let count = std::mem::take(handed);
        *base = base.wrapping_add(count as u64);
        let removed = entries.drain(..count).filter(|entry| !entry.is_removed());
        removed.inspect(|entry| cursors.settle(entry.bytes))
    }

    /// Gives back the room that messages had, if there are none.
    pub(super) fn shrink(&mut self) {
        if self.held().count == 0 {
            *self = Self::default();
        }
    }

    fn set_deadline(&mut self, index: usize, expires: Option<Timestamp>) {
        if let Some(at) = expires {
            let position = self.base.wrapping_add(index as u64);
            self.deadlines.get_or_insert_default().push(Reverse((at, position)));
        }
    }

    /// Makes the deadlines anew, without those that are out of date.
    fn collect_deadlines(&mut self) {
        self.deadlines = None;
        for index in self.handed..self.entries.len() - self.unseen {
            self.set_deadline(index, self.entries[index].expires);
        }
    }

    /// Lets removed entries go where that costs nothing, and all of them if they are many. After
    /// it the first queued entry is none of them.
    fn tidy(&mut self) {
        while self.entries.len() > self.handed && self.entries.back().is_some_and(Entry::is_removed)
        {
            self.entries.pop_back();
            self.unseen = self.unseen.saturating_sub(1);
        }
        while self.entries.get(self.handed).is_some_and(Entry::is_removed) {
            if self.handed > 0 {
                self.handed += 1;
            } else {
                self.entries.pop_front();
                self.base = self.base.wrapping_add(1);
            }
        }
        self.unseen = self.unseen.min(self.entries.len() - self.handed);
        let held = self.held().count;
        if self.entries.len() - held > held + FEW {
            self.compact();
        }
    }

    /// Lets all removed entries go.
    fn compact(&mut self) {
        #[cfg(test)]
        MOVES.set(MOVES.get() + self.entries.len());
        let seen = self.entries.len() - self.unseen;
        let (mut index, mut unseen) = (0, 0);
        self.entries.retain(|entry| {
            let stays = !entry.is_removed();
            unseen += usize::from(stays && index >= seen);
            index += 1;
            stays
        });
        self.handed = self.handed().count;
        self.unseen = unseen;
        if self.deadlines.is_some() {
            self.collect_deadlines();
        }
    }
}

#[cfg(test)]
thread_local! {
    /// Entries that were passed over to let removed ones go.
    pub(super) static MOVES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
impl List {
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    /// How many entries there are, those removed included.
    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }
}
