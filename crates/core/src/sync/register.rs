//! Polls a state behind a lock: [`poll_registering`].

use std::task::{Poll, Waker};

/// The result of one attempt under the lock.
pub(crate) enum Polled<R> {
    Ready(R),
    /// The task must wait, and its waker is registered.
    Registered,
    /// The task must wait, and its waker is not registered yet.
    NeedsWaker,
}

/// Makes an attempt, and a second one with a clone of the waker if the first one needs the waker.
/// So the waker is cloned outside of the lock, and only if the task must wait.
#[inline]
pub(crate) fn poll_registering<R>(
    waker: &Waker,
    mut attempt: impl FnMut(&mut Option<Waker>) -> Polled<R>,
) -> Poll<R> {
    let mut own = None;
    loop {
        match attempt(&mut own) {
            Polled::Ready(result) => return Poll::Ready(result),
            Polled::Registered => return Poll::Pending,
            Polled::NeedsWaker => own = Some(waker.clone()),
        }
    }
}
