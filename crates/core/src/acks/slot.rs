//! Where one message's receipt meets the layer: [`Slot`].

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// One outcome, and the one who waits for it.
pub(super) struct Slot<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    outcome: Option<T>,
    waker: Option<Waker>,
}

impl<T> Slot<T> {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State { outcome: None, waker: None }) }
    }

    /// Delivers the outcome. Gives whom to wake.
    #[must_use]
    pub(super) fn settle(&self, outcome: T) -> Option<Waker> {
        let mut state = self.lock();
        debug_assert!(state.outcome.is_none(), "a message has one outcome");
        state.outcome = Some(outcome);
        state.waker.take()
    }

    /// The outcome, once; until then the last waker is called when it comes.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<T> {
        let mut state = self.lock();
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome);
        }
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            let old = state.waker.replace(cx.waker().clone());
            drop(state);
            // Out of the lock: this may end a task, and whatever it owns.
            drop(old);
        }
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
