//! [`AsyncTungstenite`]: a `WebSocketStream` of async-tungstenite as a connection.

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
    close_frame, error,
    frame::{outbound, trusted},
};

/// An [`async_tungstenite::WebSocketStream`] as a [`Connection`], for programs that already have
/// one with their own TLS, proxy or upgrade. [`Socket`](crate::Socket) costs less per message.
///
/// It keeps the contract of a connection, except for these rules, for which the stream has no
/// interface:
///
/// - A failed write also ends reading if the answer to a ping is due at that time.
/// - [`bytes_written`](Connection::bytes_written) is `None`: only received bytes distinguish a slow upload
///   from a stalled one.
/// - One poll reads until a message is complete. A peer that sends fragments without end keeps that
///   poll busy, unless the stream below yields by itself, as tokio's streams do.
/// - Buffers that have grown do not shrink.
/// - The error about a forbidden close code does not name the code. A close frame with the code
///   1002 and the reason "Protocol violation" causes the same error, because tungstenite replaces
///   each frame with a forbidden code by this frame.
///
/// A message that exceeds the `max_write_buffer_size` of the stream's configuration is refused with
/// [`TooLarge`](websocket_heartbeat::ErrorKind::TooLarge). The default has no limit.
///
/// This type depends on the version of async-tungstenite: after a new major version of
/// async-tungstenite, this crate also has a new major version.
///
/// ```
/// use async_net::TcpStream;
/// use websocket_heartbeat::{ErrorKind, Established, TransportError};
/// use websocket_heartbeat_tungstenite::AsyncTungstenite;
///
/// async fn open(
///     stream: TcpStream,
/// ) -> Result<Established<AsyncTungstenite<TcpStream>>, TransportError> {
///     let upgraded = async_tungstenite::client_async("ws://example.org/feed", stream).await;
///     let (stream, _) = upgraded.map_err(|e| TransportError::from_source(ErrorKind::Other, e))?;
///     Ok(Established::new(AsyncTungstenite::new(stream)))
/// }
/// ```
pub struct AsyncTungstenite<S> {
    stream: WebSocketStream<S>,
    /// The peer's close frame has been reported. Now any end of the stream is a clean end.
    closed: bool,
    ended: bool,
}

impl<S> AsyncTungstenite<S> {
    /// Wraps the stream of a client.
    pub fn new(stream: WebSocketStream<S>) -> Self {
        Self { stream, closed: false, ended: false }
    }

    /// Returns the stream.
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
                let close = close_frame::received(close, None);
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
                Poll::Ready(Some(Err(error::from_tungstenite(error))))
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
        Pin::new(&mut self.stream).poll_ready(cx).map_err(error::from_tungstenite)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        let closing = matches!(frame, Frame::Close(_));
        match Pin::new(&mut self.stream).start_send(outbound(frame)?) {
            // The close handshake has already begun.
            Err(WsError::Protocol(ProtocolError::SendAfterClosing)) if closing => Ok(()),
            result => result.map_err(error::from_tungstenite),
        }
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx)).map_err(error::from_tungstenite)?;
        if self.closed {
            // Both close frames were sent and received. An error also counts as closed.
            let _ = ready!(Pin::new(self.stream.get_mut()).poll_close(cx));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.stream).poll_close(cx).map_err(error::from_tungstenite)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection for AsyncTungstenite<S> {}

impl<S> fmt::Debug for AsyncTungstenite<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTungstenite").finish_non_exhaustive()
    }
}
