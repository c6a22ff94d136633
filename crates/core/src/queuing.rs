//! A message on its way into the outbox: [`Queuing`].

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{Handle, Outgoing, QueueError, receipt::Slot};

/// A message that waits to be accepted, see [`Handle::queue`].
#[must_use = "nothing is queued until it is awaited"]
pub struct Queuing<'a> {
    handle: &'a Handle,
    message: Option<Outgoing>,
    place: Option<u64>,
    slot: Option<Arc<Slot>>,
}

impl<'a> Queuing<'a> {
    pub(crate) fn new(handle: &'a Handle, message: Outgoing, slot: Option<Arc<Slot>>) -> Self {
        Self { handle, message: Some(message), place: None, slot }
    }

    fn leave_line(&mut self) {
        if let Some(place) = self.place.take() {
            self.handle.shared().with(|state, news| state.queue.leave(place, news));
        }
    }
}

impl Future for Queuing<'_> {
    type Output = Result<(), QueueError>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let message = this.message.take().expect("polled after it was ready");
        let mut offered = this.handle.offer(message, this.place, this.slot.clone());
        if let Err(message) = offered {
            // Stand in line, then look once more: room may have been made in between.
            this.handle.shared().with(|state, _| {
                let place = *this.place.get_or_insert_with(|| state.queue.draw_number());
                state.queue.wait(place, cx.waker(), true);
            });
            offered = this.handle.offer(message, this.place, this.slot.clone());
        }
        match offered {
            Ok(result) => {
                this.leave_line();
                Poll::Ready(result)
            }
            Err(message) => {
                this.message = Some(message);
                Poll::Pending
            }
        }
    }
}

impl Drop for Queuing<'_> {
    fn drop(&mut self) {
        self.leave_line();
    }
}

impl fmt::Debug for Queuing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queuing").field("message", &self.message).finish_non_exhaustive()
    }
}
