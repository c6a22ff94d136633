//! tokio-tungstenite.

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

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
        Message::binary(payload)
    }

    async fn connect(target: Target) -> Fallible<Self> {
        let (socket, _) = client_async(target.url(), super::tcp(target).await?).await?;
        Ok(Self { socket })
    }

    async fn receive(&mut self) -> Fallible<usize> {
        while let Some(message) = self.socket.next().await {
            match message? {
                Message::Text(text) => return Ok(text.len()),
                Message::Binary(bytes) => return Ok(bytes.len()),
                _ => {}
            }
        }
        Err("the server has closed".into())
    }

    async fn receive_pong(&mut self) -> Fallible<()> {
        while let Some(message) = self.socket.next().await {
            if let Message::Pong(_) = message? {
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
        self.send(Message::Ping(bytes::Bytes::new())).await
    }
}
