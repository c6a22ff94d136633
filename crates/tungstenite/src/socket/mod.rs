//! [`Socket`]: a WebSocket connection by tungstenite over any futures-io stream.

mod error_class;
mod idle_context;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use futures_sink::Sink;
use tungstenite::{
    Error as WsError, Message as Ws, Utf8Bytes,
    error::{CapacityError, ProtocolError},
    protocol::{CloseFrame as WsCloseFrame, Role, WebSocketContext, frame::coding::CloseCode},
};
use websocket_heartbeat::{Connection, ErrorKind, Frame, Message, TransportError};

use self::error_class::{close_code, is_end, would_block};
use crate::{
    blocking_io::BlockingIo,
    close_frame, error,
    frame::{outbound, trusted},
    tuning::{Tuning, write_limit},
};

/// A client's [`Connection`] over a futures-io stream, made by [`upgrade`](crate::upgrade). It
/// keeps the whole contract of `Connection`.
///
/// - Payloads are not copied between the read buffer and the application. Text is checked for UTF-8
///   once.
/// - A ping is answered by the next poll for reading. Therefore poll until `Pending`.
/// - Reading is `Pending` after at most 128 KiB or 32 reads of the stream, even in the middle of a
///   message. If there may be more to read, it has called the waker. So a peer that sends without
///   end does not keep the task busy.
/// - `start_send` copies a frame into a write buffer. After the stream has stopped accepting bytes,
///   `poll_ready` is pending until a flush is complete. A message of any size is accepted and sent
///   in one frame.
/// - After the peer's close frame, the connection ends when the peer closes the stream (RFC 6455
///   section 7.1.1). If you do not want to wait for this, flush and then drop the connection. Bytes
///   after the peer's close frame are ignored.
/// - After both close frames were sent and received, a flush also calls `poll_close` of the stream:
///   over TLS this sends `close_notify`. If the peer ends the stream or violates the protocol, the
///   connection tries once to close the stream, without waiting.
/// - If the peer violates the protocol, the connection tries once, without waiting, to send it a
///   close frame (RFC 6455 section 7.1.7).
/// - A close code that RFC 6455 section 7.4 forbids on the wire is also a protocol violation: it is
///   reported as an error of kind [`ErrorKind::Protocol`] that names the code.
/// - [`bytes_written`](Connection::bytes_written) counts the bytes that the stream has accepted. Over
///   TLS it counts the bytes that TLS has written to the stream below.
///
/// # Errors
///
/// After the stream has failed to write, `poll_ready`, `start_send` and `poll_flush` return its
/// error each time; reading is not affected. `start_send` also refuses data after a close frame,
/// pings and pongs of more than 125 bytes, and close codes that must not be sent. These errors
/// leave the connection unchanged. A close reason of more than 123 bytes is cut.
///
/// # Cancel safety
///
/// There is no future to cancel: all state is kept between polls.
///
/// # Drop behaviour
///
/// A drop drops the stream at once, without a close frame. A native stream is then reset, and
/// undelivered bytes are discarded, unless it was closed before, see above.
pub struct Socket<S> {
    io: BlockingIo<S>,
    context: WebSocketContext,
    /// The number of bytes written by a stream that has its own buffers.
    bytes_written: fn(&S) -> Option<u64>,
    unacknowledged: fn(&S) -> Option<u64>,
    read: ReadState,
    /// The stream did not accept all bytes: a flush must be complete before the next message.
    blocked: bool,
    /// The limit on the write buffer is raised for one large message.
    raised: bool,
    /// The number of bytes read and written when the buffers were last replaced.
    replaced_at: u64,
}

#[derive(PartialEq)]
enum ReadState {
    Open,
    /// The peer's close frame has been reported. Now any end of the stream is a clean end.
    Closed,
    Ended,
}

impl<S> Socket<S> {
    pub(crate) fn new(io: BlockingIo<S>, tuning: Tuning) -> Self {
        Self {
            io,
            context: WebSocketContext::new(Role::Client, Some(tuning.config())),
            bytes_written: |_| None,
            unacknowledged: |_| None,
            read: ReadState::Open,
            blocked: false,
            raised: false,
            replaced_at: 0,
        }
    }

    /// Sets a function that counts the bytes written, for
    /// [`bytes_written`](Connection::bytes_written). If it returns `None`, the bytes that the
    /// stream has accepted are counted.
    pub(crate) fn with_bytes_written(mut self, bytes_written: fn(&S) -> Option<u64>) -> Self {
        self.bytes_written = bytes_written;
        self
    }

    /// Sets a function that returns how many bytes of the stream the peer has not acknowledged, for
    /// [`unacknowledged`](Connection::unacknowledged). The default returns `None`. Native
    /// connections use [`tcp::unacknowledged`](crate::tcp::unacknowledged).
    ///
    /// With it the supervisor distinguishes a slow upload from a dead connection:
    ///
    /// ```
    /// use async_net::TcpStream;
    /// use websocket_heartbeat::{Established, TransportError};
    /// use websocket_heartbeat_tungstenite::{Request, Socket, Tuning, tcp, upgrade};
    ///
    /// async fn open(
    ///     stream: TcpStream,
    ///     request: &Request,
    /// ) -> Result<Established<Socket<TcpStream>>, TransportError> {
    ///     let established = upgrade(stream, request, Tuning::new()).await?;
    ///     Ok(established.map(|socket| socket.with_unacknowledged(tcp::unacknowledged)))
    /// }
    /// ```
    #[must_use]
    pub fn with_unacknowledged(mut self, unacknowledged: fn(&S) -> Option<u64>) -> Self {
        self.unacknowledged = unacknowledged;
        self
    }

    /// The stream below.
    pub fn stream(&self) -> &S {
        self.io.stream()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    #[cold]
    fn read_error(&mut self, error: WsError) -> Poll<Option<Result<Frame, TransportError>>> {
        if would_block(&error) {
            return Poll::Pending;
        }
        let closed = self.read == ReadState::Closed;
        self.read = ReadState::Ended;
        // The close frame is optional: the connection has ended even if it cannot be written.
        if let Some(code) = close_code(&error) {
            let close = WsCloseFrame { code, reason: Default::default() };
            if self.context.close(&mut self.io, Some(close)).is_ok() {
                let _ = self.io.poll_close();
            }
        } else if is_end(&error) {
            let _ = self.io.poll_close();
        }
        if closed || matches!(error, WsError::ConnectionClosed | WsError::AlreadyClosed) {
            return Poll::Ready(None);
        }
        let error = match error {
            WsError::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
                self.too_large(size, max_size)
            }
            error => error::from_tungstenite(error),
        };
        Poll::Ready(Some(Err(error)))
    }

    /// The error that names the exceeded setting and the size.
    fn too_large(&self, size: usize, limit: usize) -> TransportError {
        let config = self.context.get_config();
        let is = |setting: Option<usize>| setting == Some(limit);
        let (unit, of) = match (is(config.max_message_size), is(config.max_frame_size)) {
            (true, true) => ("message", "a message and of a frame"),
            (true, false) => ("message", "a message"),
            (false, true) => ("frame", "a frame"),
            // Without a limit in the settings, the limit is the address space.
            (false, false) => ("message", "the address space"),
        };
        let words =
            format!("a {unit} of {size} bytes exceeds the size limit of {of}, {limit} bytes");
        TransportError::new(ErrorKind::TooLarge, words)
    }

    /// Not inlined, because the compiler would build all variants of the match in `poll_next` field
    /// by field, which prevents store forwarding.
    #[cold]
    #[inline(never)]
    fn read_close(
        &mut self,
        close: Option<(CloseCode, Utf8Bytes)>,
    ) -> Poll<Option<Result<Frame, TransportError>>> {
        let close = close.map(|(code, reason)| WsCloseFrame { code, reason });
        match close_frame::received(close, Some(self.io.tail())) {
            Ok(close) => {
                self.read = ReadState::Closed;
                Poll::Ready(Some(Ok(Frame::Close(close))))
            }
            Err(error) => {
                self.read = ReadState::Ended;
                // tungstenite has already queued a close frame with 1002.
                if self.context.flush(&mut self.io).is_ok() {
                    let _ = self.io.poll_close();
                }
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    #[cold]
    fn write_failed(&mut self, error: WsError) -> Result<(), TransportError> {
        match error {
            // The message is in the write buffer, so it is not lost.
            error if would_block(&error) => {
                self.blocked = true;
                Ok(())
            }
            WsError::WriteBufferFull(message) if !self.blocked => {
                self.raise(write_limit(message.len()));
                match self.context.write(&mut self.io, *message) {
                    Ok(()) => Ok(()),
                    Err(error) if would_block(&error) => self.write_failed(error),
                    Err(error) => Err(error::from_tungstenite(error)),
                }
            }
            WsError::Protocol(ProtocolError::SendAfterClosing) => Err(TransportError::new(
                ErrorKind::Protocol,
                "nothing can be sent after a close frame",
            )),
            error => Err(error::from_tungstenite(error)),
        }
    }

    #[inline]
    fn write(&mut self, message: Ws) -> Result<(), TransportError> {
        match self.context.write(&mut self.io, message) {
            Ok(()) => Ok(()),
            Err(error) => self.write_failed(error),
        }
    }

    #[cold]
    fn start_close(&mut self, close: Frame) -> Result<(), TransportError> {
        let close = outbound(close)?;
        if !self.context.can_write() {
            // The close handshake has already begun.
            return Ok(());
        }
        // tungstenite accepts a close frame only once, so the buffer must have room. The frame is
        // small.
        self.raise(usize::MAX);
        self.write(close)
    }

    /// Raises the limit on the write buffer until the next flush is complete.
    fn raise(&mut self, limit: usize) {
        self.raised = true;
        self.context.set_config(|config| config.max_write_buffer_size = limit);
    }

    /// Replaces the buffers by small ones if they are empty and no message is in progress. Returns
    /// whether it did.
    fn replace_buffers(&mut self) -> bool {
        let Some(context) = idle_context::replacement(&self.context) else { return false };
        self.context = context;
        true
    }

    /// Fails if writing has failed.
    #[inline]
    fn check_write(&self) -> Result<(), TransportError> {
        self.io.write_error().map_or(Ok(()), |error| Err(error.clone()))
    }

    fn flush(&mut self, cx: &Context<'_>) -> Poll<Result<(), TransportError>> {
        self.io.set_waker(cx.waker());
        let flushed = match self.context.flush(&mut self.io) {
            // If the write buffer was full, the answer to the peer's close frame is written only
            // now.
            Ok(()) if self.raised || self.read == ReadState::Closed => {
                self.context.flush(&mut self.io)
            }
            flushed => flushed,
        };
        self.check_write()?;
        match flushed {
            Ok(()) | Err(WsError::ConnectionClosed | WsError::AlreadyClosed) => {
                self.blocked = false;
                if self.raised {
                    self.raised = false;
                    self.context.set_config(|config| config.max_write_buffer_size = write_limit(0));
                }
                match self.read {
                    // Both close frames were sent and received.
                    ReadState::Closed => self.io.poll_close().map(Ok),
                    ReadState::Open | ReadState::Ended => Poll::Ready(Ok(())),
                }
            }
            Err(error) if would_block(&error) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error::from_tungstenite(error))),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for Socket<S> {
    type Item = Result<Frame, TransportError>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.read == ReadState::Ended {
            return Poll::Ready(None);
        }
        this.io.set_waker(cx.waker());
        if this.io.is_budget_exhausted() {
            return Poll::Pending;
        }
        match this.context.read(&mut this.io) {
            Ok(Ws::Binary(bytes)) => Poll::Ready(Some(Ok(Frame::Message(Message::Binary(bytes))))),
            Ok(Ws::Text(text)) => {
                Poll::Ready(Some(Ok(Frame::Message(Message::Text(trusted(text))))))
            }
            Ok(Ws::Ping(payload)) => Poll::Ready(Some(Ok(Frame::Ping(payload)))),
            Ok(Ws::Pong(payload)) => Poll::Ready(Some(Ok(Frame::Pong(payload)))),
            Ok(Ws::Close(None)) => this.read_close(None),
            Ok(Ws::Close(Some(WsCloseFrame { code, reason }))) => {
                this.read_close(Some((code, reason)))
            }
            Ok(Ws::Frame(_)) => unreachable!("reading yields whole messages only"),
            Err(error) => this.read_error(error),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Frame> for Socket<S> {
    type Error = TransportError;

    #[inline]
    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let this = self.get_mut();
        this.check_write()?;
        if this.blocked { this.flush(cx) } else { Poll::Ready(Ok(())) }
    }

    #[inline]
    fn start_send(self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        let this = self.get_mut();
        this.check_write()?;
        if matches!(frame, Frame::Close(_)) {
            return this.start_close(frame);
        }
        this.write(outbound(frame)?)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.get_mut().flush(cx)
    }

    /// Begins the close handshake without a code, unless it has already begun, and flushes.
    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        if self.context.can_write() {
            ready!(self.as_mut().poll_ready(cx))?;
            self.as_mut().start_send(Frame::Close(None))?;
        }
        self.poll_flush(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection for Socket<S> {
    fn bytes_written(&self) -> Option<u64> {
        Some((self.bytes_written)(self.io.stream()).unwrap_or_else(|| self.io.bytes_written()))
    }

    fn unacknowledged(&self) -> Option<u64> {
        (self.unacknowledged)(self.io.stream())
    }

    fn bytes_read(&self) -> Option<u64> {
        Some(self.io.bytes_read())
    }

    fn shrink(self: Pin<&mut Self>) {
        let this = self.get_mut();
        let traffic = this.io.bytes_read() + this.io.bytes_written();
        // With less traffic than one read buffer, no buffer can have grown by much.
        if traffic - this.replaced_at <= this.context.get_config().read_buffer_size as u64 {
            return;
        }
        // If the buffers are in use, the next call tries again: a large message may be nearly
        // complete now.
        if this.replace_buffers() {
            this.replaced_at = traffic;
        }
    }
}

impl<S> fmt::Debug for Socket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("bytes_written", &self.io.bytes_written())
            .finish_non_exhaustive()
    }
}
