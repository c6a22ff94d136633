//! The contract of a connection: [`Connection`].

use std::pin::Pin;

use futures_core::Stream;
use futures_sink::Sink;

use crate::{error::TransportError, message::Frame};

/// An established connection: a stream and a sink of [`Frame`]s.
///
/// The crate `websocket-heartbeat-conformance` has a test for each sentence of the contract.
///
/// # Contract
///
/// Reading:
///
/// - It answers pings by itself while it is read, and reports them as [`Frame::Ping`]. It reports
///   pongs as [`Frame::Pong`].
/// - Messages are complete and unchanged: it assembles fragments. An empty message is a message. A
///   control frame between two fragments is reported before the message.
/// - Frames that arrive together with the answer to the upgrade are kept.
/// - A violation of the protocol by the peer is an error of the kind
///   [`Protocol`](crate::ErrorKind::Protocol). A close code that a server may not send (RFC 6455
///   section 7.4) is one, and never a frame with another code.
/// - After the peer's close frame it reports [`Frame::Close`]. It replies as soon as it can write,
///   and at the latest when it is flushed. It ends with `None` when the peer ends the byte stream.
/// - A byte stream that ends or is reset without a close frame is `None`, or an error of the kind
///   [`Ended`](crate::ErrorKind::Ended) or [`Reset`](crate::ErrorKind::Reset).
/// - After `None` or an error from reading there is no further frame.
///
/// Writing:
///
/// - Frames are sent unchanged, in their order. Pings and pongs are sent without a message of the
///   application.
/// - It buffers a bounded number of bytes: `poll_ready` is pending while the peer does not read
///   what was sent before.
/// - `start_send(Frame::Close(..))` begins the close handshake. Messages sent later are refused. A
///   second close frame is accepted and not sent. Reading goes on until the peer's reply.
/// - A failed write, or a message that is refused for its size, ends writing. It does not end
///   reading: all frames that the peer has sent before can still be read.
/// - After both close frames have been sent, a completed flush has also closed the layers below:
///   TLS with `close_notify`, and TCP by the end of writing.
/// - `poll_close` is never called.
///
/// Polling:
///
/// - A poll does a bounded amount of work, for any data of the peer. If it returns `Pending`
///   although there may be more to read, it has called the waker.
/// - Only the waker of the last poll counts: all methods are polled with the same waker, and a
///   connection may forget an earlier one. The waker may be called without a reason.
///
/// Numbers and memory:
///
/// - [`bytes_written`](Self::bytes_written) and [`bytes_read`](Self::bytes_read) are known always or
///   never. They never decrease. They include the bytes of all messages.
/// - [`unacknowledged`](Self::unacknowledged) does not include bytes that have arrived.
/// - [`shrink`](Self::shrink) changes nothing that is read or sent.
///
/// Dropping:
///
/// - A drop aborts the connection at once and does not block.
/// - The backend prevents, if possible, that undelivered data is delivered after the drop, unless
///   the connection was closed before.
///
/// # Panics
///
/// If a method panics, the connection is lost with an error of the kind
/// [`Panicked`](crate::ErrorKind::Panicked), unless panics abort the process. The connection is
/// then dropped without a further call. A panic of its drop is also caught.
///
/// # Example
///
/// [`Transport`](crate::Transport) has an example with a complete connection.
pub trait Connection:
    Stream<Item = Result<Frame, TransportError>> + Sink<Frame, Error = TransportError>
{
    /// How many bytes the socket has accepted so far; `None` by default, for "unknown".
    ///
    /// This distinguishes a slow upload from a stalled one. If the number is unknown, a write
    /// counts as stalled when it is blocked for the heartbeat's timeout and nothing arrives
    /// meanwhile.
    fn bytes_written(&self) -> Option<u64> {
        None
    }

    /// How many of the [`bytes_written`](Self::bytes_written) the operating system still holds,
    /// because the peer has not acknowledged these bytes; `None` by default, for "unknown".
    ///
    /// This distinguishes a probe that still waits in the system's buffer from one that the server
    /// does not answer. It may cost a system call: the supervisor calls it when a probe is
    /// requested, when it is written, when a blocked write goes on while it is out, and when its
    /// timeout is judged. If the number is unknown, accepted bytes count as sent, and a server that
    /// reads them more slowly than the heartbeat's timeout loses the connection.
    fn unacknowledged(&self) -> Option<u64> {
        None
    }

    /// How many bytes were read from the socket so far; `None` by default, for "unknown".
    ///
    /// This distinguishes a large message that arrives slowly from silence: the pong is queued
    /// behind such a message. If the number is unknown, a message that takes longer than the
    /// interval and the timeout of the heartbeat loses the connection.
    fn bytes_read(&self) -> Option<u64> {
        None
    }

    /// Releases buffer memory that was allocated for earlier traffic, and changes nothing else.
    /// Does nothing by default.
    ///
    /// The supervisor calls it when a heartbeat is due, so the connection is usually idle.
    fn shrink(self: Pin<&mut Self>) {}
}

impl<C: Connection + ?Sized> Connection for Pin<Box<C>> {
    fn bytes_written(&self) -> Option<u64> {
        (**self).bytes_written()
    }

    fn unacknowledged(&self) -> Option<u64> {
        (**self).unacknowledged()
    }

    fn bytes_read(&self) -> Option<u64> {
        (**self).bytes_read()
    }

    fn shrink(self: Pin<&mut Self>) {
        self.get_mut().as_mut().shrink();
    }
}
