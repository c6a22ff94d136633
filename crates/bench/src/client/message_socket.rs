//! Connections that are a stream and a sink of messages. A client of this kind defines only its
//! `connect`.

use std::{error::Error, future::Future};

use async_tungstenite::tungstenite;
use futures::{Sink, SinkExt, Stream, StreamExt};
use websocket_heartbeat::{Bytes, Frame, Message};

use super::{
    runtime::Runtime,
    socket::{Fallible, Socket, Target},
};

/// A client whose open connection is a stream and a sink of its messages.
pub(crate) trait MessageClient: 'static {
    type Runtime: Runtime;
    type Message: WebSocketMessage;
    type Error: Error + Send + Sync + 'static;
    type Connection: Stream<Item = Result<Self::Message, Self::Error>>
        + Sink<Self::Message, Error = Self::Error>
        + Unpin
        + Send
        + 'static;

    fn connect(target: Target) -> impl Future<Output = Fallible<Self::Connection>> + Send;
}

/// The message type of a WebSocket library.
pub(crate) trait WebSocketMessage: Clone + Send + Sync + 'static {
    fn text(payload: &'static str) -> Self;
    fn binary(payload: &'static [u8]) -> Self;
    fn ping() -> Self;
    /// The length of the payload of a text or binary message, `None` for a control frame.
    fn data_len(&self) -> Option<usize>;
    fn is_pong(&self) -> bool;
}

/// The [`Socket`] of a [`MessageClient`].
pub(crate) struct MessageSocket<C: MessageClient> {
    connection: C::Connection,
}

impl<C: MessageClient> MessageSocket<C> {
    async fn next(&mut self) -> Fallible<C::Message> {
        let message = self.connection.next().await.ok_or("the server closed the connection")?;
        Ok(message?)
    }
}

impl<C: MessageClient> Socket for MessageSocket<C> {
    type Runtime = C::Runtime;
    type Message = C::Message;

    fn text(payload: &'static str) -> C::Message {
        C::Message::text(payload)
    }

    fn binary(payload: &'static [u8]) -> C::Message {
        C::Message::binary(payload)
    }

    async fn connect(target: Target) -> Fallible<Self> {
        Ok(Self { connection: C::connect(target).await? })
    }

    async fn receive(&mut self) -> Fallible<usize> {
        loop {
            if let Some(length) = self.next().await?.data_len() {
                return Ok(length);
            }
        }
    }

    async fn receive_pong(&mut self) -> Fallible<()> {
        while !self.next().await?.is_pong() {}
        Ok(())
    }

    async fn feed(&mut self, message: C::Message) -> Fallible<()> {
        Ok(self.connection.feed(message).await?)
    }

    async fn flush(&mut self) -> Fallible<()> {
        Ok(self.connection.flush().await?)
    }

    async fn send(&mut self, message: C::Message) -> Fallible<()> {
        Ok(self.connection.send(message).await?)
    }

    async fn ping(&mut self) -> Fallible<()> {
        self.send(C::Message::ping()).await
    }
}

/// tungstenite's messages, of async-tungstenite, tokio-tungstenite and libraries that use them.
impl WebSocketMessage for tungstenite::Message {
    fn text(payload: &'static str) -> Self {
        Self::text(payload)
    }

    fn binary(payload: &'static [u8]) -> Self {
        Self::binary(payload)
    }

    fn ping() -> Self {
        Self::Ping(Bytes::new())
    }

    fn data_len(&self) -> Option<usize> {
        match self {
            Self::Text(text) => Some(text.len()),
            Self::Binary(bytes) => Some(bytes.len()),
            _ => None,
        }
    }

    fn is_pong(&self) -> bool {
        self.is_pong()
    }
}

/// The frames of our connection.
impl WebSocketMessage for Frame {
    fn text(payload: &'static str) -> Self {
        Message::text(payload).into()
    }

    fn binary(payload: &'static [u8]) -> Self {
        Message::binary(Bytes::from_static(payload)).into()
    }

    fn ping() -> Self {
        Self::Ping(Bytes::new())
    }

    fn data_len(&self) -> Option<usize> {
        match self {
            Self::Message(message) => Some(message.len()),
            _ => None,
        }
    }

    fn is_pong(&self) -> bool {
        matches!(self, Self::Pong(_))
    }
}
