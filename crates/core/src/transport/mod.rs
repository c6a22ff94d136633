//! What a backend implements: a [`Transport`] that can connect, and the [`Connection`]s it makes.

mod before_open;
mod boxed;
mod endpoints;

pub use self::{
    before_open::{BeforeOpen, Opening, RawConnection, before_open},
    boxed::{BoxConnection, BoxTransport, DynTransport},
    endpoints::Endpoints,
};

use std::{fmt, future::Future, pin::Pin};

use futures_core::Stream;
use futures_sink::Sink;

use crate::{
    error::TransportError, event::LostCause, headers::Headers, message::Frame, text::Text,
    time::Timestamp,
};

/// Something that can connect, again and again.
///
/// The supervisor calls [`connect`](Self::connect) once per attempt and keeps at most one of what
/// it returns: a connect future that is no longer wanted is dropped, and dropping it must abandon
/// the attempt without blocking. URL, headers and credentials are the transport's own affair, so
/// that they can be fresh for each attempt.
///
/// Nothing here asks for `Send`, `Sync` or `Unpin`.
///
/// A panic of any of it, the attempt and its drop included, is a failed attempt: an error of the
/// kind [`Panicked`](crate::ErrorKind::Panicked), unless panics abort. So is the panic of a function
/// that provides URL or credentials, since the attempt calls it.
pub trait Transport {
    /// An established connection.
    type Connection: Connection;
    /// One attempt under way.
    type Connect: Future<Output = Result<Established<Self::Connection>, TransportError>>;

    /// Begins an attempt. Work starts when the future is polled.
    fn connect(&mut self, attempt: Attempt) -> Self::Connect;

    /// Whether its connections can send control-frame pings. Scripts in browsers cannot; there a
    /// heartbeat of pings becomes one of the messages that the original sends.
    fn can_ping(&self) -> bool {
        true
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    type Connection = T::Connection;
    type Connect = T::Connect;

    fn connect(&mut self, attempt: Attempt) -> Self::Connect {
        (**self).connect(attempt)
    }

    fn can_ping(&self) -> bool {
        (**self).can_ping()
    }
}

/// One established line, until it is lost: a stream and a sink of [`Frame`]s.
///
/// # Contract
///
/// - It answers pings by itself, while it is read from, and reports them as [`Frame::Ping`].
/// - Data frames are whole messages.
/// - A poll does a bounded amount of work, whatever the peer sends. One that is `Pending` although
///   there may be more to read has called its waker.
/// - After the peer's close frame it reports [`Frame::Close`], writes the reply by itself as far
///   as it can and at the latest when flushed, then ends with `None` when the peer closes the line.
/// - A close code that a peer may not send, RFC 6455 section 7.4, is an error of kind
///   [`Protocol`](crate::ErrorKind::Protocol), and never reported as another code.
/// - A line that ends without a close frame is `None` or an error of kind
///   [`Ended`](crate::ErrorKind::Ended) or [`Reset`](crate::ErrorKind::Reset).
/// - `start_send(Frame::Close(..))` begins the close handshake; data sent later is refused. Reading
///   goes on until the peer's reply.
/// - A failed write, or a message that the connection refuses for its size, ends writing for good.
///   It does not end reading: what the peer sent before stays readable.
/// - After `None` or an error from reading there is no further frame.
/// - Only the waker of the last poll counts, whichever of the methods it was. It may be woken for
///   no reason.
/// - Once both close frames have gone through, a completed flush has also ended what lies below in
///   order: over TLS with `close_notify`, over TCP with the end of writing.
/// - Dropping it aborts at once and does not block. What was written and has not been delivered is
///   not delivered afterwards, as far as the backend can see to that, unless the connection was
///   ended in order before. `poll_close` is never called.
///
/// A connection whose method panics is lost with an error of the kind
/// [`Panicked`](crate::ErrorKind::Panicked), unless panics abort. It is not called again, but to be
/// dropped; a panic of its drop harms nothing.
pub trait Connection:
    Stream<Item = Result<Frame, TransportError>> + Sink<Frame, Error = TransportError>
{
    /// How many bytes the line below has accepted so far, if the connection can tell.
    ///
    /// By this a slow upload is told from a stuck one. Where it is `None`, a write that is blocked
    /// for the reply timeout, with nothing coming in either, counts as stuck.
    fn bytes_written(&self) -> Option<u64> {
        None
    }

    /// How many bytes of those in [`bytes_written`](Self::bytes_written) the system below still holds, because
    /// the other end has not acknowledged them, if the connection can tell.
    ///
    /// By this a probe that stands in a long queue of the system is told from one that the server
    /// does not answer. It may cost a system call: the supervisor asks when a probe is asked for,
    /// when it is written, and when a verdict is due. Where it is `None`, what was accepted counts as
    /// sent, and a server that takes longer to read it than the reply timeout costs the connection.
    fn unacknowledged(&self) -> Option<u64> {
        None
    }

    /// How many bytes have come in from the line below so far, if the connection can tell.
    ///
    /// By this one large message that trickles in is told from silence: the pong stands behind it.
    /// Where it is `None`, a message that takes longer than the heartbeat costs the connection.
    fn bytes_read(&self) -> Option<u64> {
        None
    }

    /// Gives back memory that it took for more traffic than there is now. Changes nothing else.
    ///
    /// The supervisor calls it when a heartbeat is due, which by default means that nothing came in
    /// for a while. A connection whose buffers do not grow has nothing to do here.
    fn shrink(self: Pin<&mut Self>) {}
}

impl<C: Connection + ?Sized + Unpin> Connection for Box<C> {
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
        Pin::new(&mut **self.get_mut()).shrink();
    }
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

/// What a successful attempt yields.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Established<C> {
    /// The connection.
    pub connection: C,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<Text>,
    /// The header fields of the server's answer.
    pub headers: Headers,
}

impl<C> Established<C> {
    /// A connection without subprotocol and headers.
    pub fn new(connection: C) -> Self {
        Self { connection, subprotocol: None, headers: Headers::new() }
    }

    /// Sets the subprotocol that the server chose.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: Option<Text>) -> Self {
        self.subprotocol = subprotocol;
        self
    }

    /// Sets the header fields of the server's answer.
    #[must_use]
    pub fn headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// The connection, and the rest.
    pub(crate) fn split(self) -> (C, Established<()>) {
        let rest =
            Established { connection: (), subprotocol: self.subprotocol, headers: self.headers };
        (self.connection, rest)
    }

    /// The same with another connection, made from this one.
    pub fn map<D>(self, wrap: impl FnOnce(C) -> D) -> Established<D> {
        Established {
            connection: wrap(self.connection),
            subprotocol: self.subprotocol,
            headers: self.headers,
        }
    }
}

/// What the supervisor tells a transport about the attempt it asks for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The number of the connection that this attempt would become: 1 for the first of a session,
    /// one more for each attempt.
    pub connection: u64,
    /// 0 for the first attempt of a session, and for one that replaces a connection on request or
    /// for its age; 1 for the first after a stable connection was lost; then counted up.
    pub number: u32,
    /// The moment at which the supervisor will give the attempt up; `None` is never.
    pub deadline: Option<Timestamp>,
    /// What came before this attempt.
    pub follows: Predecessor,
    /// The verdict on the last failure asked for fresh credentials.
    pub refresh: bool,
    /// Why the last connection was lost, `None` at the first attempt of a session.
    pub last: Option<LostCause>,
}

/// What came before an attempt. *Stable* is a connection that was open for as long as
/// [`Builder::stable_after`](crate::Builder::stable_after) says, or lived to its maximum age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Predecessor {
    /// Nothing: this is the first attempt of the session.
    None,
    /// An attempt that failed.
    Failed,
    /// An attempt that was given up for a pause, which is nobody's fault.
    GivenUp,
    /// A connection that was lost.
    Lost {
        /// It had proved stable.
        stable: bool,
    },
    /// A connection that was given up on request or for its age, which is nobody's fault.
    Replaced {
        /// It had proved stable.
        stable: bool,
    },
}

impl Predecessor {
    /// Whether it was a stable connection, however it ended.
    pub const fn was_stable(self) -> bool {
        matches!(self, Self::Lost { stable: true } | Self::Replaced { stable: true })
    }

    /// Whether it speaks against the server that was used: an attempt that failed, or a connection
    /// that was lost before it proved stable.
    pub const fn was_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Lost { stable: false })
    }
}

impl Attempt {
    /// The attempt numbered `number` that would become `connection`, as the first of a session.
    /// A deadline of `None` is never. Transports that wrap others, and tests of transports, make
    /// these; otherwise the supervisor does.
    pub fn new(connection: u64, number: u32, deadline: impl Into<Option<Timestamp>>) -> Self {
        Self {
            connection,
            number,
            deadline: deadline.into(),
            follows: Predecessor::None,
            refresh: false,
            last: None,
        }
    }
}

/// A [`Transport`] from a function that is called once per attempt.
///
/// ```
/// use websocket_heartbeat::{transport_fn, ErrorKind, Established, Transport, TransportError};
/// # use websocket_heartbeat::{Attempt, Connection};
/// # fn check<C: Connection>(dial: impl AsyncFn(&str) -> Result<C, TransportError> + Copy) {
/// let transport = transport_fn(move |attempt: Attempt| async move {
///     let url = format!("ws://example.org/?try={}", attempt.number);
///     Ok(Established::new(dial(&url).await?))
/// });
/// # fn is_transport(_: impl Transport) {}
/// # is_transport(transport);
/// # }
/// ```
pub fn transport_fn<F, Fut, C>(connect: F) -> TransportFn<F>
where
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<Established<C>, TransportError>>,
    C: Connection,
{
    TransportFn { connect }
}

/// See [`transport_fn`].
#[derive(Clone)]
pub struct TransportFn<F> {
    connect: F,
}

impl<F, Fut, C> Transport for TransportFn<F>
where
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<Established<C>, TransportError>>,
    C: Connection,
{
    type Connection = C;
    type Connect = Fut;

    fn connect(&mut self, attempt: Attempt) -> Fut {
        (self.connect)(attempt)
    }
}

impl<F> fmt::Debug for TransportFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportFn").finish_non_exhaustive()
    }
}
