//! One connection of a check: frames in both directions, without supervision.

use std::{
    pin::Pin,
    time::{Duration, Instant},
};

use async_io::Timer;
use futures::{SinkExt, StreamExt, future::Either};
use websocket_heartbeat_smol::{Bytes, CloseFrame, Frame, Message, SmolConnection, TransportError};

pub(super) struct Link {
    connection: Pin<Box<SmolConnection>>,
    /// Frames that arrived and were not awaited.
    pub(super) messages: u64,
    pub(super) pings: u64,
}

/// The end of a wait.
pub(super) enum Waited<T> {
    Arrived(T),
    TimedOut,
    /// The connection has ended: with the close frame of the server, or with an error.
    Ended(Option<CloseFrame>, Option<TransportError>),
}

impl Link {
    pub(super) fn new(connection: SmolConnection) -> Self {
        Self { connection: Box::pin(connection), messages: 0, pings: 0 }
    }

    /// Sends a frame. An error is the end of the connection; a peer that does not read for this time
    /// ends the wait.
    pub(super) async fn send<T>(&mut self, frame: Frame, time: Duration) -> Result<(), Waited<T>> {
        match futures::future::select(self.connection.send(frame), Timer::after(time)).await {
            Either::Left((sent, _)) => sent.map_err(|error| Waited::Ended(None, Some(error))),
            Either::Right(_) => Err(Waited::TimedOut),
        }
    }

    /// Waits for a frame that `wanted` selects.
    pub(super) async fn wait<T>(
        &mut self,
        time: Duration,
        mut wanted: impl FnMut(&Frame) -> Option<T>,
    ) -> Waited<T> {
        let end = Timer::after(time);
        let frames = async {
            let mut close = None;
            loop {
                match self.connection.next().await {
                    Some(Ok(frame)) => {
                        if let Some(found) = wanted(&frame) {
                            return Waited::Arrived(found);
                        }
                        match frame {
                            Frame::Message(_) => self.messages += 1,
                            Frame::Ping(_) => self.pings += 1,
                            Frame::Close(frame) => close = frame,
                            Frame::Pong(_) => {}
                        }
                    }
                    Some(Err(error)) => return Waited::Ended(close, Some(error)),
                    None => return Waited::Ended(close, None),
                }
            }
        };
        match futures::future::select(Box::pin(frames), end).await {
            Either::Left((waited, _)) => waited,
            Either::Right(_) => Waited::TimedOut,
        }
    }

    /// Sends a ping and waits for its pong. The result is the round trip.
    pub(super) async fn ping(&mut self, payload: &str, time: Duration) -> Waited<Duration> {
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        let start = Instant::now();
        if let Err(end) = self.send(Frame::Ping(payload.clone()), time).await {
            return end;
        }
        let is_answer = |frame: &Frame| matches!(frame, Frame::Pong(pong) if *pong == payload);
        self.wait(time, |frame| is_answer(frame).then(|| start.elapsed())).await
    }

    /// Sends a text and waits for a message that `wanted` accepts.
    pub(super) async fn ask(
        &mut self,
        text: &str,
        time: Duration,
        wanted: impl Fn(&Message) -> bool,
    ) -> Waited<Duration> {
        let start = Instant::now();
        if let Err(end) = self.send(Frame::Message(text.into()), time).await {
            return end;
        }
        self.wait(time, |frame| match frame {
            Frame::Message(message) if wanted(message) => Some(start.elapsed()),
            _ => None,
        })
        .await
    }
}
