//! Tasks that wait for their turn: [`WaitLine`].

use std::{collections::VecDeque, task::Waker};

use super::guarded::Garbage;

/// Waiting tasks, ordered by their places. A place is a number that grows with the time of arrival.
///
/// `W` describes what a task waits for. The owner of the queue knows whether that is available.
pub(crate) struct WaitLine<W> {
    waiters: VecDeque<Waiter<W>>,
}

struct Waiter<W> {
    place: u64,
    wants: W,
    /// `None` after the task was woken, until it registers again.
    waker: Option<Waker>,
}

impl<W> Default for WaitLine<W> {
    fn default() -> Self {
        Self { waiters: VecDeque::new() }
    }
}

impl<W: Copy + PartialEq> WaitLine<W> {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Returns the place of the first waiter, and what it waits for.
    pub(crate) fn first(&self) -> Option<(u64, W)> {
        self.at(0)
    }

    /// Returns the place of the waiter with this index, and what it waits for.
    pub(crate) fn at(&self, index: usize) -> Option<(u64, W)> {
        self.waiters.get(index).map(|waiter| (waiter.place, waiter.wants))
    }

    /// Returns whether the waiter at this place waits for `wants` and is woken by this waker.
    pub(crate) fn knows(&self, place: u64, wants: W, waker: &Waker) -> bool {
        self.find(place).is_ok_and(|index| {
            let Waiter { wants: known, waker: known_waker, .. } = &self.waiters[index];
            *known == wants && known_waker.as_ref().is_some_and(|known| known.will_wake(waker))
        })
    }

    /// Registers a waiter at this place, or replaces the one there.
    pub(crate) fn stand(&mut self, place: u64, wants: W, waker: Waker, garbage: &mut Garbage<'_>) {
        let waker = Some(waker);
        match self.find(place) {
            Ok(index) => {
                let old =
                    std::mem::replace(&mut self.waiters[index], Waiter { place, wants, waker });
                garbage.drop_waker(old.waker);
            }
            // The index is that of the end, except for a waiter that was removed when it was woken
            // and has kept its place.
            Err(index) => self.waiters.insert(index, Waiter { place, wants, waker }),
        }
    }

    /// Removes the waiter at this place, if there is one.
    pub(crate) fn leave(&mut self, place: u64, garbage: &mut Garbage<'_>) {
        if let Some(left) = self.find(place).ok().and_then(|index| self.waiters.remove(index)) {
            garbage.drop_waker(left.waker);
        }
    }

    /// Wakes the waiter with this index, unless it was woken since it last registered. It keeps its
    /// place.
    pub(crate) fn call(&mut self, index: usize, garbage: &mut Garbage<'_>) {
        if let Some(waker) = self.waiters[index].waker.take() {
            garbage.wake(waker);
        }
    }

    /// Wakes the waiter with this index and removes it.
    pub(crate) fn call_out(&mut self, index: usize, garbage: &mut Garbage<'_>) {
        if let Some(waker) = self.waiters.remove(index).and_then(|waiter| waiter.waker) {
            garbage.wake(waker);
        }
    }

    /// Wakes and removes all waiters.
    pub(crate) fn call_all(&mut self, garbage: &mut Garbage<'_>) {
        let wakers = std::mem::take(&mut self.waiters).into_iter().filter_map(|known| known.waker);
        wakers.for_each(|waker| garbage.wake(waker));
    }

    fn find(&self, place: u64) -> Result<usize, usize> {
        self.waiters.binary_search_by_key(&place, |waiter| waiter.place)
    }
}
