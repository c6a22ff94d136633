//! The gate of acknowledged delivery: what senders and the layer share, and the line of those who
//! wait for a place in the window.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
};

use super::{
    ledger::Entry,
    sender::{AckFailure, AckQueueError, AckSlot, Outcome, Unacknowledged},
    slot::Slot,
};
use crate::Message;

pub(super) struct Gate<Id> {
    /// Something was accepted since the layer last looked.
    work: AtomicBool,
    state: Mutex<State<Id>>,
}

pub(super) struct State<Id> {
    window: usize,
    limit: usize,
    /// The bytes of all that is unacknowledged.
    bytes: usize,
    /// All that is unacknowledged, by its number.
    numbers: HashMap<Id, u64>,
    /// The number of the next message to be accepted.
    accepted: u64,
    /// Accepted, not yet taken over by the layer.
    incoming: Vec<(u64, Entry<Id>)>,
    waiters: VecDeque<(u64, Waker)>,
    next_waiter: u64,
    layer: Option<Waker>,
    closed: bool,
}

/// What is to be done once the lock is released.
pub(super) struct News<Id> {
    wakers: Vec<Waker>,
    outcomes: Vec<(AckSlot<Id>, Outcome<Id>)>,
}

impl<Id> News<Id> {
    fn spread(self) {
        // All are told before anybody wakes, who may look at many at once.
        let told = self.outcomes.into_iter().map(|(slot, outcome)| slot.settle(outcome));
        let told: Vec<_> = told.collect();
        for waker in told.into_iter().flatten().chain(self.wakers) {
            waker.wake();
        }
    }
}

/// What came of an offer.
pub(super) enum Offer<Id> {
    Accepted(AckSlot<Id>),
    Refused(AckQueueError),
    /// There is no room at present.
    Wait(Id, Message),
}

impl<Id> Gate<Id> {
    pub(super) fn new(window: usize, limit: usize) -> Self {
        let state = State {
            window,
            limit,
            bytes: 0,
            numbers: HashMap::new(),
            accepted: 0,
            incoming: Vec::new(),
            waiters: VecDeque::new(),
            next_waiter: 0,
            layer: None,
            closed: false,
        };
        Self { work: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// Works on the shared state, then wakes whom it concerns, outside the lock.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut State<Id>, &mut News<Id>) -> R) -> R {
        let mut news = News { wakers: Vec::new(), outcomes: Vec::new() };
        let result =
            work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), &mut news);
        news.spread();
        result
    }

    /// Tells the layer to look. It is woken at the first such call after it has looked.
    pub(super) fn notify(&self) {
        if !self.work.swap(true, Ordering::AcqRel) {
            self.with(|state, news| news.wakers.extend(state.layer.clone()));
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
        self.with(|state, _| state.layer = Some(waker.clone()));
    }
}

impl<Id> State<Id> {
    /// How many messages are unacknowledged.
    pub(super) fn held(&self) -> usize {
        self.numbers.len()
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.held() < self.window && self.bytes + bytes <= self.limit
    }

    /// Stands in line, or renews the waker of a place in it. Gives the place.
    pub(super) fn wait(&mut self, place: Option<u64>, waker: &Waker) -> u64 {
        let place = place.unwrap_or_else(|| {
            self.next_waiter += 1;
            self.next_waiter
        });
        match self.waiters.iter_mut().find(|(number, _)| *number == place) {
            Some((_, known)) => known.clone_from(waker),
            None => self.waiters.push_back((place, waker.clone())),
        }
        place
    }

    /// Leaves the line, served or not; who is first now is called if there may be room.
    pub(super) fn leave(&mut self, place: u64, news: &mut News<Id>) {
        self.waiters.retain(|(number, _)| *number != place);
        self.call_first(news);
    }

    /// Calls the first in line if there may be room; each one served calls the next.
    pub(super) fn call_first(&self, news: &mut News<Id>) {
        if self.has_room(0) {
            news.wakers.extend(self.waiters.front().map(|(_, waker)| waker.clone()));
        }
    }

    /// Nothing is accepted any more. Gives what the layer has not taken over.
    pub(super) fn close(&mut self, news: &mut News<Id>) -> Vec<(u64, Entry<Id>)> {
        self.closed = true;
        news.wakers.extend(self.waiters.drain(..).map(|(_, waker)| waker));
        self.numbers.clear();
        self.bytes = 0;
        mem::take(&mut self.incoming)
    }

    /// Tells the receipt of a message why there will be no acknowledgement.
    pub(super) fn fail(entry: Entry<Id>, reason: AckFailure, news: &mut News<Id>) {
        let Entry { id, message, slot, sends, .. } = entry;
        news.outcomes.push((slot, Err(Unacknowledged { id, message, reason, sends })));
    }
}

impl<Id: Clone + Eq + Hash> State<Id> {
    /// Offers a message. `place`: the number of one who stands in line already.
    pub(super) fn offer(&mut self, id: Id, message: Message, place: Option<u64>) -> Offer<Id> {
        if self.closed {
            return Offer::Refused(AckQueueError::Closed(message));
        }
        if message.len() > self.limit {
            return Offer::Refused(AckQueueError::TooLarge(message));
        }
        if self.numbers.contains_key(&id) {
            return Offer::Refused(AckQueueError::Duplicate(message));
        }
        let turn = self.waiters.front().is_none_or(|(first, _)| Some(*first) == place);
        if !(turn && self.has_room(message.len())) {
            return Offer::Wait(id, message);
        }
        let slot = Arc::new(Slot::new());
        self.bytes += message.len();
        self.numbers.insert(id.clone(), self.accepted);
        self.incoming.push((self.accepted, Entry::new(id, message, Arc::clone(&slot))));
        self.accepted += 1;
        Offer::Accepted(slot)
    }

    /// The number of the unacknowledged message with this id.
    pub(super) fn number(&self, id: &Id) -> Option<u64> {
        self.numbers.get(id).copied()
    }

    /// A message was acknowledged. [`call_first`](Self::call_first) is to follow.
    pub(super) fn acknowledge(&mut self, entry: Entry<Id>, news: &mut News<Id>) {
        self.release(&entry);
        news.outcomes.push((entry.slot, Ok(())));
    }

    /// A message was given up. [`call_first`](Self::call_first) is to follow.
    pub(super) fn give_up(&mut self, entry: Entry<Id>, reason: AckFailure, news: &mut News<Id>) {
        self.release(&entry);
        Self::fail(entry, reason, news);
    }

    fn release(&mut self, entry: &Entry<Id>) {
        self.numbers.remove(&entry.id);
        self.bytes -= entry.message.len();
    }
}
