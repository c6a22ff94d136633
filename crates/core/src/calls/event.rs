//! The items of the layer: [`CallEvent`].

use std::fmt;

use super::settings::Answer;
use crate::{event::Event, message::Message};

/// An item of [`Calls`](super::Calls). `Debug` does not show answers.
#[non_exhaustive]
pub enum CallEvent<A> {
    /// An event of the session, unchanged. A [`Message`](Event::Message) is not an answer.
    Event(Event),
    /// An answer that no call waits for. Its id is unknown, or no connection has the request with
    /// this id yet, or its call has ended before: by its timeout, by the loss of its connection, by
    /// another answer, or because its future was dropped.
    Unclaimed(Answer<A>),
}

impl<A> fmt::Debug for CallEvent<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Self::Unclaimed(answer) => f.debug_tuple("Unclaimed").field(answer).finish(),
        }
    }
}

/// Takes the message out of an event, and gives other items back.
impl<A> TryFrom<CallEvent<A>> for Message {
    type Error = CallEvent<A>;

    fn try_from(event: CallEvent<A>) -> Result<Self, Self::Error> {
        match event {
            CallEvent::Event(Event::Message(message)) => Ok(message),
            other => Err(other),
        }
    }
}
