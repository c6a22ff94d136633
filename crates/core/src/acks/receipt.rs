//! The result of one message: [`AckReceipt`] and [`Unacknowledged`].

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
    sync::{Deferred, Guarded, Polled, poll_registering},
};

/// The output of a receipt.
pub(super) type Outcome<Id> = Result<(), Unacknowledged<Id>>;

/// The slot by which the layer resolves a receipt.
pub(super) type AckSlot<Id> = Arc<Slot<Outcome<Id>>>;

/// A future that resolves when the server has acknowledged one message, or when the layer has given
/// the message up. [`AckSender::queue`](super::AckSender::queue) returns it.
///
/// # Cancel safety and drop behaviour
///
/// Dropping the receipt changes nothing for the message. Its outcome is then lost.
#[must_use = "dropping the receipt loses the outcome of the message"]
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

/// The error of a receipt: a message that was accepted and never acknowledged. It returns the
/// message.
///
/// The server may have received the message nevertheless, unless [`sends`](Self::sends) is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unacknowledged<Id> {
    /// The id of the message.
    pub id: Id,
    /// The message.
    pub message: Message,
    /// Why the layer has given it up.
    pub reason: AckFailure,
    /// How often the message was handed to a connection. If 0, the server cannot have received it.
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
    /// It was sent again as often as [`AckSettings::resends`](super::AckSettings::resends) allows,
    /// and the last timeout has passed.
    Timeout,
    /// It was the oldest message on more lost connections than
    /// [`AckSettings::max_connection_losses`](super::AckSettings::max_connection_losses) allows.
    Losses,
    /// The session has ended, or the layer was dropped.
    SessionEnded,
}

impl AckFailure {
    /// The name of the reason in `snake_case`, for logs. The names are stable.
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
            Self::Timeout => "the acknowledgement did not come in time",
            Self::Losses => "too many connections were lost with it as the oldest message",
            Self::SessionEnded => "the session has ended",
        })
    }
}

/// One outcome, and the task that waits for it.
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

    /// Sets the outcome. The waiting task is woken after the lock.
    pub(super) fn settle<'g>(&self, outcome: T, deferred: &mut Deferred<'g>) {
        self.state.inside(deferred, |state, deferred| {
            debug_assert!(state.outcome.is_none(), "a message has one outcome");
            state.outcome = Some(outcome);
            if let Some(waker) = state.waker.take() {
                deferred.wake(waker);
            }
        });
    }

    /// Returns the outcome, once. Before that, keeps the last waker to call.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<T> {
        poll_registering(cx.waker(), |own| {
            self.state.with(|state, deferred| {
                if let Some(outcome) = state.outcome.take() {
                    return Polled::Ready(outcome);
                }
                if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    let Some(own) = own.take() else { return Polled::NeedsWaker };
                    deferred.drop_waker(state.waker.replace(own));
                }
                Polled::Registered
            })
        })
    }
}
