//! The sending side: [`AckSender`] and [`AckQueuing`].

use std::{
    fmt,
    future::Future,
    hash::Hash,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    error::AckQueueError,
    receipt::AckReceipt,
    window::{Answer, Offer, Window},
};
use crate::message::Message;

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
        let offer = self.window.offer(id, message.into());
        AckQueuing { window: &self.window, offer: Some(offer), place: None }
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
        let mut offer = Some(self.window.offer(id, message.into()));
        loop {
            let answer = self.window.with(|state, _| state.offer(&mut offer, None));
            match conclude(&self.window, &mut offer, answer) {
                Next::Done(result) => return result,
                Next::Again => {}
                Next::Wait => {
                    let Offer { message, .. } =
                        offer.expect("an offer that must wait is not taken");
                    return Err(AckQueueError::Full(message));
                }
            }
        }
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
    offer: Option<Offer<Id>>,
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
        let this = self.get_mut();
        let offer = this.offer.as_ref().expect("polled after it was ready");
        let bytes = offer.message.len();
        // Cloned outside of the lock, and only if the task must wait.
        let mut own = None;
        loop {
            let answer = this.window.with(|state, deferred| {
                let answer = state.offer(&mut this.offer, this.place);
                match answer {
                    Answer::Wait => {
                        let place = *this.place.get_or_insert_with(|| state.draw_place());
                        if !state.knows(place, bytes, cx.waker()) {
                            state.wait(place, bytes, own.take()?, deferred);
                        }
                    }
                    Answer::Compare(_) => {}
                    Answer::Accepted(_) | Answer::Closed | Answer::TooLarge => {
                        if let Some(place) = this.place.take() {
                            state.leave(place, deferred);
                        }
                    }
                }
                Some(answer)
            });
            let Some(answer) = answer else {
                own = Some(cx.waker().clone());
                continue;
            };
            match conclude(this.window, &mut this.offer, answer) {
                Next::Done(result) => {
                    // A duplicate has kept its place until now.
                    this.leave();
                    return Poll::Ready(result);
                }
                Next::Again => {}
                Next::Wait => return Poll::Pending,
            }
        }
    }
}

impl<Id> AckQueuing<'_, Id> {
    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            self.window.with(|state, deferred| state.leave(place, deferred));
        }
    }
}

/// The next step after an answer.
enum Next<Id> {
    Done(Result<AckReceipt<Id>, AckQueueError>),
    /// Make the offer again.
    Again,
    Wait,
}

/// Handles an answer outside of the lock.
fn conclude<Id: Eq>(
    window: &Window<Id>,
    offer: &mut Option<Offer<Id>>,
    answer: Answer<Id>,
) -> Next<Id> {
    let error: fn(Message) -> AckQueueError = match answer {
        Answer::Accepted(slot) => {
            window.notify();
            return Next::Done(Ok(AckReceipt { slot }));
        }
        Answer::Wait => return Next::Wait,
        Answer::Compare(candidate) => {
            if !offer.as_mut().is_some_and(|offer| offer.is_duplicate_of(&candidate)) {
                return Next::Again;
            }
            AckQueueError::Duplicate
        }
        Answer::Closed => AckQueueError::Closed,
        Answer::TooLarge => AckQueueError::TooLarge,
    };
    let Offer { message, .. } = offer.take().expect("a refused offer is not taken");
    Next::Done(Err(error(message)))
}

impl<Id> Drop for AckQueuing<'_, Id> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<Id: fmt::Debug> fmt::Debug for AckQueuing<'_, Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offered = self.offer.as_ref().map(|offer| (&offer.id, &offer.message));
        f.debug_struct("AckQueuing").field("offered", &offered).finish_non_exhaustive()
    }
}
