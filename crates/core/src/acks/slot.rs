//! Where one message's receipt meets the layer: [`Slot`].

use std::task::{Context, Poll, Waker};

use crate::guarded::{Garbage, Guarded};

/// One outcome, and the one who waits for it.
pub(super) struct Slot<T> {
    state: Guarded<State<T>>,
}

struct State<T> {
    outcome: Option<T>,
    waker: Option<Waker>,
}

impl<T> Slot<T> {
    pub(super) fn new() -> Self {
        Self { state: Guarded::new(State { outcome: None, waker: None }) }
    }

    /// Delivers the outcome. Who waits for it is called when the garbage is emptied.
    pub(super) fn settle<'g>(&self, outcome: T, garbage: &mut Garbage<'g>) {
        self.state.inside(garbage, |state, garbage| {
            debug_assert!(state.outcome.is_none(), "a message has one outcome");
            state.outcome = Some(outcome);
            if let Some(waker) = state.waker.take() {
                garbage.wake(waker);
            }
        });
    }

    /// The outcome, once; until then the last waker is called when it comes.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<T> {
        let mut own = None;
        loop {
            let look = self.state.with(|state, garbage| {
                if let Some(outcome) = state.outcome.take() {
                    return Some(Poll::Ready(outcome));
                }
                if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    garbage.drop_waker(state.waker.replace(own.take()?));
                }
                Some(Poll::Pending)
            });
            match look {
                Some(result) => return result,
                // Cloned outside of the lock, and only by one who must wait.
                None => own = Some(cx.waker().clone()),
            }
        }
    }
}
