//! A message on its way into the outbox: [`Queuing`] and [`QueuingWithReceipt`].

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::Handle;
use crate::{
    message::Outgoing,
    outbox::{Offered, Outbox, QueueError, Receipt, Wants},
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
        let receipt = |queue: &mut Outbox| queue.receipt();
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
        accepted: impl Fn(&mut Outbox) -> R,
    ) -> Poll<Result<R, QueueError>> {
        let outgoing = self.outgoing.as_ref().expect("polled after it was ready");
        let (bytes, owner) = (outgoing.message.len(), self.handle.owner());
        let shared = self.handle.shared();
        // Cloned outside of the lock, and only where somebody waits.
        let mut own = None;
        loop {
            let look = shared.with(|state, garbage| {
                let queue = &mut state.outbox;
                let offered = queue.offer(&mut self.outgoing, self.place, owner, garbage);
                if offered != Offered::Wait {
                    if let Some(place) = self.place.take() {
                        queue.leave(place, garbage);
                    }
                    let result = (offered == Offered::Accepted).then(|| accepted(queue));
                    return Look::Done(offered, result);
                }
                let place = *self.place.get_or_insert_with(|| queue.draw_number());
                let wants = Wants::Room { bytes };
                if queue.knows(place, wants, waker) {
                    return Look::Waits;
                }
                let Some(own) = own.take() else { return Look::NeedsWaker };
                queue.wait(place, wants, own, garbage);
                // What its own handle was promised as a sink must not keep it waiting.
                queue.take_promise(owner);
                Look::Waits
            });
            match look {
                Look::Done(_, Some(result)) => {
                    shared.notify();
                    return Poll::Ready(Ok(result));
                }
                Look::Done(offered, None) => {
                    let outgoing = self.outgoing.take().expect("what is refused is not taken");
                    return Poll::Ready(Err(offered.error(outgoing.message)));
                }
                Look::Waits => return Poll::Pending,
                Look::NeedsWaker => own = Some(waker.clone()),
            }
        }
    }
}

/// What came of a look at the outbox.
enum Look<R> {
    /// With the result if it was accepted.
    Done(Offered, Option<R>),
    Waits,
    /// It must wait, and whom to call is not noted yet.
    NeedsWaker,
}

impl Drop for Way<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.handle.shared().with(|state, garbage| state.outbox.leave(place, garbage));
        }
    }
}
