//! Tasks that wait for their turn: [`WaitQueue`].

use std::{collections::VecDeque, task::Waker};

use super::{
    guarded::Deferred,
    register::{Caller, Polled},
};

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
    /// `None` until the task has registered it, and after the task was woken, until it registers
    /// again.
    waker: Option<Waker>,
}

impl<W> Default for WaitQueue<W> {
    fn default() -> Self {
        Self { waiters: VecDeque::new() }
    }
}

impl<W: Copy> WaitQueue<W> {
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

    /// Returns the resource for which the waiter at this place waits, if there is one.
    pub(crate) fn get(&self, place: u64) -> Option<W> {
        self.find(place).ok().map(|index| self.waiters[index].wants)
    }

    /// Changes the resource for which the waiter with this index waits.
    pub(crate) fn set_wants(&mut self, index: usize, wants: W) {
        self.waiters[index].wants = wants;
    }

    /// Sets the resource for which the waiter at this place waits. Adds the waiter if there is none.
    /// Returns the slot for its waker.
    pub(crate) fn set(&mut self, place: u64, wants: W) -> &mut Option<Waker> {
        let index = self.find(place).unwrap_or_else(|index| {
            // The index is mostly that of the end, since places grow with the time of arrival.
            self.waiters.insert(index, Waiter { place, wants, waker: None });
            index
        });
        let waiter = &mut self.waiters[index];
        waiter.wants = wants;
        &mut waiter.waker
    }

    /// Registers a task at this place, where it waits until it is removed.
    pub(crate) fn wait<R>(
        &mut self,
        place: u64,
        wants: W,
        caller: &mut Caller<'_>,
        deferred: &mut Deferred<'_>,
    ) -> Polled<R> {
        caller.wait_in(self.set(place, wants), deferred)
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
        let wakers = self.waiters.drain(..).filter_map(|known| known.waker);
        wakers.for_each(|waker| deferred.wake(waker));
    }

    /// Returns the index of the waiter at this place. If there is none, returns the index that it
    /// would get.
    pub(crate) fn find(&self, place: u64) -> Result<usize, usize> {
        self.waiters.binary_search_by_key(&place, |waiter| waiter.place)
    }
}
