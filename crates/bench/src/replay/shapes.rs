//! The clients that are compared over a [`Replay`].

use std::{future, str::FromStr, time::Instant};

use async_tungstenite::{client_async, tungstenite::Message as Ws};
use futures::{StreamExt, executor::block_on};
use websocket_heartbeat::{
    Event, Frame, Message, Preset, Supervisor, Timer, Timestamp, TransportError, transport_fn,
};
use websocket_heartbeat_tungstenite::{Request, Tuning, upgrade};

use super::stream::Replay;
use crate::server::wire;

const URL: &str = "ws://replay/push/0/0/0/0";

/// The client that reads the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// By async-tungstenite.
    Raw,
    /// By our connection, without a supervisor.
    Connection,
    /// By a supervisor over that connection.
    Ours,
}

impl Shape {
    const ALL: [Self; 3] = [Self::Raw, Self::Connection, Self::Ours];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Connection => "connection",
            Self::Ours => "ours",
        }
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|shape| shape.name() == name)
            .ok_or_else(|| format!("there is no shape {name}"))
    }
}

/// Reads `count` frames of 128 bytes.
pub(crate) fn run(shape: Shape, text: bool, count: u64) -> Result<(), String> {
    let replay = Replay::new(count, if text { wire::TEXT } else { wire::BINARY });
    let bytes = block_on(async {
        match shape {
            Shape::Raw => raw(replay, count).await,
            Shape::Connection => connection(replay, count).await,
            Shape::Ours => ours(replay, count).await,
        }
    })?;
    println!("{bytes} bytes");
    Ok(())
}

async fn raw(replay: Replay, count: u64) -> Result<usize, String> {
    let (mut socket, _) = client_async(URL, replay).await.map_err(|error| error.to_string())?;
    let mut bytes = 0;
    for _ in 0..count {
        match socket.next().await {
            Some(Ok(Ws::Binary(payload))) => bytes += payload.len(),
            Some(Ok(Ws::Text(text))) => bytes += text.len(),
            other => return Err(format!("{other:?} instead of a message")),
        }
    }
    Ok(bytes)
}

async fn connection(replay: Replay, count: u64) -> Result<usize, String> {
    let request = Request::for_stream(URL).map_err(|error| error.to_string())?;
    let established = upgrade(replay, &request, Tuning::high_throughput()).await;
    let mut socket = established.map_err(|error| error.to_string())?.connection;
    let mut bytes = 0;
    for _ in 0..count {
        match socket.next().await {
            Some(Ok(Frame::Message(Message::Binary(payload)))) => bytes += payload.len(),
            Some(Ok(Frame::Message(Message::Text(text)))) => bytes += text.len(),
            other => return Err(format!("{other:?} instead of a message")),
        }
    }
    Ok(bytes)
}

/// A real clock whose sleeps never end: no deadline comes during a replay.
#[derive(Debug)]
struct Clock {
    epoch: Instant,
}

impl Timer for Clock {
    type Sleep = future::Pending<()>;

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(self.epoch.elapsed())
    }

    fn sleep_until(&self, _: Timestamp) -> Self::Sleep {
        future::pending()
    }
}

async fn ours(replay: Replay, count: u64) -> Result<usize, String> {
    let request = Request::for_stream(URL).map_err(|error| error.to_string())?;
    let mut replay = Some(replay);
    let transport = transport_fn(move |_| {
        let replay = replay.take();
        let request = request.clone();
        async move {
            let Some(replay) = replay else {
                let kind = websocket_heartbeat::ErrorKind::Other;
                return Err(TransportError::new(kind, "there is only one replay"));
            };
            upgrade(replay, &request, Tuning::high_throughput()).await
        }
    });
    let timer = Clock { epoch: Instant::now() };
    let builder = Supervisor::builder(transport, timer).preset(Preset::Resilient);
    let mut session = builder.build().map_err(|error| error.to_string())?;
    let mut bytes = 0;
    let mut left = count;
    while left > 0 {
        match session.next().await {
            Some(Event::Message(Message::Binary(payload))) => bytes += payload.len(),
            Some(Event::Message(Message::Text(text))) => bytes += text.len(),
            Some(Event::Connecting(_) | Event::Open(_)) => continue,
            other => return Err(format!("{other:?} instead of a message")),
        }
        left -= 1;
    }
    Ok(bytes)
}
