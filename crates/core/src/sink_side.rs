//! What supervisors and handles have in common as sinks: [`SinkSide`].

use std::task::{Poll, Waker};

use crate::{DropReason, Message, Outgoing, QueueError, SessionClosed, shared::Shared};

/// The state of one sink over the outbox.
#[derive(Debug, Default)]
pub(crate) struct SinkSide {
    /// The place in line at the gate.
    place: Option<u64>,
    /// The number among those who wait for a flush.
    flusher: Option<u64>,
    /// A place in the outbox is promised.
    reserved: bool,
    /// The number after that of the last message accepted here.
    last: u64,
    closed: bool,
}

impl SinkSide {
    pub(crate) fn poll_ready(
        &mut self,
        shared: &Shared,
        waker: &Waker,
    ) -> Poll<Result<(), SessionClosed>> {
        if self.closed {
            return Poll::Ready(Err(SessionClosed));
        }
        if self.reserved {
            return Poll::Ready(Ok(()));
        }
        shared.with(|state, news| {
            if state.queue.reserve(self.place)? {
                self.reserved = true;
                if let Some(place) = self.place.take() {
                    state.queue.leave(place, news);
                }
                return Poll::Ready(Ok(()));
            }
            let place = *self.place.get_or_insert_with(|| state.queue.draw_number());
            state.queue.wait(place, waker, false, news);
            Poll::Pending
        })
    }

    pub(crate) fn start_send(
        &mut self,
        shared: &Shared,
        message: Message,
    ) -> Result<(), SessionClosed> {
        let reserved = std::mem::take(&mut self.reserved);
        shared.with(|state, news| {
            let mut outgoing = Some(Outgoing::new(message));
            let offered = state.queue.offer(&mut outgoing, self.place, reserved, news);
            self.last = state.queue.accepted();
            let Some(Outgoing { message, .. }) = outgoing else { return Ok(()) };
            let (message, reason, result) = match offered.error(message) {
                QueueError::Closed(message) => {
                    (message, DropReason::SessionEnded, Err(SessionClosed))
                }
                QueueError::TooLarge(message) => (message, DropReason::TooLarge, Ok(())),
                QueueError::Offline(message) => (message, DropReason::Offline, Ok(())),
                // Sent without asking first, into a full outbox.
                QueueError::Full(message) => (message, DropReason::Overflow, Ok(())),
            };
            state.queue.drop_unaccepted(message, reason, news);
            result
        })
    }

    /// Refuses messages from now on; whether it did not before.
    pub(crate) fn close(&mut self) -> bool {
        !std::mem::replace(&mut self.closed, true)
    }

    pub(crate) fn poll_flush(
        &mut self,
        shared: &Shared,
        waker: &Waker,
    ) -> Poll<Result<(), SessionClosed>> {
        shared.with(|state, news| {
            let number = *self.flusher.get_or_insert_with(|| state.queue.draw_number());
            match state.queue.poll_settled(number, self.last, waker, news) {
                true => Poll::Ready(Ok(())),
                false => Poll::Pending,
            }
        })
    }

    /// Gives up what is promised, and its place in line.
    pub(crate) fn leave(&mut self, shared: &Shared) {
        if !self.reserved && self.place.is_none() && self.flusher.is_none() {
            return;
        }
        shared.with(|state, news| {
            if std::mem::take(&mut self.reserved) {
                state.queue.release(news);
            }
            if let Some(place) = self.place.take() {
                state.queue.leave(place, news);
            }
            if let Some(number) = self.flusher.take() {
                state.queue.forget_flusher(number, news);
            }
        });
    }
}
