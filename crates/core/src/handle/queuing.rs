//! The future that puts a message into the outbox: [`Queuing`].

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use super::Handle;
use crate::{
    message::Outgoing,
    outbox::{Admission, Outbox, QueueError, Receipt, Wants},
    sync::{Polled, poll_registering},
};

/// The future of [`Handle::queue`]. It is ready when the outbox has accepted or refused the message.
/// That of [`Handle::queue_with_receipt`] is a [`QueuingWithReceipt`].
///
/// # Cancel safety
///
/// If it is dropped before it is ready, the message is not queued.
#[must_use = "nothing is queued until it is awaited"]
pub struct Queuing<'a, R = ()> {
    handle: &'a Handle,
    outgoing: Option<Outgoing>,
    /// The place in the queue of waiting tasks.
    place: Option<u64>,
    /// The longest wait for room, until the outbox knows it.
    within: Option<Duration>,
    output: PhantomData<fn() -> R>,
}

/// The future of [`Handle::queue_with_receipt`]. It is ready with a [`Receipt`] when the outbox has
/// accepted the message, or when it has refused it.
///
/// # Cancel safety
///
/// If it is dropped before it is ready, the message is not queued.
pub type QueuingWithReceipt<'a> = Queuing<'a, Receipt>;

impl<'a, R> Queuing<'a, R> {
    pub(super) fn new(handle: &'a Handle, outgoing: Outgoing) -> Self {
        let outgoing = Some(outgoing);
        Self { handle, outgoing, place: None, within: None, output: PhantomData }
    }

    /// Limits the time until the message is handed to a connection.
    pub(crate) fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        limit_age(&mut self.outgoing, time);
        self
    }

    /// Gives up and returns the message.
    pub(crate) fn give_up(mut self) -> QueueError {
        let outgoing = self.outgoing.take().expect("it is not ready");
        Admission::Full.error(outgoing.message)
    }

    /// Offers the message. Calls `accepted` under the lock if the outbox has accepted it.
    #[inline]
    fn poll_offer(
        &mut self,
        waker: &Waker,
        accepted: impl Fn(&mut Outbox) -> R,
    ) -> Poll<Result<R, QueueError>> {
        let outgoing = self.outgoing.as_ref().expect("polled after it was ready");
        let bytes = outgoing.message.len();
        let Handle { shared, sink } = self.handle;
        let polled = poll_registering(waker, |caller| {
            shared.with(|state, deferred| {
                let outbox = &mut state.outbox;
                let rest = outbox.rest_of_limit(self.place);
                if let Some(rest) = rest {
                    limit_age(&mut self.outgoing, rest);
                }
                let admission = outbox.offer(&mut self.outgoing, self.place, sink.id, deferred);
                if admission == Admission::Wait {
                    // It must not wait for a slot that the sink of the same handle has reserved.
                    outbox.release_reservation(sink.id);
                    if rest.is_some_and(|rest| rest.is_zero()) {
                        outbox.leave(&mut self.place, deferred);
                        return Polled::Ready((Admission::Full, None));
                    }
                    return outbox.wait(&mut self.place, Wants::Room { bytes }, caller, deferred);
                }
                outbox.leave(&mut self.place, deferred);
                let result = (admission == Admission::Accepted).then(|| accepted(outbox));
                Polled::Ready((admission, result))
            })
        });
        if let Some(place) = self.place
            && let Some(within) = self.within.take()
        {
            // The driver has the clock.
            shared.with(|state, _| state.outbox.limit_wait(place, within));
            shared.notify();
        }
        match ready!(polled) {
            (_, Some(result)) => {
                shared.notify();
                Poll::Ready(Ok(result))
            }
            (admission, None) => {
                let outgoing = self.outgoing.take().expect("a refused message is not taken");
                Poll::Ready(Err(admission.error(outgoing.message)))
            }
        }
    }
}

/// The message expires after this time, or earlier if it would anyway.
fn limit_age(outgoing: &mut Option<Outgoing>, limit: Duration) {
    if let Some(Outgoing { max_age, .. }) = outgoing {
        *max_age = Some(max_age.map_or(limit, |age| age.min(limit)));
    }
}

impl Future for Queuing<'_> {
    type Output = Result<(), QueueError>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().poll_offer(cx.waker(), |_| ())
    }
}

impl Future for QueuingWithReceipt<'_> {
    type Output = Result<Receipt, QueueError>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().poll_offer(cx.waker(), Outbox::receipt)
    }
}

impl<R> Drop for Queuing<'_, R> {
    #[inline]
    fn drop(&mut self) {
        if self.place.is_some() {
            let shared = &self.handle.shared;
            shared.with(|state, deferred| state.outbox.leave(&mut self.place, deferred));
        }
    }
}

impl<R> fmt::Debug for Queuing<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queuing").field("message", &self.outgoing).finish_non_exhaustive()
    }
}
