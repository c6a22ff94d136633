//! A message on its way into the outbox: [`Queuing`] and [`QueuingWithReceipt`].

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use crate::{
    Handle, Outgoing, QueueError, Receipt,
    queue::{Offered, Queue},
};

/// A message that waits to be accepted, see [`Handle::queue`].
#[must_use = "nothing is queued until it is awaited"]
pub struct Queuing<'a> {
    way: Way<'a>,
}

/// A message that waits to be accepted, see [`Handle::queue_with_receipt`].
#[must_use = "nothing is queued until it is awaited"]
pub struct QueuingWithReceipt<'a> {
    way: Way<'a>,
}

impl<'a> Queuing<'a> {
    pub(crate) fn new(handle: &'a Handle, outgoing: Outgoing) -> Self {
        Self { way: Way::new(handle, outgoing) }
    }
}

impl<'a> QueuingWithReceipt<'a> {
    pub(crate) fn new(handle: &'a Handle, outgoing: Outgoing) -> Self {
        Self { way: Way::new(handle, outgoing) }
    }
}

impl Future for Queuing<'_> {
    type Output = Result<(), QueueError>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().way.poll(cx.waker(), |_| ())
    }
}

impl Future for QueuingWithReceipt<'_> {
    type Output = Result<Receipt, QueueError>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let receipt = |queue: &mut Queue| queue.receipt();
        let accepted = self.get_mut().way.poll(cx.waker(), receipt);
        accepted.map_ok(|receipt| receipt.expect("what was accepted just now is in the outbox"))
    }
}

impl fmt::Debug for Queuing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queuing").field("message", &self.way.outgoing).finish_non_exhaustive()
    }
}

impl fmt::Debug for QueuingWithReceipt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = &self.way.outgoing;
        f.debug_struct("QueuingWithReceipt").field("message", message).finish_non_exhaustive()
    }
}

/// What both have in common.
struct Way<'a> {
    handle: &'a Handle,
    outgoing: Option<Outgoing>,
    /// The place in line.
    place: Option<u64>,
}

impl<'a> Way<'a> {
    fn new(handle: &'a Handle, outgoing: Outgoing) -> Self {
        Self { handle, outgoing: Some(outgoing), place: None }
    }

    /// Offers the message; `accepted` is called with the outbox that has taken it.
    #[inline]
    fn poll<R>(
        &mut self,
        waker: &Waker,
        accepted: impl FnOnce(&mut Queue) -> R,
    ) -> Poll<Result<R, QueueError>> {
        assert!(self.outgoing.is_some(), "polled after it was ready");
        let shared = self.handle.shared();
        let (offered, result) = shared.with(|state, news| {
            let queue = &mut state.queue;
            let offered = queue.offer(&mut self.outgoing, self.place, false, news);
            let result = (offered == Offered::Accepted).then(|| accepted(queue));
            if offered == Offered::Wait {
                let place = *self.place.get_or_insert_with(|| queue.draw_number());
                queue.wait(place, waker, true, news);
            } else if let Some(place) = self.place.take() {
                queue.leave(place, news);
            }
            (offered, result)
        });
        if let Some(result) = result {
            shared.notify();
            return Poll::Ready(Ok(result));
        }
        match self.outgoing.take_if(|_| offered != Offered::Wait) {
            Some(outgoing) => Poll::Ready(Err(offered.error(outgoing.message))),
            None => Poll::Pending,
        }
    }
}

impl Drop for Way<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.handle.shared().with(|state, news| state.queue.leave(place, news));
        }
    }
}
