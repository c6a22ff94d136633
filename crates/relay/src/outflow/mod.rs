//! The entries of one subscription on their way into the stream: a window without a clock or a network.
//!
//! Entries are sent in order, and many before the first is acknowledged. If one is not stored, it and
//! all after it are sent again, with the same ids (go-back-N). Until the stream accepts the first of
//! them, it is the only one on its way: otherwise a later entry could be stored before it.

mod quota;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub use self::quota::{Quota, Share};
use crate::engine::Entry;

/// The entries that are not known to be stored, in order.
#[derive(Debug)]
pub struct Outflow<T = ()> {
    waiting: VecDeque<Waiting<T>>,
    /// How many of the first are on their way.
    sent: usize,
    bytes: usize,
    /// The first entry was not stored, and is tried alone.
    is_probing: bool,
}

#[derive(Debug)]
struct Waiting<T> {
    entry: Entry,
    /// What the caller keeps with it.
    with: T,
    _share: Share,
}

/// The bounds of one subscription: no more messages are taken when one of them is reached.
pub const MAX_ENTRIES: usize = 1_000;
/// As [`MAX_ENTRIES`], in bytes.
pub const MAX_BYTES: usize = 4 << 20;

impl<T> Default for Outflow<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), sent: 0, bytes: 0, is_probing: false }
    }
}

impl<T> Outflow<T> {
    /// Adds an entry at the end. `share` is its part of the bytes of the worker.
    pub fn push(&mut self, entry: Entry, with: T, share: Share) {
        self.bytes += entry.len();
        self.waiting.push_back(Waiting { entry, with, _share: share });
    }

    /// Whether another message may be added. Records are added without this question.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.waiting.len() < MAX_ENTRIES && self.bytes < MAX_BYTES
    }

    /// No entry waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many entries wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The next entry to send.
    #[must_use]
    pub fn next(&self) -> Option<&Entry> {
        if self.is_probing && self.sent > 0 {
            return None;
        }
        self.waiting.get(self.sent).map(|waiting| &waiting.entry)
    }

    /// The entry of [`next`](Self::next) was sent.
    pub fn sent(&mut self) {
        debug_assert!(self.sent < self.waiting.len());
        self.sent += 1;
    }

    /// The first entry is stored, or will never be. Returns it.
    pub fn acknowledge(&mut self) -> Option<(Entry, T)> {
        let Waiting { entry, with, .. } = self.waiting.pop_front()?;
        self.bytes -= entry.len();
        self.sent = self.sent.saturating_sub(1);
        self.is_probing = false;
        Some((entry, with))
    }

    /// The first entry is not stored: it and all after it have to be sent again.
    pub fn go_back(&mut self) {
        self.sent = 0;
        self.is_probing = true;
    }

    /// The first entries, of at most this number and of at most these bytes, but at least one.
    #[must_use]
    pub fn batch(&self, entries: usize, bytes: usize) -> Vec<Entry> {
        let mut room = bytes;
        let fits = self.waiting.iter().take(entries).enumerate().take_while(|(index, waiting)| {
            let fits = *index == 0 || waiting.entry.len() <= room;
            room = room.saturating_sub(waiting.entry.len());
            fits
        });
        fits.map(|(_, waiting)| waiting.entry.clone()).collect()
    }
}
