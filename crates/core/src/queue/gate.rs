//! The gate: what is accepted, who waits in line, and who waits for a flush.

use std::{sync::Arc, task::Waker};

use super::{
    Fates, News, Online, Queue,
    entry::{Entry, Origin},
    extra::{Flusher, Waiter},
};
use crate::{
    DropReason, Fate, Message, Offline, Outgoing, QueueError, Receipt, SessionClosed, Timestamp,
    WhenFull,
};

/// What came of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    Accepted,
    /// The session is closed.
    Closed,
    /// The message alone is larger than the outbox.
    TooLarge,
    /// No connection is open.
    Offline,
    Full,
    /// There is no room at present.
    Wait,
}

impl Offered {
    /// Why the message is not taken.
    pub(crate) fn error(self, message: Message) -> QueueError {
        match self {
            Self::Closed => QueueError::Closed(message),
            Self::TooLarge => QueueError::TooLarge(message),
            Self::Offline => QueueError::Offline(message),
            Self::Full | Self::Wait | Self::Accepted => QueueError::Full(message),
        }
    }
}

impl Queue {
    /// Offers a message, which is taken if it is accepted. `place`: the number of one who stands
    /// in line already; `reserved`: there is a promised place.
    pub(crate) fn offer(
        &mut self,
        outgoing: &mut Option<Outgoing>,
        place: Option<u64>,
        reserved: bool,
        news: &mut News,
    ) -> Offered {
        self.reserved -= usize::from(reserved);
        let bytes = outgoing.as_ref().map_or(0, |outgoing| outgoing.message.len());
        let offered = self.judge(bytes, place, reserved, news);
        if offered == Offered::Accepted
            && let Some(outgoing) = outgoing.take()
        {
            self.accept(outgoing, bytes);
        }
        offered
    }

    /// What comes of an offer of so many bytes. Makes room for them if that is the policy.
    fn judge(
        &mut self,
        bytes: usize,
        place: Option<u64>,
        reserved: bool,
        news: &mut News,
    ) -> Offered {
        if self.closed {
            return Offered::Closed;
        }
        if bytes > self.policy.bytes {
            return Offered::TooLarge;
        }
        if self.refuses_offline() {
            return Offered::Offline;
        }
        let dropping = self.policy.when_full == WhenFull::DropOldest;
        if reserved {
            // The promise holds for a message of any size, and if it must be by dropping others.
            let _ = dropping && self.make_room(bytes, news);
        } else if !(self.is_turn(place) && self.has_room(bytes)) {
            if self.policy.when_full == WhenFull::Refuse {
                return Offered::Full;
            }
            if !(dropping && self.make_room(bytes, news)) {
                return Offered::Wait;
            }
        }
        Offered::Accepted
    }

    fn accept(&mut self, outgoing: Outgoing, bytes: usize) {
        let Outgoing { message, max_age } = outgoing;
        self.cursors.accept(bytes);
        // What waits for a connection may wait long, and must not hold more than itself.
        let offline = self.online.connection().is_none();
        let message = if offline { message.unpinned() } else { message };
        let expires = max_age.or(self.policy.max_age).map(Timestamp::from_epoch);
        self.unseen_expire |= expires.is_some();
        let entry = Entry::new(message, Origin::Sender, self.numbers);
        self.entries.push_back(Entry { expires, ..entry });
        self.unseen += 1;
        self.numbers += 1;
        self.rests = 0;
    }

    /// The receipt of the message that was accepted just now.
    pub(crate) fn receipt(&mut self) -> Option<Receipt> {
        let entry = self.entries.back_mut()?;
        entry.receipt = true;
        let number = entry.number;
        let fates = self.fates.get_or_insert_with(|| Arc::new(Fates::new(number)));
        Some(Receipt::new(Arc::clone(fates), number))
    }

    /// A number that is larger than those of all messages accepted so far, and not larger than
    /// those to come.
    pub(crate) fn accepted(&self) -> u64 {
        self.numbers
    }

    /// Whether messages are refused because no connection is open.
    pub(super) fn refuses_offline(&self) -> bool {
        self.online == Online::No && self.policy.offline == Offline::Refuse
    }

    fn has_room(&self, bytes: usize) -> bool {
        let held = self.held();
        held.count + self.reserved < self.policy.count && held.bytes + bytes <= self.policy.bytes
    }

    /// Whether nobody stands in line before `place`, or at all for one who does not.
    fn is_turn(&self, place: Option<u64>) -> bool {
        let first = self.extra.as_ref().and_then(|extra| extra.waiters.front());
        first.is_none_or(|first| place.is_some_and(|place| place <= first.place))
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
        let offline = self.refuses_offline();
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
        self.tell(Fate::Dropped { reason, message }, news);
    }

    /// Gives a promised place up.
    pub(crate) fn release(&mut self, news: &mut News) {
        self.reserved -= 1;
        self.call_first(news);
    }

    /// Stands in line, or renews the waker of a place in it. `sure`: it will be left.
    pub(crate) fn wait(&mut self, place: u64, waker: &Waker, sure: bool, news: &mut News) {
        let waiters = &mut self.extra().waiters;
        match waiters.iter_mut().find(|known| known.place == place) {
            Some(known) if known.waker.will_wake(waker) => {}
            Some(known) => news.drop_waker(std::mem::replace(&mut known.waker, waker.clone())),
            None => {
                // At the end, but for a sink that was called and found no room after all.
                let at = waiters.partition_point(|known| known.place < place);
                waiters.insert(at, Waiter { place, waker: waker.clone(), sure });
            }
        }
    }

    /// Leaves the line, served or not; who is first now is called if there may be room.
    pub(crate) fn leave(&mut self, place: u64, news: &mut News) {
        let Some(extra) = &mut self.extra else { return };
        let at = extra.waiters.iter().position(|known| known.place == place);
        if let Some(left) = at.and_then(|at| extra.waiters.remove(at)) {
            news.drop_waker(left.waker);
        }
        self.call_first(news);
    }

    /// Calls who is first, if there may be room. A sink that may never come back leaves the line
    /// by that, and the next is called as well; if it does come back, its number still counts.
    pub(super) fn call_first(&mut self, news: &mut News) {
        if self.extra.as_ref().is_none_or(|extra| extra.waiters.is_empty()) {
            return;
        }
        if !(self.closed
            || (!self.refuses_offline() && (self.has_room(0) || self.may_drop_oldest())))
        {
            return;
        }
        let waiters = &mut self.extra().waiters;
        while let Some(first) = waiters.front() {
            if first.sure {
                return news.wake(first.waker.clone());
            }
            if let Some(first) = waiters.pop_front() {
                news.wake(first.waker);
            }
        }
    }

    /// Calls all in line, and ends it.
    pub(super) fn call_all(&mut self, news: &mut News) {
        if let Some(extra) = &mut self.extra {
            extra.waiters.drain(..).for_each(|known| news.wake(known.waker));
        }
    }

    /// Whether every message before `number` has its fate; else the waker is called when it may
    /// be so.
    pub(crate) fn poll_settled(
        &mut self,
        place: u64,
        number: u64,
        waker: &Waker,
        news: &mut News,
    ) -> bool {
        self.forget_flusher(place, news);
        let settled = self.settled_through() >= number;
        if !settled {
            self.extra().flushers.push(Flusher { place, number, waker: waker.clone() });
        }
        settled
    }

    /// Nobody waits for this flush any more.
    pub(crate) fn forget_flusher(&mut self, place: u64, news: &mut News) {
        let Some(extra) = &mut self.extra else { return };
        for known in extra.flushers.extract_if(.., |known| known.place == place) {
            news.drop_waker(known.waker);
        }
    }

    pub(super) fn settled_through(&self) -> u64 {
        let oldest = self.entries.iter().find(|entry| entry.origin == Origin::Sender);
        oldest.map_or(self.numbers, |entry| entry.number)
    }

    pub(super) fn call_flushers(&mut self, news: &mut News) {
        if self.extra.as_ref().is_none_or(|extra| extra.flushers.is_empty()) {
            return;
        }
        let settled = if self.closed { u64::MAX } else { self.settled_through() };
        let flushers = &mut self.extra().flushers;
        for done in flushers.extract_if(.., |flusher| flusher.number <= settled) {
            news.wake(done.waker);
        }
    }
}
