//! The future that puts a message into the outbox: [`Queuing`].

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
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
        Self { handle, outgoing: Some(outgoing), place: None, output: PhantomData }
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
                let admission = outbox.offer(&mut self.outgoing, self.place, sink.id, deferred);
                if admission == Admission::Wait {
                    // It must not wait for a slot that the sink of the same handle has reserved.
                    outbox.release_reservation(sink.id);
                    return outbox.wait(&mut self.place, Wants::Room { bytes }, caller, deferred);
                }
                outbox.leave(&mut self.place, deferred);
                let result = (admission == Admission::Accepted).then(|| accepted(outbox));
                Polled::Ready((admission, result))
            })
        });
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
