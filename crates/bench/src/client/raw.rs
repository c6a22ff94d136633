//! Raw async-tungstenite on any of the runtimes.

use std::{collections::VecDeque, marker::PhantomData};

use async_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Error, Message, protocol::WebSocketConfig},
};
use futures::{SinkExt, StreamExt};

use super::{
    cases::{self, GO, WRITE_INTERVAL, expect_length},
    message_socket::{MessageClient, MessageSocket},
    runtime::Runtime,
    socket::{Fallible, Target},
};
use crate::{
    case::{Case, KEPT, SIZE},
    process::Meter,
    sample::Sample,
};

pub(crate) struct Raw<R>(PhantomData<R>);

fn config(buffer: Option<usize>) -> Option<WebSocketConfig> {
    buffer.map(|size| WebSocketConfig::default().read_buffer_size(size))
}

impl<R: Runtime> MessageClient for Raw<R> {
    type Runtime = R;
    type Message = Message;
    type Error = Error;
    type Connection = WebSocketStream<R::Tcp>;

    async fn connect(target: Target) -> Fallible<Self::Connection> {
        let stream = R::connect(target.address).await?;
        let config = config(target.buffer);
        Ok(client_async_with_config(target.url(), stream, config).await?.0)
    }
}

pub(crate) async fn run<R: Runtime>(case: Case, target: Target, count: u64) -> Fallible<Sample> {
    match case {
        Case::ReceiveSplit => receive_split::<R>(target, count).await,
        Case::ReceiveKeep => receive_keep::<R>(target, count).await,
        case => cases::run::<MessageSocket<Raw<R>>>(case, target, count).await,
    }
}

/// The halves of a futures `split` in two tasks: one reads, the other sends a message at times.
async fn receive_split<R: Runtime>(target: Target, count: u64) -> Fallible<Sample> {
    let (mut sink, mut stream) = StreamExt::split(Raw::<R>::connect(target).await?);
    let meter = Meter::start();
    R::spawn(async move {
        while sink.send(Message::binary(GO)).await.is_ok() {
            R::sleep(WRITE_INTERVAL).await;
        }
    });
    let mut left = count;
    while left > 0 {
        let message = stream.next().await.ok_or("the server closed the connection")??;
        expect_length(message.len(), SIZE)?;
        left -= 1;
    }
    Ok(Sample::of(&meter, count))
}

/// The application keeps the last messages. Each message keeps its read buffer alive.
async fn receive_keep<R: Runtime>(target: Target, count: u64) -> Fallible<Sample> {
    let mut socket = Raw::<R>::connect(target).await?;
    let mut kept = VecDeque::with_capacity(KEPT);
    let meter = Meter::start();
    SinkExt::send(&mut socket, Message::binary(GO)).await?;
    for _ in 0..count {
        let message = socket.next().await.ok_or("the server closed the connection")??;
        expect_length(message.len(), SIZE)?;
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(message);
    }
    Ok(Sample::of(&meter, count))
}
