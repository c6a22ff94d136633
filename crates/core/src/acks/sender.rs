//! The senders' side: [`AckSender`], and what becomes of a message: [`AckReceipt`].

use std::{
    fmt,
    future::Future,
    hash::Hash,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    AckQueueError, AckReceipt,
    window::{Answer, Gate, Offer},
};
use crate::message::Message;

/// The cloneable sending side of [`Acknowledged`](crate::Acknowledged), from
/// [`sender`](crate::Acknowledged::sender).
///
/// It never drives: messages go out, and acknowledgements come in, while the layer is polled. Do
/// not await [`queue`](Self::queue) or an [`AckReceipt`] on the only task that polls it.
///
/// # Drop behaviour
///
/// Dropping senders changes nothing for what was accepted, and ends nothing.
pub struct AckSender<Id> {
    gate: Arc<Gate<Id>>,
}

impl<Id> AckSender<Id> {
    pub(super) fn new(gate: &Arc<Gate<Id>>) -> Self {
        Self { gate: Arc::clone(gate) }
    }

    /// How many messages are accepted and not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.gate.with(|state, _| state.held())
    }
}

impl<Id: Clone + Eq + Hash> AckSender<Id> {
    /// Queues a message, which the server will acknowledge by this id; ready with the promise of
    /// that when the window has a place. Places are given in order of arrival.
    ///
    /// # Errors
    ///
    /// Gives the message back if one with the same id is unacknowledged, if it is larger than the
    /// layer may hold, or if the session has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it gives up its place in line and the message; nothing was
    /// queued.
    pub fn queue(&self, id: Id, message: impl Into<Message>) -> AckQueuing<'_, Id> {
        let offer = self.gate.offer(id, message.into());
        AckQueuing { gate: &self.gate, offer: Some(offer), place: None }
    }

    /// Queues a message if the window has a place for it and nobody waits for one.
    ///
    /// # Errors
    ///
    /// As [`queue`](Self::queue), and [`AckQueueError::Full`] if it would have to wait.
    pub fn try_queue(
        &self,
        id: Id,
        message: impl Into<Message>,
    ) -> Result<AckReceipt<Id>, AckQueueError> {
        let mut offer = Some(self.gate.offer(id, message.into()));
        loop {
            let answer = self.gate.with(|state, _| state.offer(&mut offer, None));
            match conclude(&self.gate, &mut offer, answer) {
                Next::Done(result) => return result,
                Next::Again => {}
                Next::Wait => {
                    let Offer { message, .. } = offer.expect("what must wait is not taken");
                    return Err(AckQueueError::Full(message));
                }
            }
        }
    }
}

impl<Id> Clone for AckSender<Id> {
    fn clone(&self) -> Self {
        Self::new(&self.gate)
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
#[must_use = "nothing is queued until it is awaited"]
pub struct AckQueuing<'a, Id> {
    gate: &'a Arc<Gate<Id>>,
    offer: Option<Offer<Id>>,
    place: Option<u64>,
}

/// Nothing in it is pinned.
impl<Id> Unpin for AckQueuing<'_, Id> {}

impl<Id: Clone + Eq + Hash> Future for AckQueuing<'_, Id> {
    type Output = Result<AckReceipt<Id>, AckQueueError>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let offer = this.offer.as_ref().expect("polled after it was ready");
        let bytes = offer.message.len();
        // Cloned outside of the lock, and only where somebody waits.
        let mut own = None;
        loop {
            let answer = this.gate.with(|state, garbage| {
                let answer = state.offer(&mut this.offer, this.place);
                match answer {
                    Answer::Wait => {
                        let place = *this.place.get_or_insert_with(|| state.draw_place());
                        if !state.knows(place, bytes, cx.waker()) {
                            state.wait(place, bytes, own.take()?, garbage);
                        }
                    }
                    Answer::Compare(_) => {}
                    Answer::Accepted(_) | Answer::Closed | Answer::TooLarge => {
                        if let Some(place) = this.place.take() {
                            state.leave(place, garbage);
                        }
                    }
                }
                Some(answer)
            });
            let Some(answer) = answer else {
                own = Some(cx.waker().clone());
                continue;
            };
            match conclude(this.gate, &mut this.offer, answer) {
                Next::Done(result) => {
                    // A duplicate leaves the line here.
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
            self.gate.with(|state, garbage| state.leave(place, garbage));
        }
    }
}

/// What follows an answer.
enum Next<Id> {
    Done(Result<AckReceipt<Id>, AckQueueError>),
    /// The offer is to be made again.
    Again,
    Wait,
}

/// Does what an answer asks for outside of the lock.
fn conclude<Id: Eq>(
    gate: &Gate<Id>,
    offer: &mut Option<Offer<Id>>,
    answer: Answer<Id>,
) -> Next<Id> {
    let error: fn(Message) -> AckQueueError = match answer {
        Answer::Accepted(slot) => {
            gate.notify();
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
    let Offer { message, .. } = offer.take().expect("what is refused is not taken");
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
