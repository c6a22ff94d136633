//! The promise of a fate: [`Receipt`].

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::Fate;

/// A future of one message's [`Fate`].
///
/// Polled again after it was ready, it stays pending.
///
/// # Cancel safety
///
/// Dropping it changes nothing for the message. With it goes the message that it would have given
/// back.
#[must_use = "a receipt that is dropped tells nobody what became of the message"]
pub struct Receipt {
    slot: Arc<Slot>,
}

/// The place where a receipt meets the one who knows what became of the message.
pub(crate) struct Slot<F = Fate> {
    state: Mutex<State<F>>,
}

struct State<F> {
    fate: Option<F>,
    waker: Option<Waker>,
}

impl Slot {
    pub(crate) fn pair() -> (Arc<Self>, Receipt) {
        let slot = Arc::new(Self::new());
        (Arc::clone(&slot), Receipt { slot })
    }
}

impl<F> Slot<F> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { fate: None, waker: None }) }
    }

    /// Delivers the fate.
    pub(crate) fn settle(&self, fate: F) {
        let waker = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            debug_assert!(state.fate.is_none(), "a message has one fate");
            state.fate = Some(fate);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The fate, once; until then the last waker is called when it comes.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<F> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.fate.take() {
            Some(fate) => Poll::Ready(fate),
            None => {
                if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    state.waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

impl Future for Receipt {
    type Output = Fate;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Fate> {
        self.slot.poll(cx)
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}
