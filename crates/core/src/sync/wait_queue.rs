//! Tasks that wait for their turn: [`WaitQueue`].

use std::{collections::VecDeque, task::Waker};

use super::guarded::Deferred;

/// Waiting tasks, ordered by their places. A place is a number that grows with the time of arrival.
///
/// `W` describes the resource for which a task waits. The owner of the queue knows whether it is
/// available.
pub(crate) struct WaitQueue<W> {
    waiters: VecDeque<Waiter<W>>,
}

struct Waiter<W> {
    place: u64,
    wants: W,
    /// `None` after the task was woken, until it registers again.
    waker: Option<Waker>,
}

impl<W> Default for WaitQueue<W> {
    fn default() -> Self {
        Self { waiters: VecDeque::new() }
    }
}

impl<W: Copy + PartialEq> WaitQueue<W> {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Returns the place of the first waiter, and the resource for which it waits.
    pub(crate) fn first(&self) -> Option<(u64, W)> {
        self.at(0)
    }

    /// Returns the place of the waiter with this index, and the resource for which it waits.
    pub(crate) fn at(&self, index: usize) -> Option<(u64, W)> {
        self.waiters.get(index).map(|waiter| (waiter.place, waiter.wants))
    }

    /// Changes the resource for which the waiter with this index waits.
    pub(crate) fn set_wants(&mut self, index: usize, wants: W) {
        self.waiters[index].wants = wants;
    }

    /// Returns whether the waiter at this place waits for `wants` and is woken by this waker.
    pub(crate) fn is_registered(&self, place: u64, wants: W, waker: &Waker) -> bool {
        self.find(place).is_ok_and(|index| {
            let Waiter { wants: known, waker: known_waker, .. } = &self.waiters[index];
            *known == wants && known_waker.as_ref().is_some_and(|known| known.will_wake(waker))
        })
    }

    /// Registers a waiter at this place, or replaces the one there.
    pub(crate) fn register(
        &mut self,
        place: u64,
        wants: W,
        waker: Waker,
        deferred: &mut Deferred<'_>,
    ) {
        let waker = Some(waker);
        match self.find(place) {
            Ok(index) => {
                let old =
                    std::mem::replace(&mut self.waiters[index], Waiter { place, wants, waker });
                deferred.drop_waker(old.waker);
            }
            // The index is that of the end, except for a waiter that was removed when it was woken
            // and has kept its place.
            Err(index) => self.waiters.insert(index, Waiter { place, wants, waker }),
        }
    }

    /// Removes the waiter at this place, if there is one.
    pub(crate) fn remove(&mut self, place: u64, deferred: &mut Deferred<'_>) {
        if let Some(left) = self.find(place).ok().and_then(|index| self.waiters.remove(index)) {
            deferred.drop_waker(left.waker);
        }
    }

    /// Wakes the waiter with this index, unless it was woken since it last registered. It keeps its
    /// place.
    pub(crate) fn wake(&mut self, index: usize, deferred: &mut Deferred<'_>) {
        if let Some(waker) = self.waiters[index].waker.take() {
            deferred.wake(waker);
        }
    }

    /// Wakes the waiter with this index and removes it.
    pub(crate) fn wake_and_remove(&mut self, index: usize, deferred: &mut Deferred<'_>) {
        if let Some(waker) = self.waiters.remove(index).and_then(|waiter| waiter.waker) {
            deferred.wake(waker);
        }
    }

    /// Wakes and removes all waiters.
    pub(crate) fn wake_all(&mut self, deferred: &mut Deferred<'_>) {
        let wakers = std::mem::take(&mut self.waiters).into_iter().filter_map(|known| known.waker);
        wakers.for_each(|waker| deferred.wake(waker));
    }

    /// Returns the index of the waiter at this place. If there is none, returns the index that it
    /// would get.
    pub(crate) fn find(&self, place: u64) -> Result<usize, usize> {
        self.waiters.binary_search_by_key(&place, |waiter| waiter.place)
    }
}
