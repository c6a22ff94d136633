//! Futures that put a message into the outbox: [`Queuing`] and [`QueuingWithReceipt`].

use std::{
    fmt,
    future::Future,
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
///
/// # Cancel safety
///
/// If it is dropped before it is ready, the message is not queued.
#[must_use = "nothing is queued until it is awaited"]
pub struct Queuing<'a> {
    enqueue: Enqueue<'a>,
}

/// The future of [`Handle::queue_with_receipt`]. It is ready with a [`Receipt`] when the outbox has
/// accepted the message, or when it has refused it.
///
/// # Cancel safety
///
/// If it is dropped before it is ready, the message is not queued.
#[must_use = "nothing is queued until it is awaited"]
pub struct QueuingWithReceipt<'a> {
    enqueue: Enqueue<'a>,
}

impl<'a> Queuing<'a> {
    pub(crate) fn new(handle: &'a Handle, outgoing: Outgoing) -> Self {
        Self { enqueue: Enqueue::new(handle, outgoing) }
    }
}

impl<'a> QueuingWithReceipt<'a> {
    pub(crate) fn new(handle: &'a Handle, outgoing: Outgoing) -> Self {
        Self { enqueue: Enqueue::new(handle, outgoing) }
    }
}

impl Future for Queuing<'_> {
    type Output = Result<(), QueueError>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().enqueue.poll(cx.waker(), |_| ())
    }
}

impl Future for QueuingWithReceipt<'_> {
    type Output = Result<Receipt, QueueError>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let receipt = |outbox: &mut Outbox| outbox.receipt();
        let accepted = self.get_mut().enqueue.poll(cx.waker(), receipt);
        accepted.map_ok(|receipt| receipt.expect("the accepted message is in the outbox"))
    }
}

impl fmt::Debug for Queuing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queuing").field("message", &self.enqueue.outgoing).finish_non_exhaustive()
    }
}

impl fmt::Debug for QueuingWithReceipt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = &self.enqueue.outgoing;
        f.debug_struct("QueuingWithReceipt").field("message", message).finish_non_exhaustive()
    }
}

/// The shared implementation of both futures.
struct Enqueue<'a> {
    handle: &'a Handle,
    outgoing: Option<Outgoing>,
    /// The place in the queue of waiting tasks.
    place: Option<u64>,
}

impl<'a> Enqueue<'a> {
    fn new(handle: &'a Handle, outgoing: Outgoing) -> Self {
        Self { handle, outgoing: Some(outgoing), place: None }
    }

    /// Offers the message. Calls `accepted` under the lock if the outbox has accepted it.
    #[inline]
    fn poll<R>(
        &mut self,
        waker: &Waker,
        accepted: impl Fn(&mut Outbox) -> R,
    ) -> Poll<Result<R, QueueError>> {
        let outgoing = self.outgoing.as_ref().expect("polled after it was ready");
        let (bytes, sink_id) = (outgoing.message.len(), self.handle.sink_id());
        let shared = self.handle.shared();
        let polled = poll_registering(waker, |own| {
            shared.with(|state, deferred| {
                let outbox = &mut state.outbox;
                let admission = outbox.offer(&mut self.outgoing, self.place, sink_id, deferred);
                if admission != Admission::Wait {
                    if let Some(place) = self.place.take() {
                        outbox.forget_waiter(place, deferred);
                    }
                    let result = (admission == Admission::Accepted).then(|| accepted(outbox));
                    return Polled::Ready((admission, result));
                }
                let place = *self.place.get_or_insert_with(|| outbox.draw_number());
                let wants = Wants::Room { bytes };
                if outbox.is_registered(place, wants, waker) {
                    return Polled::Registered;
                }
                let Some(own) = own.take() else { return Polled::NeedsWaker };
                outbox.register(place, wants, own, deferred);
                // It must not wait for a slot that the sink of the same handle has reserved.
                outbox.release_reservation(sink_id);
                Polled::Registered
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

impl Drop for Enqueue<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.handle
                .shared()
                .with(|state, deferred| state.outbox.forget_waiter(place, deferred));
        }
    }
}
