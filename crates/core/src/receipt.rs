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
/// # Cancel safety
///
/// Dropping it changes nothing for the message. With it goes the message that it would have given
/// back.
#[must_use = "a receipt that is dropped tells nobody what became of the message"]
pub struct Receipt {
    slot: Arc<Slot>,
}

/// The place where supervisor and receipt meet.
#[derive(Default)]
pub(crate) struct Slot {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fate: Option<Fate>,
    waker: Option<Waker>,
}

impl Slot {
    pub(crate) fn pair() -> (Arc<Self>, Receipt) {
        let slot = Arc::new(Self::default());
        (Arc::clone(&slot), Receipt { slot })
    }

    /// Delivers the fate.
    pub(crate) fn settle(&self, fate: Fate) {
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
}

impl Future for Receipt {
    type Output = Fate;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Fate> {
        let mut state = self.slot.state.lock().unwrap_or_else(PoisonError::into_inner);
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

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}
