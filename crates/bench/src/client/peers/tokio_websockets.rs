//! tokio-websockets.

use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, Error, Message, WebSocketStream};
use websocket_heartbeat::Bytes;

use super::super::{
    message_socket::{MessageClient, WebSocketMessage},
    runtime::Tokio,
    socket::{Fallible, Target},
};

pub(crate) struct Peer;

impl MessageClient for Peer {
    type Runtime = Tokio;
    type Message = Message;
    type Error = Error;
    type Connection = WebSocketStream<TcpStream>;

    async fn connect(target: Target) -> Fallible<Self::Connection> {
        let stream = super::tcp(target).await?;
        Ok(ClientBuilder::new().uri(&target.url())?.connect_on(stream).await?.0)
    }
}

impl WebSocketMessage for Message {
    fn text(payload: &'static str) -> Self {
        Self::text(payload)
    }

    fn binary(payload: &'static [u8]) -> Self {
        Self::binary(Bytes::from_static(payload))
    }

    fn ping() -> Self {
        Self::ping(Bytes::new())
    }

    fn data_len(&self) -> Option<usize> {
        (self.is_text() || self.is_binary()).then(|| self.as_payload().len())
    }

    fn is_pong(&self) -> bool {
        self.is_pong()
    }
}
