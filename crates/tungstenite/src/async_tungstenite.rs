//! [`AsyncTungstenite`]: somebody's own `WebSocketStream` as a connection.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use async_tungstenite::WebSocketStream;
use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use futures_sink::Sink;
use tungstenite::{Error as WsError, Message as Ws, error::ProtocolError};
use websocket_heartbeat::{Connection, Frame, Message, TransportError};

use crate::{
    close, fault,
    frame::{outbound, trusted},
};

/// An [`async_tungstenite::WebSocketStream`] as a [`Connection`], for those who have one: their own
/// TLS, proxy or upgrade.
///
/// It keeps the contract but for these things, which the stream does not let through:
///
/// - A failed write ends reading as well if the answer to a ping is due just then.
/// - [`bytes_written`](Connection::bytes_written) is `None`: a slow upload is told from a stuck one only by
///   what comes in.
/// - One poll reads until a message is whole. A peer that sends fragments without end keeps that
///   poll busy, unless the stream below yields by itself, as tokio's do.
/// - Buffers that a burst made grow stay as large as they are.
///
/// A close code that may not be sent is an error here that does not name it; a close frame with the
/// code 1002 and the words "Protocol violation" is taken for one, since that is what tungstenite puts
/// in its place.
///
/// A message that exceeds the `max_write_buffer_size` of the stream's configuration, which by
/// default has no limit, is refused with [`TooLarge`]. [`Socket`](crate::Socket) costs
/// less per message.
///
/// [`TooLarge`]: websocket_heartbeat::ErrorKind::TooLarge
///
/// This type follows async-tungstenite's versions: a new major version of that is one of this crate.
pub struct AsyncTungstenite<S> {
    stream: WebSocketStream<S>,
    /// The peer's close frame has been reported: whatever ends the stream now is a proper end.
    closed: bool,
    ended: bool,
}

impl<S> AsyncTungstenite<S> {
    /// Wraps a client's stream.
    pub fn new(stream: WebSocketStream<S>) -> Self {
        Self { stream, closed: false, ended: false }
    }

    /// The stream again.
    pub fn into_inner(self) -> WebSocketStream<S> {
        self.stream
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for AsyncTungstenite<S> {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
            Some(Ok(Ws::Close(close))) => {
                let close = close::received(close, None);
                self.closed = close.is_ok();
                self.ended = close.is_err();
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
            Some(Err(error)) if !self.closed => {
                self.ended = true;
                Poll::Ready(Some(Err(fault::from_tungstenite(error))))
            }
            _ => {
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Frame> for AsyncTungstenite<S> {
    type Error = TransportError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.stream).poll_ready(cx).map_err(fault::from_tungstenite)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        let closing = matches!(frame, Frame::Close(_));
        match Pin::new(&mut self.stream).start_send(outbound(frame)?) {
            // The close handshake is already under way.
            Err(WsError::Protocol(ProtocolError::SendAfterClosing)) if closing => Ok(()),
            result => result.map_err(fault::from_tungstenite),
        }
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx)).map_err(fault::from_tungstenite)?;
        if self.closed {
            // Both close frames have gone through; a stream that fails in this has ended as well.
            let _ = ready!(Pin::new(self.stream.get_mut()).poll_close(cx));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.stream).poll_close(cx).map_err(fault::from_tungstenite)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection for AsyncTungstenite<S> {}

impl<S> fmt::Debug for AsyncTungstenite<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTungstenite").finish_non_exhaustive()
    }
}
