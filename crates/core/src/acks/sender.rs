//! The sending side: [`AckSender`] and [`AckQueuing`].

use std::{
    fmt,
    future::Future,
    hash::Hash,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{error::AckQueueError, ledger::Entry, receipt::AckReceipt, window::Window};
use crate::{
    message::Message,
    sync::{Polled, poll_registering},
};

/// The cloneable sending side of [`Acknowledged`](super::Acknowledged), made by its
/// [`sender`](super::Acknowledged::sender). The [module](super) has an example.
///
/// It does not drive the session: messages are sent and acknowledgements are received only while
/// the layer is polled. Do not await [`queue`](Self::queue) or an [`AckReceipt`] in the only task
/// that polls the layer.
///
/// # Drop behaviour
///
/// Dropping a sender changes nothing for accepted messages. Dropping all senders does not end the
/// session.
pub struct AckSender<Id> {
    window: Arc<Window<Id>>,
}

impl<Id> AckSender<Id> {
    pub(super) fn new(window: &Arc<Window<Id>>) -> Self {
        Self { window: Arc::clone(window) }
    }

    /// The number of accepted and unacknowledged messages.
    pub fn unacknowledged(&self) -> usize {
        self.window.with(|state, _| state.count())
    }
}

impl<Id: Clone + Eq + Hash> AckSender<Id> {
    /// Queues a message that the server will acknowledge by this id. The future is ready when the
    /// window has a place, and returns the receipt. Places are given in order of arrival.
    ///
    /// # Errors
    ///
    /// Returns the message if a message with the same id is unacknowledged, if the message is larger
    /// than the window, or if the session has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is ready drops the message, which was not queued, and gives up
    /// its place in the queue of senders.
    pub fn queue(&self, id: Id, message: impl Into<Message>) -> AckQueuing<'_, Id> {
        let offer = Some(Entry::new(self.window.hash(&id), id, message.into()));
        AckQueuing { window: &self.window, offer, place: None }
    }

    /// Queues a message if the window has a place and no other sender waits for one.
    ///
    /// # Errors
    ///
    /// The errors of [`queue`](Self::queue), and [`AckQueueError::Full`] if the message would have
    /// to wait.
    pub fn try_queue(
        &self,
        id: Id,
        message: impl Into<Message>,
    ) -> Result<AckReceipt<Id>, AckQueueError> {
        let mut offer = Some(Entry::new(self.window.hash(&id), id, message.into()));
        let Polled::Ready(result) = self.window.offer(&mut offer, &mut None, None) else {
            unreachable!("without a caller an offer does not wait")
        };
        result
    }
}

impl<Id> Clone for AckSender<Id> {
    fn clone(&self) -> Self {
        Self::new(&self.window)
    }
}

impl<Id> fmt::Debug for AckSender<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckSender")
            .field("unacknowledged", &self.unacknowledged())
            .finish_non_exhaustive()
    }
}

/// A message that waits for a place in the window, see [`AckSender::queue`].
#[must_use = "futures do nothing unless polled"]
pub struct AckQueuing<'a, Id> {
    window: &'a Arc<Window<Id>>,
    offer: Option<Entry<Id>>,
    place: Option<u64>,
}

/// No field is pinned.
impl<Id> Unpin for AckQueuing<'_, Id> {}

impl<Id: Clone + Eq + Hash> Future for AckQueuing<'_, Id> {
    type Output = Result<AckReceipt<Id>, AckQueueError>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { window, offer, place } = self.get_mut();
        poll_registering(cx.waker(), |caller| window.offer(offer, place, Some(caller)))
    }
}

impl<Id> Drop for AckQueuing<'_, Id> {
    fn drop(&mut self) {
        self.window.leave(&mut self.place);
    }
}

impl<Id: fmt::Debug> fmt::Debug for AckQueuing<'_, Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offered = self.offer.as_ref().map(|offer| (&offer.id, &offer.message));
        f.debug_struct("AckQueuing").field("offered", &offered).finish_non_exhaustive()
    }
}
