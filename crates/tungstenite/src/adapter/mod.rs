//! Connections from WebSocket streams of other crates over tungstenite: [`Adapter`].
//!
//! With the feature `async-tungstenite`, `AsyncTungstenite` adapts a stream of async-tungstenite.
//! The tokio backend has an adapter for tokio-tungstenite. For the stream of another crate,
//! implement [`MessageStream`].
//!
//! This module depends on the version of tungstenite: after a new incompatible version of it, this
//! crate also has a new major version.

#[cfg(feature = "async-tungstenite")]
mod async_tungstenite;
mod transport_error;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_sink::Sink;
use tungstenite::{Error as WsError, Message as Ws, error::ProtocolError};
use websocket_heartbeat::{Connection, Frame, Message, TransportError};

#[cfg(feature = "async-tungstenite")]
pub use self::async_tungstenite::AsyncTungstenite;
pub use self::transport_error::transport_error;
use crate::{
    close_frame, error,
    frame::{outbound, trusted},
};

/// The WebSocket stream of a client, of another crate over tungstenite, for an [`Adapter`].
///
/// The methods that have a default belong to the methods of [`Connection`] with the same name.
pub trait MessageStream {
    /// The stream and sink of tungstenite's messages.
    type Messages: Stream<Item = Result<Ws, WsError>> + Sink<Ws, Error = WsError> + Unpin;

    /// Returns the stream and sink.
    fn messages(&mut self) -> &mut Self::Messages;

    /// Closes the layers below: it flushes, TLS sends `close_notify`, and TCP ends writing. It is
    /// called after both close frames were sent and received. An error also counts as closed.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// How many bytes the socket has accepted; `None` by default, for "unknown".
    fn bytes_written(&self) -> Option<u64> {
        None
    }

    /// How many of the written bytes the peer has not acknowledged; `None` by default, for
    /// "unknown".
    fn unacknowledged(&self) -> Option<u64> {
        None
    }

    /// How many bytes were read from the socket; `None` by default, for "unknown".
    fn bytes_read(&self) -> Option<u64> {
        None
    }
}

/// A [`MessageStream`] as a [`Connection`]. [`Socket`](crate::Socket) costs less per message.
///
/// It keeps the contract of a connection, except for these rules, for which such streams have no
/// interface:
///
/// - A failed write also ends reading if the answer to a ping is due at that time.
/// - One poll reads until a message is complete. A peer that sends fragments without end keeps that
///   poll busy, unless the stream below yields by itself, as tokio's streams do.
/// - [`shrink`](Connection::shrink) does nothing: buffers that have grown do not shrink.
/// - The error about a forbidden close code does not name the code. A close frame with the code
///   1002 and the reason "Protocol violation" causes the same error, because tungstenite replaces
///   each frame with a forbidden code by this frame.
///
/// A message that exceeds the `max_write_buffer_size` of the stream's configuration is refused with
/// [`TooLarge`](websocket_heartbeat::ErrorKind::TooLarge), at the latest when it is flushed. The
/// default has no limit.
pub struct Adapter<W> {
    stream: W,
    read: ReadState,
    /// A frame that the stream gets after its next complete flush, when its write buffer is empty:
    /// one that did not fit, or a close frame, which tungstenite would accept only once.
    waiting: Option<Ws>,
}

#[derive(PartialEq)]
enum ReadState {
    Open,
    /// The peer's close frame has been reported. Now any end of the stream is a clean end.
    Closed,
    Ended,
}

impl<W> Adapter<W> {
    /// Wraps the stream of a client.
    pub const fn new(stream: W) -> Self {
        Self { stream, read: ReadState::Open, waiting: None }
    }

    /// Returns a reference to the stream.
    pub const fn get_ref(&self) -> &W {
        &self.stream
    }

    /// Returns the stream.
    pub fn into_inner(self) -> W {
        self.stream
    }
}

impl<W: MessageStream> Adapter<W> {
    fn messages(&mut self) -> Pin<&mut W::Messages> {
        Pin::new(self.stream.messages())
    }

    /// Flushes the stream, and gives it the frame that waits for that.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if self.waiting.is_some() {
            ready!(self.messages().poll_flush(cx)).map_err(error::from_tungstenite)?;
        }
        let Some(frame) = self.waiting.take() else { return Poll::Ready(Ok(())) };
        let closing = matches!(frame, Ws::Close(_));
        Poll::Ready(match self.messages().start_send(frame) {
            // The close handshake has already begun.
            Err(WsError::Protocol(ProtocolError::SendAfterClosing)) if closing => Ok(()),
            sent => sent.map_err(error::from_tungstenite),
        })
    }
}

impl<W: MessageStream + Unpin> Stream for Adapter<W> {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.read == ReadState::Ended {
            return Poll::Ready(None);
        }
        match ready!(self.messages().poll_next(cx)) {
            Some(Ok(Ws::Close(close))) => {
                let close = close_frame::received(close, None);
                self.read = if close.is_ok() { ReadState::Closed } else { ReadState::Ended };
                Poll::Ready(Some(close.map(Frame::Close)))
            }
            Some(Ok(Ws::Text(text))) => {
                Poll::Ready(Some(Ok(Frame::Message(Message::Text(trusted(text))))))
            }
            Some(Ok(Ws::Binary(bytes))) => {
                Poll::Ready(Some(Ok(Frame::Message(Message::Binary(bytes)))))
            }
            Some(Ok(Ws::Ping(payload))) => Poll::Ready(Some(Ok(Frame::Ping(payload)))),
            Some(Ok(Ws::Pong(payload))) => Poll::Ready(Some(Ok(Frame::Pong(payload)))),
            Some(Ok(Ws::Frame(_))) => unreachable!("reading yields whole messages only"),
            Some(Err(error)) if self.read == ReadState::Open => {
                self.read = ReadState::Ended;
                Poll::Ready(Some(Err(error::from_tungstenite(error))))
            }
            _ => {
                self.read = ReadState::Ended;
                Poll::Ready(None)
            }
        }
    }
}

impl<W: MessageStream + Unpin> Sink<Frame> for Adapter<W> {
    type Error = TransportError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        ready!(self.poll_waiting(cx))?;
        self.messages().poll_ready(cx).map_err(error::from_tungstenite)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        let frame = outbound(frame)?;
        if let Ws::Close(_) = frame {
            self.waiting = Some(frame);
            return Ok(());
        }
        match self.messages().start_send(frame) {
            Err(WsError::WriteBufferFull(frame)) => {
                self.waiting = Some(*frame);
                Ok(())
            }
            sent => sent.map_err(error::from_tungstenite),
        }
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        ready!(self.poll_waiting(cx))?;
        ready!(self.messages().poll_flush(cx)).map_err(error::from_tungstenite)?;
        if self.read == ReadState::Closed {
            // If the write buffer was full, the answer to the close frame is written only now.
            ready!(self.messages().poll_flush(cx)).map_err(error::from_tungstenite)?;
            // Both close frames were sent and received.
            ready!(self.stream.poll_shutdown(cx));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        ready!(self.poll_waiting(cx))?;
        self.messages().poll_close(cx).map_err(error::from_tungstenite)
    }
}

impl<W: MessageStream + Unpin> Connection for Adapter<W> {
    fn bytes_written(&self) -> Option<u64> {
        self.stream.bytes_written()
    }

    fn unacknowledged(&self) -> Option<u64> {
        self.stream.unacknowledged()
    }

    fn bytes_read(&self) -> Option<u64> {
        self.stream.bytes_read()
    }
}

impl<W> fmt::Debug for Adapter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter").finish_non_exhaustive()
    }
}
