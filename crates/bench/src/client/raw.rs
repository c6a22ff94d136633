//! Raw async-tungstenite on any of the runtimes.

use std::{collections::VecDeque, time::Duration};

use async_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};
use futures::{SinkExt, StreamExt};

use super::{
    cases::{self, GO, expect_length},
    runtime::Runtime,
    socket::{Fallible, Socket, Target},
};
use crate::{
    case::{Case, KEPT, SIZE},
    process::Meter,
    sample::Sample,
};

/// How often the writing half of a split connection says something while the other half reads.
pub(crate) const MURMUR: Duration = Duration::from_millis(10);

pub(crate) struct Raw<R: Runtime> {
    socket: WebSocketStream<R::Tcp>,
}

pub(crate) fn config(buffer: Option<usize>) -> Option<WebSocketConfig> {
    buffer.map(|size| WebSocketConfig::default().read_buffer_size(size))
}

impl<R: Runtime> Socket for Raw<R> {
    type Runtime = R;
    type Message = Message;

    fn text(payload: &'static str) -> Message {
        Message::text(payload)
    }

    fn binary(payload: &'static [u8]) -> Message {
        Message::binary(payload)
    }

    async fn connect(target: Target) -> Fallible<Self> {
        let stream = R::connect(target.address).await?;
        let config = config(target.buffer);
        let (socket, _) = client_async_with_config(target.url(), stream, config).await?;
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
        Ok(SinkExt::send(&mut self.socket, message).await?)
    }

    async fn ping(&mut self) -> Fallible<()> {
        self.send(Message::Ping(bytes::Bytes::new())).await
    }
}

pub(crate) async fn run<R: Runtime>(case: Case, target: Target, count: u64) -> Fallible<Sample> {
    match case {
        Case::HoseSplit => hose_split::<R>(target, count).await,
        Case::HoseKeep => hose_keep::<R>(target, count).await,
        case => cases::run::<Raw<R>>(case, target, count).await,
    }
}

/// The halves of a futures `split` in two tasks: one reads, the other says something at times.
async fn hose_split<R: Runtime>(target: Target, count: u64) -> Fallible<Sample> {
    let (mut sink, mut stream) = StreamExt::split(Raw::<R>::connect(target).await?.socket);
    let meter = Meter::start();
    R::spawn(async move {
        while sink.send(Message::binary(GO)).await.is_ok() {
            R::sleep(MURMUR).await;
        }
    });
    let mut left = count;
    while left > 0 {
        let message = stream.next().await.ok_or("the server has closed")??;
        expect_length(message.len(), SIZE)?;
        left -= 1;
    }
    Ok(Sample::of(&meter, count))
}

/// The application keeps the last messages, and with them the buffers that they lie in.
async fn hose_keep<R: Runtime>(target: Target, count: u64) -> Fallible<Sample> {
    let mut socket = Raw::<R>::connect(target).await?.socket;
    let mut kept = VecDeque::with_capacity(KEPT);
    let meter = Meter::start();
    SinkExt::send(&mut socket, Message::binary(GO)).await?;
    for _ in 0..count {
        let message = socket.next().await.ok_or("the server has closed")??;
        expect_length(message.len(), SIZE)?;
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(message);
    }
    Ok(Sample::of(&meter, count))
}
