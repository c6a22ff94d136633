//! [`Waiters`]: the wakers of waiting tasks of the test.

use std::task::Waker;

/// The wakers of futures that wait for the same change.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    wakers: Vec<Waker>,
}

impl Waiters {
    /// Adds a waker, unless it is registered already.
    pub(crate) fn register(&mut self, waker: &Waker) {
        if !self.wakers.iter().any(|known| known.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
    }

    /// Takes all wakers. The caller wakes them with no lock held.
    pub(crate) fn take(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wakers)
    }
}
