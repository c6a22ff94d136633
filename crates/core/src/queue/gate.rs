//! The gate: what is accepted, who waits in line, and who waits for a flush.

use std::task::Waker;

use super::{Entry, News, Offer, Options, Origin, Queue, Waiter};
use crate::{DropReason, Fate, Message, Offline, QueueError, SessionClosed, WhenFull};

impl Queue {
    /// Offers a message. `place`: the number of one who stands in line already; `reserved`: there
    /// is a promised place.
    pub(crate) fn offer(
        &mut self,
        message: Message,
        options: Options,
        place: Option<u64>,
        reserved: bool,
        news: &mut News,
    ) -> Offer {
        if reserved {
            self.reserved -= 1;
        }
        if self.closed {
            return Offer::Refused(QueueError::Closed(message));
        }
        let bytes = message.len();
        if bytes > self.policy.bytes {
            return Offer::Refused(QueueError::TooLarge(message));
        }
        if self.online.is_none() && self.policy.offline == Offline::Refuse {
            return Offer::Refused(QueueError::Offline(message));
        }
        let dropping = self.policy.when_full == WhenFull::DropOldest;
        if reserved {
            // The promise holds for a message of any size, and if it must be by dropping others.
            let _ = dropping && self.make_room(bytes, news);
        } else {
            if !(self.is_turn(place) && self.has_room(bytes)) {
                if self.policy.when_full == WhenFull::Refuse {
                    return Offer::Refused(QueueError::Full(message));
                }
                if !(dropping && self.make_room(bytes, news)) {
                    return Offer::Wait(message);
                }
            }
        }
        self.cursors.accept(bytes);
        // What waits for a connection may wait long, and must not hold more than itself.
        let waits = self.online.is_none();
        self.entries.push_back(Entry {
            message: Some(if waits { message.unpinned() } else { message }),
            bytes,
            slot: options.slot,
            max_age: options.max_age.or(self.policy.max_age),
            expires: None,
            tries: 0,
            handed_to: None,
            origin: Origin::Sender(self.accepted),
        });
        self.unseen += 1;
        self.accepted += 1;
        Offer::Accepted
    }

    /// The number of the next message to be accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }

    fn has_room(&self, bytes: usize) -> bool {
        let held = self.held();
        held.count + self.reserved < self.policy.count && held.bytes + bytes <= self.policy.bytes
    }

    /// Whether nobody stands in line before `place`, or at all for one who does not.
    fn is_turn(&self, place: Option<u64>) -> bool {
        self.waiters.front().is_none_or(|first| place.is_some_and(|place| place <= first.place))
    }

    fn make_room(&mut self, bytes: usize, news: &mut News) -> bool {
        while !self.has_room(bytes) {
            let Some(oldest) = self.droppable().next() else { return false };
            let entry = self.remove(oldest);
            self.drop_entry(entry, DropReason::Overflow, news);
        }
        true
    }

    /// A promise of a place for a message of any size, for the two steps of a `Sink`.
    pub(crate) fn reserve(&mut self, place: Option<u64>) -> Result<bool, SessionClosed> {
        if self.closed {
            return Err(SessionClosed);
        }
        let offline = self.online.is_none() && self.policy.offline == Offline::Refuse;
        let room = self.has_room(0) || self.may_drop_oldest();
        if offline || !self.is_turn(place) || !room {
            return Ok(false);
        }
        self.reserved += 1;
        Ok(true)
    }

    fn may_drop_oldest(&self) -> bool {
        self.policy.when_full == WhenFull::DropOldest
            && self.droppable().nth(self.reserved).is_some()
    }

    /// Where the messages are that may make room for newer ones, the oldest first. What goes with
    /// the connection does not: it would be the only one without it.
    fn droppable(&self) -> impl Iterator<Item = usize> {
        let queued = self.cursors.handed().count..self.entries.len();
        queued.filter(|index| !self.entries[*index].is_bound())
    }

    /// Gives a message that a `Sink` cannot give back its fate at once.
    pub(crate) fn drop_unaccepted(
        &mut self,
        message: Message,
        reason: DropReason,
        news: &mut News,
    ) {
        self.counts.dropped += 1;
        self.tell(None, Fate::Dropped { reason, message }, news);
    }

    /// Gives a promised place up.
    pub(crate) fn release(&mut self, news: &mut News) {
        self.reserved -= 1;
        self.call_first(news);
    }

    /// Stands in line, or renews the waker of a place in it. `sure`: it will be left.
    pub(crate) fn wait(&mut self, place: u64, waker: &Waker, sure: bool) {
        match self.waiters.iter_mut().find(|known| known.place == place) {
            Some(known) => known.waker.clone_from(waker),
            None => {
                // At the end, but for a sink that was called and found no room after all.
                let at = self.waiters.partition_point(|known| known.place < place);
                self.waiters.insert(at, Waiter { place, waker: waker.clone(), sure });
            }
        }
    }

    /// Leaves the line, served or not; who is first now is called if there may be room.
    pub(crate) fn leave(&mut self, place: u64, news: &mut News) {
        self.waiters.retain(|known| known.place != place);
        self.call_first(news);
    }

    /// Calls who is first, if there may be room. A sink that may never come back leaves the line
    /// by that, and the next is called as well; if it does come back, its number still counts.
    pub(super) fn call_first(&mut self, news: &mut News) {
        let open = self.online.is_some() || self.policy.offline == Offline::Keep;
        if !(self.closed || (open && (self.has_room(0) || self.may_drop_oldest()))) {
            return;
        }
        while let Some(first) = self.waiters.front() {
            news.wakers.push(first.waker.clone());
            if first.sure {
                return;
            }
            self.waiters.pop_front();
        }
    }

    /// Whether every message before `number` has its fate; else the waker is called when it may
    /// be so.
    pub(crate) fn poll_settled(&mut self, place: u64, number: u64, waker: &Waker) -> bool {
        self.flushers.retain(|(known, ..)| *known != place);
        if self.settled_through() >= number {
            return true;
        }
        self.flushers.push((place, number, waker.clone()));
        false
    }

    /// Nobody waits for this flush any more.
    pub(crate) fn forget_flusher(&mut self, place: u64) {
        self.flushers.retain(|(known, ..)| *known != place);
    }

    pub(super) fn settled_through(&self) -> u64 {
        let oldest = self.entries.iter().find_map(|entry| match entry.origin {
            Origin::Sender(number) => Some(number),
            Origin::Replay(_) | Origin::Layer(_) => None,
        });
        oldest.unwrap_or(self.accepted)
    }

    pub(super) fn call_flushers(&mut self, news: &mut News) {
        let settled = self.settled_through();
        let closed = self.closed;
        self.flushers.retain(|(_, number, waker)| {
            let done = closed || settled >= *number;
            if done {
                news.wakers.push(waker.clone());
            }
            !done
        });
    }
}
