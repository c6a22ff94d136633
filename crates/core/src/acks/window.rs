//! The window of unacknowledged messages, which senders and the layer share: [`Window`].
//!
//! An id is a value of the application, so it is cloned, hashed, compared and dropped outside of the
//! lock. Under the lock ids are found by their hashes, and candidates are returned to be compared.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hash, RandomState},
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
};

use super::{
    ledger::Entry,
    receipt::{AckFailure, AckSlot, Slot, Unacknowledged},
};
use crate::{
    message::Message,
    sync::{Deferred, Guarded, WaitQueue, discard, wake},
};

/// The messages that are accepted and unacknowledged, and the senders that wait for a place.
pub(super) struct Window<Id> {
    /// A message was accepted since the layer last took the incoming ones.
    has_incoming: AtomicBool,
    hasher: RandomState,
    state: Guarded<State<Id>>,
}

pub(super) struct State<Id> {
    /// The largest number of messages, and the largest number of their bytes.
    max_count: usize,
    max_bytes: usize,
    /// The bytes of all unacknowledged messages.
    bytes: usize,
    /// The ids of all unacknowledged messages, by hash and number.
    ids: BTreeMap<(u64, u64), Arc<Id>>,
    /// The number of the next message to be accepted.
    accepted: u64,
    /// Accepted messages that the layer has not taken yet.
    incoming: Vec<(u64, Entry<Id>)>,
    /// The senders that wait for room, and their numbers of bytes.
    waiting: WaitQueue<usize>,
    /// The number of places in the queue of senders that were given out so far.
    places: u64,
    layer: Option<Arc<Waker>>,
    closed: bool,
}

/// A message that a sender offers, with the values that were made outside of the lock.
pub(super) struct Offer<Id> {
    pub(super) id: Id,
    pub(super) message: Message,
    key: Arc<Id>,
    hash: u64,
    /// No unacknowledged message with a number below this has the same id.
    compared: u64,
}

/// The answer to an offer.
pub(super) enum Answer<Id> {
    Accepted(AckSlot<Id>),
    /// The session has ended.
    Closed,
    /// The message alone is larger than the limit.
    TooLarge,
    /// The id may be the same as that of this unacknowledged message: compare them.
    Compare(Candidate<Id>),
    /// There is no room now.
    Wait,
}

/// An unacknowledged message whose id has the hash in question.
pub(super) struct Candidate<Id> {
    number: u64,
    id: Arc<Id>,
}

impl<Id> Window<Id> {
    pub(super) fn new(max_count: usize, max_bytes: usize) -> Self {
        let state = State {
            max_count,
            max_bytes,
            bytes: 0,
            ids: BTreeMap::new(),
            accepted: 0,
            incoming: Vec::new(),
            waiting: WaitQueue::default(),
            places: 0,
            layer: None,
            closed: false,
        };
        let has_incoming = AtomicBool::new(false);
        Self { has_incoming, hasher: RandomState::new(), state: Guarded::new(state) }
    }

    /// Changes the shared state under the lock. Afterwards, outside of the lock, the tasks that the
    /// change concerns are woken.
    pub(super) fn with<'g, R>(
        &self,
        work: impl FnOnce(&mut State<Id>, &mut Deferred<'g>) -> R,
    ) -> R {
        let mut deferred = Deferred::default();
        self.inside(&mut deferred, work)
    }

    fn inside<'g, R>(
        &self,
        deferred: &mut Deferred<'g>,
        work: impl FnOnce(&mut State<Id>, &mut Deferred<'g>) -> R,
    ) -> R {
        self.state.inside(deferred, |state, deferred| {
            let result = work(state, deferred);
            state.wake_senders(deferred);
            result
        })
    }

    /// Wakes the layer, if this is the first accepted message since it took the incoming ones.
    pub(super) fn notify(&self) {
        if !self.has_incoming.swap(true, Ordering::AcqRel)
            && let Some(layer) = self.with(|state, _| state.layer.clone())
        {
            wake(&layer);
        }
    }

    /// Whether there are incoming messages. One plain load.
    pub(super) fn has_incoming(&self) -> bool {
        self.has_incoming.load(Ordering::Relaxed)
    }

    /// Takes the messages that were accepted since the last call.
    pub(super) fn take_incoming(&self) -> Vec<(u64, Entry<Id>)> {
        if self.has_incoming() && self.has_incoming.swap(false, Ordering::AcqRel) {
            return self.with(|state, _| mem::take(&mut state.incoming));
        }
        Vec::new()
    }

    /// Sets the waker of the layer.
    pub(super) fn set_layer(&self, waker: &Waker) {
        let waker = Arc::new(waker.clone());
        self.with(|state, deferred| deferred.drop_later(state.layer.replace(waker)));
    }

    /// Messages were acknowledged: makes room, resolves the receipts, then wakes.
    pub(super) fn acknowledge(&self, entries: Vec<Entry<Id>>) {
        // All receipts are resolved before a task is woken, since it may poll several of them. Tasks
        // that wait for receipts are woken before senders that wait for room.
        let (mut resolved, mut room) = (Deferred::default(), Deferred::default());
        self.release(&entries, &mut room);
        entries.iter().for_each(|entry| entry.slot.settle(Ok(()), &mut resolved));
        drop(resolved);
        drop(room);
        discard(entries);
    }

    /// Messages are given up: makes room, resolves the receipts with the reason, then wakes.
    pub(super) fn fail(&self, entries: Vec<Entry<Id>>, reason: AckFailure) {
        let (mut resolved, mut room) = (Deferred::default(), Deferred::default());
        self.release(&entries, &mut room);
        let mut left = Vec::new();
        for Entry { id, key, message, slot, sends, .. } in entries {
            slot.settle(Err(Unacknowledged { id, message, reason, sends }), &mut resolved);
            // If the receipt was dropped, the outcome is dropped with the slot.
            left.push((slot, key));
        }
        drop(resolved);
        drop(room);
        discard(left);
    }

    fn release(&self, entries: &[Entry<Id>], deferred: &mut Deferred<'_>) {
        self.inside(deferred, |state, _| {
            for entry in entries {
                // The entry also has the key, so no id is dropped under the lock.
                if state.ids.remove(&(entry.hash, entry.number)).is_some() {
                    state.bytes -= entry.message.len();
                }
            }
        });
    }

    /// Accepts nothing from now on. Returns the incoming messages.
    pub(super) fn close(&self) -> Vec<(u64, Entry<Id>)> {
        let (incoming, ids) = self.with(|state, _| {
            state.closed = true;
            state.bytes = 0;
            (mem::take(&mut state.incoming), mem::take(&mut state.ids))
        });
        discard(ids);
        incoming
    }
}

impl<Id: Clone + Eq + Hash> Window<Id> {
    /// Prepares a message to be offered.
    pub(super) fn offer(&self, id: Id, message: Message) -> Offer<Id> {
        let (key, hash) = (Arc::new(id.clone()), self.hash(&id));
        Offer { id, message, key, hash, compared: 0 }
    }

    pub(super) fn hash(&self, id: &Id) -> u64 {
        self.hasher.hash_one(id)
    }

    /// The number of the unacknowledged message with this id.
    pub(super) fn number(&self, id: &Id) -> Option<u64> {
        let hash = self.hash(id);
        let mut from = 0;
        loop {
            let candidate = self.with(|state, _| state.candidate(hash, from))?;
            if *candidate.id == *id {
                return Some(candidate.number);
            }
            from = candidate.number + 1;
        }
    }
}

impl<Id: Eq> Offer<Id> {
    /// Whether the candidate has the same id. If not, it will not be compared again.
    pub(super) fn is_duplicate_of(&mut self, candidate: &Candidate<Id>) -> bool {
        self.compared = candidate.number + 1;
        *candidate.id == self.id
    }
}

impl<Id> State<Id> {
    /// The number of unacknowledged messages.
    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.count() < self.max_count && self.bytes + bytes <= self.max_bytes
    }

    /// Offers a message, which is taken if it is accepted. `place` is the place of a sender that
    /// waits already: its id is compared when its turn comes.
    pub(super) fn offer(
        &mut self,
        offer: &mut Option<Offer<Id>>,
        place: Option<u64>,
    ) -> Answer<Id> {
        let Some(Offer { message, hash, compared, .. }) = offer else {
            unreachable!("an offer that was taken is not made again")
        };
        let bytes = message.len();
        if self.closed {
            return Answer::Closed;
        }
        if bytes > self.max_bytes {
            return Answer::TooLarge;
        }
        let turn = self.waiting.first().is_none_or(|(first, _)| Some(first) == place);
        let may = turn && self.has_room(bytes);
        if (may || place.is_none())
            && let Some(candidate) = self.candidate(*hash, *compared)
        {
            return Answer::Compare(candidate);
        }
        match offer.take_if(|_| may) {
            Some(offer) => Answer::Accepted(self.accept(offer)),
            None => Answer::Wait,
        }
    }

    fn accept(&mut self, offer: Offer<Id>) -> AckSlot<Id> {
        let Offer { id, message, key, hash, .. } = offer;
        let number = self.accepted;
        let slot = Arc::new(Slot::new());
        self.bytes += message.len();
        self.ids.insert((hash, number), Arc::clone(&key));
        let entry = Entry::new(id, key, hash, number, message, Arc::clone(&slot));
        self.incoming.push((number, entry));
        self.accepted += 1;
        slot
    }

    /// The first unacknowledged message from number `from` on that has this hash.
    fn candidate(&self, hash: u64, from: u64) -> Option<Candidate<Id>> {
        let (key, id) = self.ids.range((hash, from)..=(hash, u64::MAX)).next()?;
        Some(Candidate { number: key.1, id: Arc::clone(id) })
    }

    pub(super) fn draw_place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }

    /// Whether the sender with this place is registered with this number of bytes and this waker.
    pub(super) fn knows(&self, place: u64, bytes: usize, waker: &Waker) -> bool {
        self.waiting.is_registered(place, bytes, waker)
    }

    /// Waits in the queue of senders, at a new place or at the old one.
    pub(super) fn wait(
        &mut self,
        place: u64,
        bytes: usize,
        waker: Waker,
        deferred: &mut Deferred<'_>,
    ) {
        self.waiting.register(place, bytes, waker, deferred);
    }

    /// Leaves the queue of senders, with room or without.
    pub(super) fn leave(&mut self, place: u64, deferred: &mut Deferred<'_>) {
        self.waiting.remove(place, deferred);
    }

    /// Wakes the senders that need not wait any more. Called after every change. When the first
    /// sender leaves the queue, the next one is woken.
    fn wake_senders(&mut self, deferred: &mut Deferred<'_>) {
        if self.closed {
            self.waiting.wake_all(deferred);
        } else if self.waiting.first().is_some_and(|(_, bytes)| self.has_room(bytes)) {
            self.waiting.wake(0, deferred);
        }
    }
}
