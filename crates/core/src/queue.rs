//! The outbox's inside: accepted messages until their fate, the gate that bounds them, and the
//! line of those who wait at it.
//!
//! It stands under the lock that handles and driver share. Whatever wakes a task or a receipt is
//! collected in a [`News`] and done after the lock is released.

use std::{collections::VecDeque, sync::Arc, task::Waker, time::Duration};

use crate::{
    DropReason, Fate, Message, Offline, Outbox, QueueError, SessionClosed, Timestamp, WhenFull,
    machine::{Cursors, Load},
    receipt::Slot,
};

pub(crate) struct Queue {
    policy: Outbox,
    /// Handed messages first, then the queued ones.
    entries: VecDeque<Entry>,
    cursors: Cursors,
    /// Entries at the end that the driver has not seen yet.
    unseen: usize,
    /// The earliest moment at which a queued message expires.
    expiry: Option<Timestamp>,
    /// The number of the connection that is open.
    online: Option<u64>,
    closed: bool,
    /// Places promised to handles between `poll_ready` and `start_send`.
    reserved: usize,
    /// In the order of their places.
    waiters: VecDeque<Waiter>,
    flushers: Vec<(u64, u64, Waker)>,
    next_waiter: u64,
    /// Messages accepted so far; a message's number is the value before it.
    accepted: u64,
    /// Fates without a receipt, to be told with the next loss.
    unsent: VecDeque<Fate>,
    /// Bytes of the messages in them.
    unsent_bytes: usize,
    /// Fates let go, because nobody fetched them.
    discarded: u64,
    /// Fates since the session began.
    counts: Counts,
    /// How many unknown ones were told.
    unknown_told: u64,
    /// What is sent after every Open, in this order.
    replays: Vec<(Box<str>, Message)>,
    /// Tickets given so far.
    tickets: u64,
}

struct Entry {
    /// `None` while it is with the connection and nothing is to be given back.
    message: Option<Message>,
    bytes: usize,
    slot: Option<Arc<Slot>>,
    max_age: Option<Duration>,
    expires: Option<Timestamp>,
    /// How often it was handed to a connection.
    tries: u32,
    /// The last connection that died with it in hand.
    handed_to: Option<u64>,
    origin: Origin,
}

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// A sender; the number counts accepted messages from 0.
    Sender(u64),
    /// The replays.
    Replay,
    /// A layer above, which keeps the message itself; with a ticket, counted from 0.
    Layer(u64),
}

impl Entry {
    /// Whether it goes with the connection that there is. Its fate is nobody's, since whoever
    /// keeps the message brings it again for the next connection.
    fn is_bound(&self) -> bool {
        match self.origin {
            Origin::Sender(_) => false,
            Origin::Replay | Origin::Layer(_) => true,
        }
    }
}

/// One who waits at the gate.
struct Waiter {
    place: u64,
    waker: Waker,
    /// It leaves the line when it is served or gone. A `Sink` may do neither: its owner can stop
    /// waiting without a word.
    sure: bool,
}

/// What is to be done once the lock is released.
#[derive(Default)]
pub(crate) struct News {
    wakers: Vec<Waker>,
    fates: Vec<(Arc<Slot>, Fate)>,
}

impl News {
    pub(crate) fn spread(self) {
        for (slot, fate) in self.fates {
            slot.settle(fate);
        }
        for waker in self.wakers {
            waker.wake();
        }
    }
}

/// Messages that did not become written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) dropped: u64,
    pub(crate) unknown: u64,
}

/// What is told with a loss.
#[derive(Default)]
pub(crate) struct Unsent {
    pub(crate) fates: Vec<Fate>,
    /// How many were let go before them.
    pub(crate) discarded: u64,
    /// How many became unknown, with a receipt or without.
    pub(crate) unknown: u64,
}

/// How a message is offered.
pub(crate) enum Offer {
    Accepted,
    Refused(QueueError),
    /// There is no room at present.
    Wait(Message),
}

impl Queue {
    pub(crate) fn new(policy: Outbox) -> Self {
        Self {
            policy,
            entries: VecDeque::new(),
            cursors: Cursors::default(),
            unseen: 0,
            expiry: None,
            online: None,
            closed: false,
            reserved: 0,
            waiters: VecDeque::new(),
            flushers: Vec::new(),
            next_waiter: 0,
            accepted: 0,
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            discarded: 0,
            counts: Counts::default(),
            unknown_told: 0,
            replays: Vec::new(),
            tickets: 0,
        }
    }

    pub(crate) fn held(&self) -> Load {
        self.cursors.held()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether there is something to hand over.
    pub(crate) fn has_queued(&self) -> bool {
        self.cursors.queued().count > 0
    }

    /// Whether everything accepted has its fate.
    pub(crate) fn is_settled(&self) -> bool {
        self.entries.is_empty()
    }

    /// A number for one who may have to wait.
    pub(crate) fn draw_number(&mut self) -> u64 {
        self.next_waiter += 1;
        self.next_waiter
    }
}

/// At the gate.
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
        self.entries.push_back(Entry {
            message: Some(message),
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

    /// Keeps a message to be sent after every Open, in the place of the one with the same key; if
    /// a connection is open it is sent on that one, too.
    pub(crate) fn set_replay(&mut self, key: &str, message: Message) {
        match self.replays.iter_mut().find(|(known, _)| **known == *key) {
            Some((_, known)) => *known = message.clone(),
            None => self.replays.push((key.into(), message.clone())),
        }
        if self.online.is_some() && !self.closed {
            let at = self.cursors.handed().count + self.replays_queued();
            self.insert_replay(at, message);
        }
    }

    /// Forgets a replay.
    pub(crate) fn remove_replay(&mut self, key: &str) -> Option<Message> {
        let at = self.replays.iter().position(|(known, _)| **known == *key)?;
        Some(self.replays.remove(at).1)
    }

    /// Replays at the head of what is queued.
    fn replays_queued(&self) -> usize {
        let queued = self.entries.iter().skip(self.cursors.handed().count);
        queued.take_while(|entry| entry.origin == Origin::Replay).count()
    }

    fn insert_replay(&mut self, at: usize, message: Message) {
        self.insert_bound(at, message, Origin::Replay);
    }

    /// Queues messages for this connection and no other.
    /// They get tickets in a row, of which this gives the first; `None` if that connection is not
    /// open any more or the session is being closed, and then nothing was queued.
    ///
    /// Like replays they count against the bound and are never refused.
    pub(crate) fn queue_on(
        &mut self,
        connection: u64,
        messages: impl Iterator<Item = Message>,
    ) -> Option<u64> {
        if self.online != Some(connection) || self.closed {
            return None;
        }
        let first = self.tickets;
        for message in messages {
            self.insert_bound(self.entries.len(), message, Origin::Layer(self.tickets));
            self.unseen += 1;
            self.tickets += 1;
        }
        Some(first)
    }

    /// The first ticket whose message was not written and may still be.
    pub(crate) fn first_unwritten(&self) -> u64 {
        let first = self.entries.iter().find_map(|entry| match entry.origin {
            Origin::Layer(ticket) => Some(ticket),
            Origin::Sender(_) | Origin::Replay => None,
        });
        first.unwrap_or(self.tickets)
    }

    fn insert_bound(&mut self, at: usize, message: Message, origin: Origin) {
        let bytes = message.len();
        self.cursors.accept(bytes);
        self.entries.insert(
            at,
            Entry {
                message: Some(message),
                bytes,
                slot: None,
                max_age: None,
                expires: None,
                tries: 0,
                handed_to: None,
                origin,
            },
        );
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
    fn call_first(&mut self, news: &mut News) {
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

    fn settled_through(&self) -> u64 {
        let oldest = self.entries.iter().find_map(|entry| match entry.origin {
            Origin::Sender(number) => Some(number),
            Origin::Replay | Origin::Layer(_) => None,
        });
        oldest.unwrap_or(self.accepted)
    }

    fn call_flushers(&mut self, news: &mut News) {
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

/// On the driver's side.
impl Queue {
    /// The connection with this number is open, or none is.
    pub(crate) fn set_online(&mut self, online: Option<u64>, news: &mut News) {
        self.online = online;
        if online.is_some() {
            for (at, (_, message)) in self.replays.clone().into_iter().enumerate() {
                self.insert_replay(at, message);
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

    /// Removes what does not wait for the next connection, which gets its own.
    fn drop_bound(&mut self) {
        debug_assert_eq!(self.cursors.handed().count, 0);
        let mut stamped = self.entries.len() - self.unseen;
        self.entries.retain(|entry| {
            let keep = !entry.is_bound();
            if !keep {
                self.cursors.drop_queued(entry.bytes);
                match stamped {
                    0 => self.unseen -= 1,
                    _ => stamped -= 1,
                }
            } else {
                stamped = stamped.saturating_sub(1);
            }
            keep
        });
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

    fn remove(&mut self, index: usize) -> Entry {
        if index >= self.entries.len() - self.unseen {
            self.unseen -= 1;
        }
        let entry = self.entries.remove(index).expect("the cursors count the entries");
        if index < self.cursors.handed().count {
            self.cursors.settle(entry.bytes);
        } else {
            self.cursors.drop_queued(entry.bytes);
        }
        entry
    }

    /// Gives an entry that was removed its fate: dropped, or unknown if it was ever handed over.
    fn drop_entry(&mut self, entry: Entry, reason: DropReason, news: &mut News) {
        if entry.is_bound() {
            return;
        }
        let fate = match (entry.handed_to, entry.message) {
            (Some(connection), message) if reason != DropReason::ResendLimit => {
                self.counts.unknown += 1;
                Fate::Unknown {
                    connection,
                    message: message.filter(|_| self.policy.keeps_clones()),
                }
            }
            (_, Some(message)) => {
                self.counts.dropped += 1;
                Fate::Dropped { reason, message }
            }
            (_, None) => unreachable!("only what was handed over by move has no payload"),
        };
        self.tell(entry.slot, fate, news);
    }

    fn tell(&mut self, slot: Option<Arc<Slot>>, fate: Fate, news: &mut News) {
        match slot {
            Some(slot) => news.fates.push((slot, fate)),
            None => {
                // What nobody fetches stays inside the outbox's own bounds; the newest always.
                self.unsent_bytes += fate.message().map_or(0, Message::len);
                self.unsent.push_back(fate);
                while self.unsent.len() > 1
                    && (self.unsent.len() > self.policy.count
                        || self.unsent_bytes > self.policy.bytes)
                    && let Some(oldest) = self.unsent.pop_front()
                {
                    self.unsent_bytes -= oldest.message().map_or(0, Message::len);
                    self.discarded += 1;
                }
            }
        }
    }

    fn settle_waiters(&mut self, news: &mut News) {
        self.call_first(news);
        self.call_flushers(news);
    }
}

/// What goes with a message.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) slot: Option<Arc<Slot>>,
    pub(crate) max_age: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_epoch(Duration::from_secs(seconds))
    }

    fn queue(policy: Outbox) -> Queue {
        let mut queue = Queue::new(policy);
        queue.set_online(Some(1), &mut News::default());
        queue
    }

    fn offer(queue: &mut Queue, text: &str) {
        let options = Options::default();
        let offer = queue.offer(text.into(), options, None, false, &mut News::default());
        assert!(matches!(offer, Offer::Accepted));
    }

    fn hand_over(queue: &mut Queue) -> Vec<String> {
        let mut to = VecDeque::new();
        queue.hand_over(&mut to);
        to.iter().map(|message| message.as_text().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_comes_between_stamping_and_handing_over_waits_for_its_stamp() {
        let mut queue = queue(Outbox::new().resend(1).max_age(Duration::from_secs(10)));
        offer(&mut queue, "a");
        queue.stamp(at(0));
        // From another thread.
        offer(&mut queue, "b");
        assert_eq!(hand_over(&mut queue), ["a"]);
        queue.written(1, &mut News::default());
        assert!(queue.has_queued());
        queue.stamp(at(1));
        assert_eq!(hand_over(&mut queue), ["b"]);
        queue.lost(1, &mut News::default());
        queue.expire(at(10), &mut News::default());
        assert!(queue.has_queued(), "it is nine seconds old");
        queue.expire(at(11), &mut News::default());
        assert!(!queue.has_queued());
    }

    #[test]
    fn dropping_the_oldest_leaves_the_stamps_of_others_alone() {
        let policy = Outbox::new().count(2).when_full(WhenFull::DropOldest);
        let mut queue = queue(policy.resend(1).max_age(Duration::from_secs(10)));
        offer(&mut queue, "a");
        queue.stamp(at(0));
        assert_eq!(hand_over(&mut queue), ["a"]);
        offer(&mut queue, "b");
        offer(&mut queue, "c");
        queue.stamp(at(5));
        queue.lost(1, &mut News::default());
        queue.expire(at(10), &mut News::default());
        assert_eq!(hand_over(&mut queue), ["c"], "a has expired, b made room");
    }

    #[test]
    fn what_is_bound_to_a_connection_goes_with_it_wherever_it_stands() {
        let mut queue = queue(Outbox::new().resend(1).max_age(Duration::from_secs(10)));
        let mut news = News::default();
        let messages = |texts: &'static [&str]| texts.iter().map(|text| Message::text(*text));
        queue.set_replay("key", "replay".into());
        offer(&mut queue, "a");
        queue.stamp(at(0));
        assert_eq!(queue.queue_on(1, messages(&["x", "y"])), Some(0));
        offer(&mut queue, "b");
        queue.stamp(at(1));
        assert_eq!(queue.queue_on(2, messages(&["z"])), None, "another connection");
        assert_eq!(queue.queue_on(1, messages(&["z"])), Some(2));
        offer(&mut queue, "c");
        assert_eq!(queue.queue_on(1, messages(&["w"])), Some(3));
        assert_eq!((queue.first_unwritten(), queue.settled_through()), (0, 0));
        assert_eq!(queue.held().count, 8);

        assert_eq!(hand_over(&mut queue), ["replay", "a", "x", "y", "b"]);
        queue.lost(1, &mut news);
        queue.set_online(None, &mut news);
        assert_eq!(queue.held().count, 3);
        assert_eq!((queue.first_unwritten(), queue.settled_through()), (4, 0));
        assert_eq!(queue.queue_on(1, messages(&["z"])), None, "no connection");

        queue.stamp(at(5));
        queue.set_online(Some(2), &mut news);
        queue.expire(at(11), &mut news);
        assert_eq!(hand_over(&mut queue), ["replay", "c"], "a and b have expired");
        queue.written(2, &mut news);
        assert!(queue.is_settled());
        assert_eq!(queue.settled_through(), 3);
        queue.close_gate(&mut news);
        assert_eq!(queue.queue_on(2, messages(&["z"])), None, "closed");
    }

    #[test]
    fn what_is_bound_to_a_connection_makes_no_room_for_others() {
        let mut queue = queue(Outbox::new().count(3).when_full(WhenFull::DropOldest));
        queue.set_replay("key", "replay".into());
        queue.queue_on(1, [Message::text("x")].into_iter());
        for text in ["a", "b"] {
            offer(&mut queue, text);
        }
        queue.stamp(at(0));
        assert_eq!(hand_over(&mut queue), ["replay", "x", "b"]);
        assert!(!queue.reserve(None).unwrap(), "nothing is left to be dropped");
    }
}
