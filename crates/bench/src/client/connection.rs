//! Our connection on any of the runtimes, without a supervisor: what there is below it.

use futures::{SinkExt, StreamExt};
use websocket_heartbeat::{Bytes, Connection, Frame, Message, Transport};

use super::{
    ours::Ours,
    socket::{Fallible, Socket, Target},
};

pub(crate) struct Bare<R: Ours> {
    socket: <R::Transport as Transport>::Connection,
}

impl<R: Ours> Socket for Bare<R>
where
    <R::Transport as Transport>::Connection: Connection + Unpin,
{
    type Runtime = R;
    type Message = Message;

    fn text(payload: &'static str) -> Message {
        Message::text(payload)
    }

    fn binary(payload: &'static [u8]) -> Message {
        Message::binary(Bytes::from_static(payload))
    }

    async fn connect(target: Target) -> Fallible<Self> {
        Ok(Self { socket: R::dial(target).await? })
    }

    async fn receive(&mut self) -> Fallible<usize> {
        while let Some(frame) = self.socket.next().await {
            match frame? {
                Frame::Message(Message::Text(text)) => return Ok(text.len()),
                Frame::Message(Message::Binary(bytes)) => return Ok(bytes.len()),
                _ => {}
            }
        }
        Err("the server has closed".into())
    }

    async fn receive_pong(&mut self) -> Fallible<()> {
        while let Some(frame) = self.socket.next().await {
            if let Frame::Pong(_) = frame? {
                return Ok(());
            }
        }
        Err("the server has closed".into())
    }

    async fn feed(&mut self, message: Message) -> Fallible<()> {
        Ok(self.socket.feed(message.into()).await?)
    }

    async fn flush(&mut self) -> Fallible<()> {
        Ok(self.socket.flush().await?)
    }

    async fn send(&mut self, message: Message) -> Fallible<()> {
        Ok(self.socket.send(message.into()).await?)
    }

    async fn ping(&mut self) -> Fallible<()> {
        Ok(self.socket.send(Frame::Ping(Bytes::new())).await?)
    }
}
