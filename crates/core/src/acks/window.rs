//! The window of unacknowledged messages, which senders and the layer share: [`Window`].
//!
//! An id is a value of the application, so it is cloned, hashed, compared and dropped outside of the
//! lock. Under the lock ids are found by their hashes, and candidates are returned to be compared.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hash, RandomState},
    mem,
    sync::{Arc, atomic::Ordering},
    task::Waker,
};

use super::{
    error::AckQueueError,
    ledger::Entry,
    receipt::{AckFailure, AckReceipt, AckSlot, Unacknowledged},
};
use crate::{
    message::Message,
    sync::{AtomicBool, Caller, Deferred, Guarded, Polled, WaitQueue, discard, wake},
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
    incoming: Vec<Entry<Id>>,
    /// The senders that wait for room, and their numbers of bytes.
    waiting: WaitQueue<usize>,
    /// The number of places in the queue of senders that were given out so far.
    places: u64,
    layer: Option<Arc<Waker>>,
    closed: bool,
}

/// The answer to an offer.
enum Answer<Id> {
    Accepted(AckSlot<Id>),
    Refused(fn(Message) -> AckQueueError),
    /// The id may be the same as that of the unacknowledged message with this number: compare them.
    Compare(u64, Arc<Id>),
    /// There is no room now.
    Wait(Polled<Result<AckReceipt<Id>, AckQueueError>>),
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
    pub(super) fn take_incoming(&self) -> Vec<Entry<Id>> {
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

    /// Messages were acknowledged, or are given up: makes room, resolves the receipts, then wakes.
    pub(super) fn resolve(&self, entries: Vec<Entry<Id>>, failure: Option<AckFailure>) {
        // All receipts are resolved before a task is woken, since it may poll several of them. Tasks
        // that wait for receipts are woken before senders that wait for room.
        let (mut resolved, mut room) = (Deferred::default(), Deferred::default());
        self.inside(&mut room, |state, _| {
            for entry in &entries {
                // The entry also has the key, so no id is dropped under the lock.
                if state.ids.remove(&(entry.hash, entry.number)).is_some() {
                    state.bytes -= entry.message.len();
                }
            }
        });
        let mut left = Vec::new();
        for Entry { id, key, message, slot, sends, .. } in entries {
            let (outcome, rest) = match failure {
                Some(reason) => (Err(Unacknowledged { id, message, reason, sends }), None),
                None => (Ok(()), Some((id, message))),
            };
            slot.inside(&mut resolved, |slot, deferred| slot.settle(outcome, deferred));
            // If the receipt was dropped, the outcome is dropped with the slot.
            left.push((slot, key, rest));
        }
        drop(resolved);
        drop(room);
        discard(left);
    }

    /// Accepts nothing from now on. Returns the incoming messages.
    pub(super) fn close(&self) -> Vec<Entry<Id>> {
        self.with(|state, _| {
            state.closed = true;
            mem::take(&mut state.incoming)
        })
    }

    /// A sender leaves the queue, with room or without.
    pub(super) fn leave(&self, place: &mut Option<u64>) {
        if let Some(place) = place.take() {
            self.with(|state, deferred| state.waiting.remove(place, deferred));
        }
    }
}

impl<Id: Eq + Hash> Window<Id> {
    pub(super) fn hash(&self, id: &Id) -> u64 {
        self.hasher.hash_one(id)
    }

    /// The number of the unacknowledged message with this id.
    pub(super) fn number(&self, id: &Id) -> Option<u64> {
        let hash = self.hash(id);
        let mut from = 0;
        loop {
            let (number, candidate) = self.with(|state, _| state.candidate(hash, from))?;
            if *candidate == *id {
                return Some(number);
            }
            from = number + 1;
        }
    }

    /// Offers a message, which is taken if it is accepted. `place` is the place of a sender that
    /// waits already: its id is compared when its turn comes. Without a caller, it does not wait.
    pub(super) fn offer(
        &self,
        offer: &mut Option<Entry<Id>>,
        place: &mut Option<u64>,
        mut caller: Option<&mut Caller<'_>>,
    ) -> Polled<Result<AckReceipt<Id>, AckQueueError>> {
        let error = loop {
            let answer = self
                .with(|state, deferred| state.offer(offer, place, caller.as_deref_mut(), deferred));
            match answer {
                Answer::Accepted(slot) => {
                    self.leave(place);
                    self.notify();
                    return Polled::Ready(Ok(AckReceipt { slot }));
                }
                Answer::Wait(polled) => return polled,
                Answer::Refused(error) => break error,
                Answer::Compare(number, candidate) => {
                    let offer = offer.as_mut().expect("an offer is taken only if it is accepted");
                    offer.number = number + 1;
                    if *candidate == offer.id {
                        break AckQueueError::Duplicate;
                    }
                }
            }
        };
        self.leave(place);
        let offer = offer.take().expect("a refused offer is not taken");
        Polled::Ready(Err(error(offer.message)))
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

    fn offer(
        &mut self,
        offer: &mut Option<Entry<Id>>,
        place: &mut Option<u64>,
        caller: Option<&mut Caller<'_>>,
        deferred: &mut Deferred<'_>,
    ) -> Answer<Id> {
        let Entry { message, hash, number, .. } =
            offer.as_ref().expect("polled after it was ready");
        let bytes = message.len();
        if self.closed {
            return Answer::Refused(AckQueueError::Closed);
        }
        if bytes > self.max_bytes {
            return Answer::Refused(AckQueueError::TooLarge);
        }
        let turn = self.waiting.first().is_none_or(|(first, _)| Some(first) == *place);
        let may = turn && self.has_room(bytes);
        if (may || place.is_none())
            && let Some((number, candidate)) = self.candidate(*hash, *number)
        {
            return Answer::Compare(number, candidate);
        }
        if let Some(entry) = offer.take_if(|_| may) {
            return Answer::Accepted(self.accept(entry));
        }
        let Some(caller) = caller else { return Answer::Refused(AckQueueError::Full) };
        let place = *place.get_or_insert_with(|| {
            self.places += 1;
            self.places
        });
        Answer::Wait(self.waiting.wait(place, bytes, caller, deferred))
    }

    fn accept(&mut self, mut entry: Entry<Id>) -> AckSlot<Id> {
        entry.number = self.accepted;
        self.accepted += 1;
        self.bytes += entry.message.len();
        self.ids.insert((entry.hash, entry.number), Arc::clone(&entry.key));
        let slot = Arc::clone(&entry.slot);
        self.incoming.push(entry);
        slot
    }

    /// The number and id of the first unacknowledged message from number `from` on with this hash.
    fn candidate(&self, hash: u64, from: u64) -> Option<(u64, Arc<Id>)> {
        let (key, id) = self.ids.range((hash, from)..=(hash, u64::MAX)).next()?;
        Some((key.1, Arc::clone(id)))
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
