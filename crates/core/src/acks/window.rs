//! The gate of acknowledged delivery: what senders and the layer share, and the line of those who
//! wait for a place in the window.
//!
//! An id is the application's: it is cloned, hashed, compared and dropped outside of the lock. So
//! under the lock ids are known by their hashes, and candidates are given out to be compared.

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
    sync::{Garbage, Guarded, WaitLine, discard, wake},
};

pub(super) struct Gate<Id> {
    /// Something was accepted since the layer last looked.
    work: AtomicBool,
    hasher: RandomState,
    state: Guarded<State<Id>>,
}

pub(super) struct State<Id> {
    window: usize,
    limit: usize,
    /// The bytes of all that is unacknowledged.
    bytes: usize,
    /// All that is unacknowledged, by hash and number.
    ids: BTreeMap<(u64, u64), Arc<Id>>,
    /// The number of the next message to be accepted.
    accepted: u64,
    /// Accepted, not yet taken over by the layer.
    incoming: Vec<(u64, Entry<Id>)>,
    /// Those who wait for room for so many bytes.
    line: WaitLine<usize>,
    /// Places given so far.
    places: u64,
    layer: Option<Arc<Waker>>,
    closed: bool,
}

/// A message that is offered, and what was made ready for it outside of the lock.
pub(super) struct Offer<Id> {
    pub(super) id: Id,
    pub(super) message: Message,
    key: Arc<Id>,
    hash: u64,
    /// The id is not that of an unacknowledged message with a number below this.
    compared: u64,
}

/// What came of an offer.
pub(super) enum Answer<Id> {
    Accepted(AckSlot<Id>),
    /// The session has ended.
    Closed,
    /// The message alone is larger than the limit.
    TooLarge,
    /// The id may be that of this unacknowledged message: it is to be compared.
    Compare(Candidate<Id>),
    /// There is no room at present.
    Wait,
}

/// An unacknowledged message whose id has the hash that was looked for.
pub(super) struct Candidate<Id> {
    number: u64,
    id: Arc<Id>,
}

impl<Id> Gate<Id> {
    pub(super) fn new(window: usize, limit: usize) -> Self {
        let state = State {
            window,
            limit,
            bytes: 0,
            ids: BTreeMap::new(),
            accepted: 0,
            incoming: Vec::new(),
            line: WaitLine::default(),
            places: 0,
            layer: None,
            closed: false,
        };
        let work = AtomicBool::new(false);
        Self { work, hasher: RandomState::new(), state: Guarded::new(state) }
    }

    /// Works on the shared state and settles it, then wakes whom it concerns, outside the lock.
    pub(super) fn with<'g, R>(
        &self,
        work: impl FnOnce(&mut State<Id>, &mut Garbage<'g>) -> R,
    ) -> R {
        let mut garbage = Garbage::default();
        self.inside(&mut garbage, work)
    }

    fn inside<'g, R>(
        &self,
        garbage: &mut Garbage<'g>,
        work: impl FnOnce(&mut State<Id>, &mut Garbage<'g>) -> R,
    ) -> R {
        self.state.inside(garbage, |state, garbage| {
            let result = work(state, garbage);
            state.settle(garbage);
            result
        })
    }

    /// Tells the layer to look. It is woken at the first such call after it has looked.
    pub(super) fn notify(&self) {
        if !self.work.swap(true, Ordering::AcqRel)
            && let Some(layer) = self.with(|state, _| state.layer.clone())
        {
            wake(&layer);
        }
    }

    /// Whether there is something to look at: one plain load.
    pub(super) fn has_work(&self) -> bool {
        self.work.load(Ordering::Relaxed)
    }

    /// The layer looks: takes what was accepted since.
    pub(super) fn take_incoming(&self) -> Vec<(u64, Entry<Id>)> {
        match self.work.swap(false, Ordering::AcqRel) {
            true => self.with(|state, _| mem::take(&mut state.incoming)),
            false => Vec::new(),
        }
    }

    /// Notes whom to wake when there is something to look at.
    pub(super) fn set_layer(&self, waker: &Waker) {
        let waker = Arc::new(waker.clone());
        self.with(|state, garbage| garbage.drop_later(state.layer.replace(waker)));
    }

    /// Messages were acknowledged: makes room, tells the receipts, then wakes.
    pub(super) fn acknowledge(&self, entries: Vec<Entry<Id>>) {
        // All are told before anybody wakes, who may look at many at once; receipts wake first.
        let (mut told, mut room) = (Garbage::default(), Garbage::default());
        self.release(&entries, &mut room);
        entries.iter().for_each(|entry| entry.slot.settle(Ok(()), &mut told));
        drop(told);
        drop(room);
        discard(entries);
    }

    /// There will be no acknowledgement of these messages: makes room, tells the receipts why, then
    /// wakes.
    pub(super) fn fail(&self, entries: Vec<Entry<Id>>, reason: AckFailure) {
        let (mut told, mut room) = (Garbage::default(), Garbage::default());
        self.release(&entries, &mut room);
        let mut left = Vec::new();
        for Entry { id, key, message, slot, sends, .. } in entries {
            slot.settle(Err(Unacknowledged { id, message, reason, sends }), &mut told);
            // With the slot goes the outcome, if the receipt is gone.
            left.push((slot, key));
        }
        drop(told);
        drop(room);
        discard(left);
    }

    fn release(&self, entries: &[Entry<Id>], garbage: &mut Garbage<'_>) {
        self.inside(garbage, |state, _| {
            for entry in entries {
                // The entry has the key as well, so nothing is dropped here.
                if state.ids.remove(&(entry.hash, entry.number)).is_some() {
                    state.bytes -= entry.message.len();
                }
            }
        });
    }

    /// Nothing is accepted any more. Gives what the layer has not taken over.
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

impl<Id: Clone + Eq + Hash> Gate<Id> {
    /// Makes a message ready to be offered.
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
    /// Whether this has the same id; else it need not be compared again.
    pub(super) fn is_duplicate_of(&mut self, candidate: &Candidate<Id>) -> bool {
        self.compared = candidate.number + 1;
        *candidate.id == self.id
    }
}

impl<Id> State<Id> {
    /// How many messages are unacknowledged.
    pub(super) fn held(&self) -> usize {
        self.ids.len()
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.held() < self.window && self.bytes + bytes <= self.limit
    }

    /// Offers a message, which is taken if it is accepted. `place`: the number of one who stands in
    /// line already, and is told at its turn whether its id is another's by now.
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
        if bytes > self.limit {
            return Answer::TooLarge;
        }
        let turn = self.line.first().is_none_or(|(first, _)| Some(first) == place);
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

    /// The first unacknowledged message from number `from` on whose id has that hash.
    fn candidate(&self, hash: u64, from: u64) -> Option<Candidate<Id>> {
        let (key, id) = self.ids.range((hash, from)..=(hash, u64::MAX)).next()?;
        Some(Candidate { number: key.1, id: Arc::clone(id) })
    }

    pub(super) fn draw_place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }

    /// Whether who stands in line at this place waits for just that, and would be called by this
    /// waker.
    pub(super) fn knows(&self, place: u64, bytes: usize, waker: &Waker) -> bool {
        self.line.knows(place, bytes, waker)
    }

    /// Stands in line, or comes back to its place.
    pub(super) fn wait(
        &mut self,
        place: u64,
        bytes: usize,
        waker: Waker,
        garbage: &mut Garbage<'_>,
    ) {
        self.line.stand(place, bytes, waker, garbage);
    }

    /// Leaves the line, served or not.
    pub(super) fn leave(&mut self, place: u64, garbage: &mut Garbage<'_>) {
        self.line.leave(place, garbage);
    }

    /// Comes after everything that was done here: calls those in line who need not wait any more.
    /// The first calls the next by leaving.
    fn settle(&mut self, garbage: &mut Garbage<'_>) {
        if self.closed {
            self.line.call_all(garbage);
        } else if self.line.first().is_some_and(|(_, bytes)| self.has_room(bytes)) {
            self.line.call(0, garbage);
        }
    }
}
