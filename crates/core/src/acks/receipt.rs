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

/// The slot by which the layer resolves a receipt.
pub(super) type AckSlot<Id> = Arc<Guarded<Slot<Id>>>;

/// The output of a receipt, and the task that waits for it.
pub(super) struct Slot<Id> {
    outcome: Option<Result<(), Unacknowledged<Id>>>,
    waker: Option<Waker>,
}

impl<Id> Default for Slot<Id> {
    fn default() -> Self {
        Self { outcome: None, waker: None }
    }
}

impl<Id> Slot<Id> {
    /// Sets the outcome, and wakes the waiting task.
    pub(super) fn settle(
        &mut self,
        outcome: Result<(), Unacknowledged<Id>>,
        deferred: &mut Deferred<'_>,
    ) {
        debug_assert!(self.outcome.is_none(), "a message has one outcome");
        self.outcome = Some(outcome);
        self.waker.take().into_iter().for_each(|waker| deferred.wake(waker));
    }
}

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
        poll_registering(cx.waker(), |caller| {
            self.slot.with(|slot, deferred| match slot.outcome.take() {
                Some(outcome) => Polled::Ready(outcome),
                None => caller.wait_in(&mut slot.waker, deferred),
            })
        })
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
