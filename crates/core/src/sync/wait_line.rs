//! Those who wait for their turn: [`WaitLine`].

use std::{collections::VecDeque, task::Waker};

use super::guarded::Garbage;

/// Waiting tasks in the order of their places, which are numbers in the order of arrival.
///
/// What each of them waits for is `W`; whether that is possible is known to who owns the line.
pub(crate) struct WaitLine<W> {
    waiters: VecDeque<Waiter<W>>,
}

struct Waiter<W> {
    place: u64,
    wants: W,
    /// `None` once it was called, until it comes back to look.
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

    /// The place of the first, and what it waits for.
    pub(crate) fn first(&self) -> Option<(u64, W)> {
        self.at(0)
    }

    /// The place of the waiter with this index, and what it waits for.
    pub(crate) fn at(&self, index: usize) -> Option<(u64, W)> {
        self.waiters.get(index).map(|waiter| (waiter.place, waiter.wants))
    }

    /// Whether who stands at this place waits for just that, and would be called by this waker.
    pub(crate) fn knows(&self, place: u64, wants: W, waker: &Waker) -> bool {
        self.find(place).is_ok_and(|index| {
            let Waiter { wants: known, waker: known_waker, .. } = &self.waiters[index];
            *known == wants && known_waker.as_ref().is_some_and(|known| known.will_wake(waker))
        })
    }

    /// Stands in line at this place, or comes back to it.
    pub(crate) fn stand(&mut self, place: u64, wants: W, waker: Waker, garbage: &mut Garbage<'_>) {
        let waker = Some(waker);
        match self.find(place) {
            Ok(index) => {
                let old =
                    std::mem::replace(&mut self.waiters[index], Waiter { place, wants, waker });
                garbage.drop_waker(old.waker);
            }
            // At the end, but for one who left the line when it was called and kept its place.
            Err(index) => self.waiters.insert(index, Waiter { place, wants, waker }),
        }
    }

    /// Leaves the line, served or not.
    pub(crate) fn leave(&mut self, place: u64, garbage: &mut Garbage<'_>) {
        if let Some(left) = self.find(place).ok().and_then(|index| self.waiters.remove(index)) {
            garbage.drop_waker(left.waker);
        }
    }

    /// Calls the waiter with this index, once until it comes back. It stays in line.
    pub(crate) fn call(&mut self, index: usize, garbage: &mut Garbage<'_>) {
        if let Some(waker) = self.waiters[index].waker.take() {
            garbage.wake(waker);
        }
    }

    /// Calls the waiter with this index, which leaves the line by that.
    pub(crate) fn call_out(&mut self, index: usize, garbage: &mut Garbage<'_>) {
        if let Some(waker) = self.waiters.remove(index).and_then(|waiter| waiter.waker) {
            garbage.wake(waker);
        }
    }

    /// Calls all, and ends the line.
    pub(crate) fn call_all(&mut self, garbage: &mut Garbage<'_>) {
        let wakers = std::mem::take(&mut self.waiters).into_iter().filter_map(|known| known.waker);
        wakers.for_each(|waker| garbage.wake(waker));
    }

    fn find(&self, place: u64) -> Result<usize, usize> {
        self.waiters.binary_search_by_key(&place, |waiter| waiter.place)
    }
}
