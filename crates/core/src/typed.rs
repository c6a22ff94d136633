//! Typed messages: a stream of events whose messages are decoded.
//!
//! [`typed`] makes a function for `StreamExt::map`. It works over a
//! [`Supervisor`](crate::Supervisor), an [`Inbox`](crate::Inbox), and the layers
//! [`Acknowledged`](crate::acks::Acknowledged) and [`Calls`](crate::calls::Calls). A message that
//! does not decode is an item of the stream, with the message, and ends nothing.
//!
//! For the other direction, `SinkExt::with` of `futures` encodes messages before a supervisor or a
//! [`Handle`](crate::Handle) accepts them: `supervisor.with(|order| ready(encode(order)))`, where
//! `encode` returns a `Result<Message, _>`. The example `typed_messages.rs` has both directions.
//!
//! # Example
//!
//! ```
//! use futures::StreamExt;
//! use websocket_heartbeat::{Event, Message, Supervisor, typed::{Typed, typed}};
//!
//! # use websocket_heartbeat_mock::{Clock, Script, mock, run};
//! # let clock = Clock::new();
//! # let timer = clock.timer();
//! # let (transport, remote) = mock(&clock);
//! # remote.script(|_| Script::accept().greet("17").greet("a lot").greet("25"));
//! // With serde_json: |message: &Message| serde_json::from_slice::<Price>(message.as_bytes())
//! let decode = |message: &Message| message.as_text().unwrap_or_default().parse::<u32>();
//! let supervisor = Supervisor::builder(transport, timer).build()?;
//! let handle = supervisor.handle();
//! let mut prices = supervisor.map(typed(decode));
//! # let mut sum = 0;
//! # run(&clock, async {
//! while let Some(item) = prices.next().await {
//!     match item {
//!         Typed::Message(price) => {
//!             println!("{price}");
//! #           sum += price;
//! #           if price == 25 {
//!             handle.close();
//! #           }
//!         }
//!         Typed::Undecoded { message, error } => println!("{message:?} is no price: {error}"),
//!         Typed::Other(event) => println!("{event:?}"),
//!     }
//! }
//! # });
//! # assert_eq!(sum, 42);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

use std::{error::Error, fmt};

use crate::{event::Event, message::Message, panics::contain, printable::printable};

/// An item of a stream whose messages are decoded as `T`. `Debug` shows no contents.
#[allow(clippy::exhaustive_enums, reason = "an item is a message, decoded or not, or is none")]
pub enum Typed<T, E, I = Event> {
    /// A message, decoded.
    Message(T),
    /// A message that could not be decoded.
    Undecoded {
        /// The message.
        message: Message,
        /// Why it could not be decoded.
        error: DecodeError<E>,
    },
    /// Another item of the stream, unchanged.
    Other(I),
}

impl<T, E, I: fmt::Debug> fmt::Debug for Typed<T, E, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(_) => f.debug_tuple("Message").finish_non_exhaustive(),
            Self::Undecoded { message, .. } => {
                f.debug_struct("Undecoded").field("message", message).finish_non_exhaustive()
            }
            Self::Other(item) => f.debug_tuple("Other").field(item).finish(),
        }
    }
}

/// Why a message could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError<E> {
    /// The error of the function.
    Failed(E),
    /// The function panicked, with this message. The panic is contained, unless panics abort.
    Panicked(Box<str>),
}

impl<E: fmt::Display> fmt::Display for DecodeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Panicked(words) => {
                write!(f, "the decode function panicked: {}", printable(words))
            }
        }
    }
}

impl<E: Error + 'static> Error for DecodeError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::Panicked(_) => None,
        }
    }
}

/// Makes a function that decodes the messages among the items of a stream, for `StreamExt::map`. The
/// order does not change, and no item is left out. The [module](self) has an example.
///
/// The items are [`Event`]s, [`CallEvent`](crate::calls::CallEvent)s, or another type from which
/// messages can be taken by `TryInto`.
pub fn typed<I, T, E>(
    mut decode: impl FnMut(&Message) -> Result<T, E>,
) -> impl FnMut(I) -> Typed<T, E, I>
where
    I: TryInto<Message, Error = I>,
{
    move |item| {
        let message = match item.try_into() {
            Ok(message) => message,
            Err(item) => return Typed::Other(item),
        };
        let error = match contain(|| decode(&message)) {
            Ok(Ok(decoded)) => return Typed::Message(decoded),
            Ok(Err(error)) => DecodeError::Failed(error),
            Err(words) => DecodeError::Panicked(words),
        };
        Typed::Undecoded { message, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths() -> impl FnMut(Event) -> Typed<usize, &'static str> {
        typed(|message: &Message| match message.len() {
            0 => Err("it is empty"),
            9 => panic!("nine"),
            length => Ok(length),
        })
    }

    #[test]
    fn a_message_is_decoded_and_a_bad_one_is_returned_with_the_error() {
        let mut decode = lengths();
        assert!(matches!(decode(Event::Message("four".into())), Typed::Message(4)));
        let undecoded = decode(Event::Message("".into()));
        assert_eq!(format!("{undecoded:?}"), "Undecoded { message: Text(0 bytes), .. }");
        let Typed::Undecoded { error, .. } = undecoded else { panic!("{undecoded:?}") };
        assert_eq!(error.to_string(), "it is empty");
        let panicked = decode(Event::Message("nine byte".into()));
        let Typed::Undecoded { message, error } = panicked else { panic!("{panicked:?}") };
        assert_eq!(message, "nine byte");
        assert_eq!(error, DecodeError::Panicked("nine".into()));
        assert_eq!(error.to_string(), "the decode function panicked: nine");
        assert!(matches!(decode(Event::Lagged(3)), Typed::Other(Event::Lagged(3))));
        assert!(matches!(decode(Event::Message("four".into())), Typed::Message(4)));
    }

    #[test]
    fn debug_shows_no_decoded_value() {
        let shown = format!("{:?}", Typed::<_, (), Event>::Message("secret"));
        assert_eq!(shown, "Message(..)");
    }
}
