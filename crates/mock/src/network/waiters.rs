//! Those who wait on the test's side of a mock.

use std::task::Waker;

/// The wakers of futures that wait for the same news.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    wakers: Vec<Waker>,
}

impl Waiters {
    /// Adds a waker that is not there yet.
    pub(crate) fn register(&mut self, waker: &Waker) {
        if !self.wakers.iter().any(|known| known.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
    }

    /// Takes all of them, to be woken with no lock held.
    pub(crate) fn take(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wakers)
    }
}
