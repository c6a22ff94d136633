//! tokio-websockets.

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

use super::super::{
    runtime::Tokio,
    socket::{Fallible, Socket, Target},
};

pub(crate) struct Peer {
    socket: WebSocketStream<TcpStream>,
}

impl Socket for Peer {
    type Runtime = Tokio;
    type Message = Message;

    fn text(payload: &'static str) -> Message {
        Message::text(payload)
    }

    fn binary(payload: &'static [u8]) -> Message {
        Message::binary(bytes::Bytes::from_static(payload))
    }

    async fn connect(target: Target) -> Fallible<Self> {
        let stream = super::tcp(target).await?;
        let (socket, _) = ClientBuilder::new().uri(&target.url())?.connect_on(stream).await?;
        Ok(Self { socket })
    }

    async fn receive(&mut self) -> Fallible<usize> {
        while let Some(message) = self.socket.next().await {
            let message = message?;
            if message.is_text() || message.is_binary() {
                return Ok(message.as_payload().len());
            }
        }
        Err("the server has closed".into())
    }

    async fn receive_pong(&mut self) -> Fallible<()> {
        while let Some(message) = self.socket.next().await {
            if message?.is_pong() {
                return Ok(());
            }
        }
        Err("the server has closed".into())
    }

    async fn feed(&mut self, message: Message) -> Fallible<()> {
        Ok(self.socket.feed(message).await?)
    }

    async fn flush(&mut self) -> Fallible<()> {
        Ok(self.socket.flush().await?)
    }

    async fn send(&mut self, message: Message) -> Fallible<()> {
        Ok(self.socket.send(message).await?)
    }

    async fn ping(&mut self) -> Fallible<()> {
        self.send(Message::ping(bytes::Bytes::new())).await
    }
}
