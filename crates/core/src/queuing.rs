//! A message on its way into the outbox: [`Queuing`] and [`QueuingWithReceipt`].

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::{
    Handle, Outgoing, QueueError, Receipt,
    queue::{Ask, Offered, Seat},
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
        self.get_mut().way.poll(cx.waker(), false).map_ok(|_| ())
    }
}

impl Future for QueuingWithReceipt<'_> {
    type Output = Result<Receipt, QueueError>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let way = &mut self.get_mut().way;
        let accepted = way.poll(cx.waker(), true);
        accepted.map_ok(|seat| Receipt::new(Arc::clone(way.handle.shared()), seat))
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

    fn poll(&mut self, waker: &Waker, receipt: bool) -> Poll<Result<Option<Seat>, QueueError>> {
        assert!(self.outgoing.is_some(), "polled after it was ready");
        let ask = Ask { place: self.place, reserved: false, receipt };
        let offered = self.handle.shared().with(|state, news| {
            let offered = state.queue.offer(&mut self.outgoing, ask, news);
            if let Offered::Wait = offered {
                let place = *self.place.get_or_insert_with(|| state.queue.draw_number());
                state.queue.wait(place, waker, true, news);
            } else if let Some(place) = self.place.take() {
                state.queue.leave(place, news);
            }
            offered
        });
        self.handle.offered(offered, &mut self.outgoing)
    }
}

impl Drop for Way<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.handle.shared().with(|state, news| state.queue.leave(place, news));
        }
    }
}
