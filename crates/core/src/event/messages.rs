//! Only the messages of a session: [`Messages`].

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};

use super::Event;
use crate::{message::Message, next::Next};

/// The messages of a stream of events, without the other events, from
/// [`Supervisor::messages`](crate::Supervisor::messages) or
/// [`Inbox::messages`](crate::Inbox::messages). It ends with the session.
///
/// The other events are dropped, and the unsent messages that they give back are dropped with them.
/// [`Handle::status`](crate::Handle::status) has the last cause of a loss and the counts.
///
/// # Cancel safety
///
/// Dropping it loses no message.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Messages<'a, S> {
    events: &'a mut S,
}

impl<'a, S> Messages<'a, S> {
    pub(crate) fn new(events: &'a mut S) -> Self {
        Self { events }
    }

    /// Waits for the next message, see [`Next`].
    #[allow(clippy::should_implement_trait, reason = "it waits, as `StreamExt::next` does")]
    pub fn next(&mut self) -> Next<'_, Self> {
        Next::new(self)
    }
}

impl<S: Stream<Item = Event> + Unpin> Stream for Messages<'_, S> {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        loop {
            match ready!(Pin::new(&mut *self.events).poll_next(cx)) {
                Some(Event::Message(message)) => return Poll::Ready(Some(message)),
                Some(_) => {}
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<S: FusedStream<Item = Event> + Unpin> FusedStream for Messages<'_, S> {
    fn is_terminated(&self) -> bool {
        self.events.is_terminated()
    }
}
