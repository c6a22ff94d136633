//! Polls a state behind a lock: [`poll_registering`].

use std::task::{Poll, Waker};

use super::guarded::Deferred;

/// The result of one attempt under the lock.
pub(crate) enum Polled<R> {
    Ready(R),
    /// The task must wait, and its waker is registered.
    Registered,
    /// The task must wait, and its waker is not registered yet.
    NeedsWaker,
}

/// The task that polls.
pub(crate) struct Caller<'a> {
    waker: &'a Waker,
    /// A clone of the waker, after it was needed.
    clone: Option<Waker>,
}

impl Caller<'_> {
    /// Registers the task in this slot, unless the waker there wakes the same task.
    #[inline]
    pub(crate) fn wait_in<R>(
        &mut self,
        slot: &mut Option<Waker>,
        deferred: &mut Deferred<'_>,
    ) -> Polled<R> {
        if !slot.as_ref().is_some_and(|known| known.will_wake(self.waker)) {
            let Some(clone) = self.clone.take() else { return Polled::NeedsWaker };
            deferred.drop_waker(slot.replace(clone));
        }
        Polled::Registered
    }
}

/// Makes an attempt, and a second one with a clone of the waker if the first one needs the waker.
/// So the waker is cloned outside of the lock, and only if the task must wait.
#[inline]
pub(crate) fn poll_registering<R>(
    waker: &Waker,
    mut attempt: impl FnMut(&mut Caller<'_>) -> Polled<R>,
) -> Poll<R> {
    let mut caller = Caller { waker, clone: None };
    loop {
        match attempt(&mut caller) {
            Polled::Ready(result) => return Poll::Ready(result),
            Polled::Registered => return Poll::Pending,
            Polled::NeedsWaker => caller.clone = Some(waker.clone()),
        }
    }
}
