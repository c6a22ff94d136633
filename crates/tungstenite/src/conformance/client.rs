//! [`Client`]: a connection with the steps that the rules use.

use std::{future::poll_fn, pin::Pin, task::Poll};

use websocket_heartbeat::{Connection, ErrorKind, Established, Frame, Message, TransportError};

/// The result of an attempt.
pub(super) type Dialed<C> = Result<Established<C>, TransportError>;

/// A connection with the steps that the rules use.
pub(super) struct Client<C> {
    pub(super) connection: Pin<Box<C>>,
}

impl<C: Connection> Client<C> {
    pub(super) async fn dial(dial: &impl AsyncFn(String) -> Dialed<C>, url: String) -> Self {
        let established = dial(url).await.expect("the server accepts");
        Self { connection: Box::pin(established.connection) }
    }

    pub(super) async fn next(&mut self) -> Option<Result<Frame, TransportError>> {
        poll_fn(|cx| self.connection.as_mut().poll_next(cx)).await
    }

    pub(super) async fn frame(&mut self) -> Frame {
        self.next().await.expect("a frame, not the end").expect("a frame, not an error")
    }

    pub(super) async fn message(&mut self) -> Message {
        match self.frame().await {
            Frame::Message(message) => message,
            other => panic!("a message, not {other:?}"),
        }
    }

    pub(super) async fn send(&mut self, frame: impl Into<Frame>) -> Result<(), TransportError> {
        poll_fn(|cx| self.connection.as_mut().poll_ready(cx)).await?;
        self.connection.as_mut().start_send(frame.into())?;
        self.flush().await
    }

    pub(super) async fn flush(&mut self) -> Result<(), TransportError> {
        poll_fn(|cx| self.connection.as_mut().poll_flush(cx)).await
    }

    /// Whether another frame would be accepted now.
    pub(super) async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.connection.as_mut().poll_ready(cx).is_ready())).await
    }

    pub(super) async fn ends(&mut self) {
        for _ in 0..2 {
            let next = self.next().await;
            assert!(next.is_none(), "there is no frame after the end: {next:?}");
        }
    }

    /// Reads an error of one of these kinds, or the end.
    pub(super) async fn ends_or_fails(&mut self, kinds: &[ErrorKind]) {
        match self.next().await {
            None => {}
            Some(Err(error)) => assert!(kinds.contains(&error.kind()), "{kinds:?}, not {error}"),
            Some(Ok(frame)) => panic!("the end or an error, not {frame:?}"),
        }
        self.ends().await;
    }

    pub(super) async fn fails(&mut self) -> ErrorKind {
        let next = self.next().await;
        let Some(Err(error)) = next else { panic!("an error, not {next:?}") };
        self.ends().await;
        error.kind()
    }
}
