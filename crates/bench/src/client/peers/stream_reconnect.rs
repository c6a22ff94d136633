//! stream-reconnect over tokio-tungstenite. It reconnects and has no heartbeat.

use std::{future::Future, io, pin::Pin};

use futures::{SinkExt, StreamExt};
use stream_reconnect::{ReconnectStream, UnderlyingStream};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message},
};

use super::super::{
    runtime::Tokio,
    socket::{Fallible, Socket, Target},
};

struct Dial;

type Item = Result<Message, Error>;

impl UnderlyingStream<Target, Item, Error> for Dial {
    type Stream = WebSocketStream<TcpStream>;

    fn establish(
        target: Target,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream, Error>> + Send>> {
        Box::pin(async move {
            let stream = TcpStream::connect(target.address).await?;
            stream.set_nodelay(true)?;
            Ok(client_async(target.url(), stream).await?.0)
        })
    }

    fn is_write_disconnect_error(_: &Error) -> bool {
        true
    }

    fn is_read_disconnect_error(item: &Item) -> bool {
        item.is_err()
    }

    fn exhaust_err() -> Error {
        Error::Io(io::ErrorKind::NotConnected.into())
    }
}

pub(crate) struct Peer {
    socket: ReconnectStream<Dial, Target, Item, Error>,
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
        Ok(Self { socket: ReconnectStream::connect(target).await? })
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
        Ok(SinkExt::feed(&mut self.socket, message).await?)
    }

    async fn flush(&mut self) -> Fallible<()> {
        Ok(SinkExt::<Message>::flush(&mut self.socket).await?)
    }

    async fn send(&mut self, message: Message) -> Fallible<()> {
        Ok(SinkExt::send(&mut self.socket, message).await?)
    }

    async fn ping(&mut self) -> Fallible<()> {
        self.send(Message::Ping(bytes::Bytes::new())).await
    }
}
