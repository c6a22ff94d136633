//! How a message ended: [`AckReceipt`], [`Unacknowledged`].

use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::{
    message::Message,
    sync::{Garbage, Guarded},
};

/// What a receipt resolves to.
pub(super) type Outcome<Id> = Result<(), Unacknowledged<Id>>;

/// Where a receipt meets the layer.
pub(super) type AckSlot<Id> = Arc<Slot<Outcome<Id>>>;

/// A future of one message's acknowledgement, or of the reason why there will be none.
///
/// # Cancel safety and drop behaviour
///
/// Dropping it changes nothing for the message. With it goes the only word of what became of it.
#[must_use = "a receipt that is dropped tells nobody what became of the message"]
pub struct AckReceipt<Id> {
    pub(super) slot: AckSlot<Id>,
}

impl<Id> Future for AckReceipt<Id> {
    type Output = Result<(), Unacknowledged<Id>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.slot.poll(cx)
    }
}

impl<Id> fmt::Debug for AckReceipt<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckReceipt").finish_non_exhaustive()
    }
}

/// A message that was accepted and never acknowledged, given back.
///
/// Unless [`sends`](Self::sends) is 0 the server may have it all the same: what is missing is its
/// word.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unacknowledged<Id> {
    /// Its id.
    pub id: Id,
    /// The message.
    pub message: Message,
    /// Why the layer waits no longer.
    pub reason: AckFailure,
    /// How often it was given to a connection. 0: the server cannot have it.
    pub sends: u32,
}

impl<Id> fmt::Display for Unacknowledged<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = if self.sends == 1 { "time" } else { "times" };
        write!(f, "not acknowledged, sent {} {times}: {}", self.sends, self.reason)
    }
}

impl<Id: fmt::Debug> Error for Unacknowledged<Id> {}

/// Why the layer no longer waits for an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AckFailure {
    /// It was sent again as often as [`AckSettings::resends`](crate::AckSettings::resends) allows, and the last
    /// timeout passed, too.
    Timeout,
    /// More connections were lost over it than [`AckSettings::max_connection_losses`](crate::AckSettings::max_connection_losses) allows.
    Losses,
    /// The session ended first, or the layer was dropped.
    SessionEnded,
}

impl AckFailure {
    /// The reason in one lower-case word, for logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Losses => "losses",
            Self::SessionEnded => "session_ended",
        }
    }
}

impl fmt::Display for AckFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "no answer in time, as often as allowed",
            Self::Losses => "too many connections were lost over it",
            Self::SessionEnded => "the session ended",
        })
    }
}

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
