//! [`Socket`]: a connection by tungstenite over any futures-io stream.

mod blank;
#[cfg(test)]
mod tests;

use std::{
    fmt, io,
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

use crate::{
    close, fault,
    frame::{outbound, trusted},
    io::Io,
    tuning::{Tuning, write_limit},
};

/// A client's connection over a futures-io stream, a [`Connection`] with all that its contract
/// asks for. [`upgrade`](crate::upgrade) makes one.
///
/// - Nothing is copied on the way between the read buffer and the application, text is checked for
///   UTF-8 once.
/// - A ping is answered by the next poll for reading, which is why one polls until `Pending`.
/// - However much the peer sends, reading is `Pending` at the latest after 128 KiB or 32 reads of
///   the stream, whole messages or not. If there may be more to read, the waker has then been called.
/// - `start_send` copies into a write buffer. `poll_ready` is pending once the stream has stopped
///   accepting bytes, until a flush is through. A message of any size is accepted; none is split.
/// - After the peer's close frame it ends when the peer closes the stream, as RFC 6455 section
///   7.1.1 wants it; one who does not want to wait for that drops it after a flush. What the peer
///   sends after its close frame is not looked at.
/// - Once both close frames have gone through, a flush also ends the stream, by its `poll_close`:
///   over TLS that sends `close_notify`. It does so as well, as far as it can at once, when the peer
///   ends the stream or breaks the protocol.
/// - A peer that breaks the protocol is told so by a close frame, as far as that can be written at
///   once (RFC 6455 section 7.1.7).
/// - A close code that RFC 6455 section 7.4 forbids on the wire is a breach of protocol as well: it is
///   reported as an error of kind [`ErrorKind::Protocol`] that names it.
/// - [`bytes_written`](Connection::bytes_written) counts what the stream has accepted; over TLS, what TLS has
///   passed on to the stream below.
///
/// # Errors
///
/// Writing yields the stream's error from `poll_ready`, `start_send` and `poll_flush`, again and
/// again; reading is not affected. `start_send` also refuses data after a close frame, pings and
/// pongs of more than 125 bytes and close codes that may not be sent; these leave the connection
/// as it was. A close reason of more than 123 bytes is cut.
///
/// # Cancel safety
///
/// There is no future to cancel: every state is kept between polls.
///
/// # Drop behaviour
///
/// Dropping it drops the stream at once, without a close frame. The streams of the backends then
/// throw away what they have not delivered, unless they were ended before, see above.
pub struct Socket<S> {
    io: Io<S>,
    context: WebSocketContext,
    /// How many bytes have left the stream, where it buffers itself.
    passed_on: Option<fn(&S) -> Option<u64>>,
    /// What the system holds for the stream.
    unacknowledged: fn(&S) -> Option<u64>,
    read: ReadState,
    /// The stream did not accept everything: a flush has to come through first.
    blocked: bool,
    /// The limit on the write buffer stands higher than usual, for one large message.
    raised: bool,
    /// How many bytes had gone through, both ways, when its buffers were last made small.
    renewed_at: u64,
}

#[derive(PartialEq)]
enum ReadState {
    Open,
    /// The peer's close frame has been reported: whatever ends the stream now is a proper end.
    Closed,
    Ended,
}

impl<S> Socket<S> {
    pub(crate) fn new(io: Io<S>, tuning: Tuning) -> Self {
        Self {
            io,
            context: WebSocketContext::new(Role::Client, Some(tuning.config())),
            passed_on: None,
            unacknowledged: |_| None,
            read: ReadState::Open,
            blocked: false,
            raised: false,
            renewed_at: 0,
        }
    }

    /// Takes for [`bytes_written`](Connection::bytes_written) what the stream itself counts, if it does.
    pub(crate) fn counting(mut self, passed_on: fn(&S) -> Option<u64>) -> Self {
        self.passed_on = Some(passed_on);
        self
    }

    /// Sets what answers [`unacknowledged`](Connection::unacknowledged): a function that asks the
    /// system, of the stream, how many bytes it holds which the peer has not acknowledged. Without
    /// one it is `None`. Backends set [`tcp::unacknowledged`](crate::tcp::unacknowledged).
    #[must_use]
    pub fn asking(mut self, unacknowledged: fn(&S) -> Option<u64>) -> Self {
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
    fn read_trouble(&mut self, error: WsError) -> Poll<Option<Result<Frame, TransportError>>> {
        if would_block(&error) {
            return Poll::Pending;
        }
        let closed = self.read == ReadState::Closed;
        self.read = ReadState::Ended;
        // A courtesy: the connection has ended for us whether or not it can be written.
        if let Some(code) = complaint(&error) {
            let close = WsCloseFrame { code, reason: Default::default() };
            if self.context.close(&mut self.io, Some(close)).is_ok() {
                let _ = self.io.poll_end();
            }
        } else if is_end(&error) {
            let _ = self.io.poll_end();
        }
        if closed || matches!(error, WsError::ConnectionClosed | WsError::AlreadyClosed) {
            return Poll::Ready(None);
        }
        let error = match error {
            WsError::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
                self.too_large(size, max_size)
            }
            error => fault::from_tungstenite(error),
        };
        Poll::Ready(Some(Err(error)))
    }

    /// The peer has sent more than the settings allow: which of them, and how much.
    fn too_large(&self, size: usize, limit: usize) -> TransportError {
        let config = self.context.get_config();
        let is = |setting: Option<usize>| setting == Some(limit);
        let (what, settings) = match (is(config.max_message_size), is(config.max_frame_size)) {
            (true, true) => ("message", "Tuning::max_message and Tuning::max_frame"),
            (true, false) => ("message", "Tuning::max_message"),
            (false, true) => ("frame", "Tuning::max_frame"),
            // Without limits of ours, there are those of the address space.
            (false, false) => ("message", "what this machine can address"),
        };
        let words = format!("a {what} of {size} bytes exceeds the {limit} of {settings}");
        TransportError::new(ErrorKind::TooLarge, words)
    }

    /// Apart, since all variants of one `match` would be put together from the small pieces that a
    /// close frame has, which is slow to read again.
    #[cold]
    #[inline(never)]
    fn read_close(
        &mut self,
        close: Option<(CloseCode, Utf8Bytes)>,
    ) -> Poll<Option<Result<Frame, TransportError>>> {
        let close = close.map(|(code, reason)| WsCloseFrame { code, reason });
        match close::received(close, Some(self.io.tail())) {
            Ok(close) => {
                self.read = ReadState::Closed;
                Poll::Ready(Some(Ok(Frame::Close(close))))
            }
            Err(error) => {
                self.read = ReadState::Ended;
                // tungstenite has 1002 ready as the answer.
                if self.context.flush(&mut self.io).is_ok() {
                    let _ = self.io.poll_end();
                }
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    #[cold]
    fn write_trouble(&mut self, error: WsError) -> Result<(), TransportError> {
        match error {
            // The message is in the write buffer, and so is not lost.
            error if would_block(&error) => {
                self.blocked = true;
                Ok(())
            }
            WsError::WriteBufferFull(message) if !self.blocked => {
                self.raise(write_limit(message.len()));
                match self.context.write(&mut self.io, *message) {
                    Ok(()) => Ok(()),
                    Err(error) if would_block(&error) => self.write_trouble(error),
                    Err(error) => Err(fault::from_tungstenite(error)),
                }
            }
            WsError::Protocol(ProtocolError::SendAfterClosing) => Err(TransportError::new(
                ErrorKind::Protocol,
                "nothing can be sent after a close frame",
            )),
            error => Err(fault::from_tungstenite(error)),
        }
    }

    #[inline]
    fn put(&mut self, message: Ws) -> Result<(), TransportError> {
        match self.context.write(&mut self.io, message) {
            Ok(()) => Ok(()),
            Err(error) => self.write_trouble(error),
        }
    }

    #[cold]
    fn start_close(&mut self, close: Frame) -> Result<(), TransportError> {
        let close = outbound(close)?;
        if !self.context.can_write() {
            // The close handshake is already under way.
            return Ok(());
        }
        // tungstenite takes a close frame only once: it must find its place, and is small.
        self.raise(usize::MAX);
        self.put(close)
    }

    /// Allows the write buffer to hold so many bytes until the next flush is through.
    fn raise(&mut self, limit: usize) {
        self.raised = true;
        self.context.set_config(|config| config.max_write_buffer_size = limit);
    }

    /// Makes the buffers small again, if they are empty and nothing is under way. Whether it did.
    fn renew(&mut self) -> bool {
        let Some(blank) = blank::blank(&self.context) else { return false };
        self.context = blank;
        true
    }

    /// Fails once writing has ended.
    #[inline]
    fn check_write(&self) -> Result<(), TransportError> {
        self.io.write_error().map_or(Ok(()), |error| Err(error.clone()))
    }

    fn flush(&mut self, cx: &Context<'_>) -> Poll<Result<(), TransportError>> {
        self.io.arm(cx.waker());
        let flushed = match self.context.flush(&mut self.io) {
            // Where the write buffer was full, an answer to the peer's close waited for its turn.
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
                    // Both close frames have gone through.
                    ReadState::Closed => self.io.poll_end().map(Ok),
                    ReadState::Open | ReadState::Ended => Poll::Ready(Ok(())),
                }
            }
            Err(error) if would_block(&error) => Poll::Pending,
            Err(error) => Poll::Ready(Err(fault::from_tungstenite(error))),
        }
    }
}

fn would_block(error: &WsError) -> bool {
    matches!(error, WsError::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Whether the peer has ended the stream, as against a stream that broke.
fn is_end(error: &WsError) -> bool {
    match error {
        WsError::ConnectionClosed
        | WsError::AlreadyClosed
        | WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => true,
        // TLS has words of its own for an end without its farewell.
        WsError::Io(error) => error.kind() == io::ErrorKind::UnexpectedEof,
        _ => false,
    }
}

/// The close code for what the peer did wrong, RFC 6455 section 7.4.1.
fn complaint(error: &WsError) -> Option<CloseCode> {
    match error {
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        WsError::Protocol(_) => Some(CloseCode::Protocol),
        WsError::Utf8(_) => Some(CloseCode::Invalid),
        WsError::Capacity(_) => Some(CloseCode::Size),
        _ => None,
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
        this.io.arm(cx.waker());
        if this.io.is_turn_over() {
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
            Err(error) => this.read_trouble(error),
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
        this.put(outbound(frame)?)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.get_mut().flush(cx)
    }

    /// Begins the close handshake without a code, if it has not begun yet, and flushes.
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
        let passed_on = self.passed_on.and_then(|passed_on| passed_on(self.io.stream()));
        Some(passed_on.unwrap_or_else(|| self.io.written()))
    }

    fn unacknowledged(&self) -> Option<u64> {
        (self.unacknowledged)(self.io.stream())
    }

    fn bytes_read(&self) -> Option<u64> {
        Some(self.io.bytes_read())
    }

    fn shrink(self: Pin<&mut Self>) {
        let this = self.get_mut();
        let traffic = this.io.bytes_read() + this.io.written();
        // Before a whole read buffer has gone through, none can have grown by much.
        if traffic - this.renewed_at <= this.context.get_config().read_buffer_size as u64 {
            return;
        }
        // Buffers in use stay due: a message that is nearly whole now leaves a large buffer behind.
        if this.renew() {
            this.renewed_at = traffic;
        }
    }
}

impl<S> fmt::Debug for Socket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("written", &self.io.written()).finish_non_exhaustive()
    }
}
