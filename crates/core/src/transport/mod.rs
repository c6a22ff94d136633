//! The interface to the network, which backends implement: [`Transport`] and [`Connection`].

mod attempt;
mod before_open;
mod boxed;
mod connection;
mod endpoints;
mod established;
#[cfg(test)]
pub(crate) mod silent;
mod transport_fn;

pub use self::{
    attempt::{Attempt, Predecessor},
    before_open::{BeforeOpen, Opening, RawConnection, before_open},
    boxed::{BoxConnection, BoxTransport, DynTransport},
    connection::Connection,
    endpoints::Endpoints,
    established::Established,
    transport_fn::{TransportFn, transport_fn},
};

use std::future::Future;

use crate::error::TransportError;

/// Makes connections, one for each attempt.
///
/// The supervisor calls [`connect`](Self::connect) once for each attempt. It polls one returned
/// future at a time, and drops the future to abandon the attempt. URL, headers and credentials
/// belong to the transport, so that they can be fresh for each attempt.
///
/// A transport and its parts need not be `Send`, `Sync` or `Unpin`. Most programs use the transport
/// of a backend, or wrap it with [`transport_fn`], [`before_open`], [`Endpoints`] or
/// [`BoxTransport`].
///
/// The crate `websocket-heartbeat-conformance` has a test for each sentence of the contract.
///
/// # Contract
///
/// - Each attempt makes a connection of its own. Its work starts when the future is polled.
/// - Dropping the future abandons the attempt and does not block.
/// - An attempt that the server does not accept fails.
/// - If [`can_ping`](Self::can_ping) is true, the connections send pings.
///
/// # Errors
///
/// An attempt fails with these kinds, as far as the transport can distinguish them, since the
/// decision about the next attempt depends on them:
///
/// - [`Refused`](crate::ErrorKind::Refused) if no program listens on the port.
/// - [`Http`](crate::ErrorKind::Http) if the server answers with a status other than 101. The error
///   then has the status, the header fields and the body, as far as it has arrived, and the value
///   of `Retry-After`: a number of seconds, or a date, which is relative to the `Date` of the
///   answer. A value that is not valid is ignored, see [`TransportError::http_hiding`].
/// - [`Protocol`](crate::ErrorKind::Protocol) if the answer is not HTTP, or is not a valid
///   upgrade.
/// - [`Ended`](crate::ErrorKind::Ended) or [`Reset`](crate::ErrorKind::Reset) if the byte stream
///   ends before the answer is complete.
///
/// # Panics
///
/// A panic of `connect`, of the attempt or of its drop is a failed attempt, with an error of the
/// kind [`Panicked`](crate::ErrorKind::Panicked), unless panics abort the process. This includes
/// panics of functions that provide the URL or credentials, since the attempt calls these
/// functions.
///
/// # Example
///
/// A transport without a network, whose connections echo all messages:
///
/// ```
/// use std::{collections::VecDeque, future::{Ready, ready}, pin::Pin};
/// use std::task::{Context, Poll, Waker};
/// use futures::{Sink, Stream};
/// use websocket_heartbeat::{Attempt, Connection, Established, Frame, Transport, TransportError};
///
/// struct Loopback;
///
/// impl Transport for Loopback {
///     type Connection = Echo;
///     type Connect = Ready<Result<Established<Echo>, TransportError>>;
///
///     fn connect(&mut self, _attempt: Attempt) -> Self::Connect {
///         ready(Ok(Established::new(Echo::default())))
///     }
/// }
///
/// #[derive(Default)]
/// struct Echo {
///     frames: VecDeque<Frame>,
///     closed: bool,
///     waker: Option<Waker>,
/// }
///
/// impl Connection for Echo {}
///
/// impl Stream for Echo {
///     type Item = Result<Frame, TransportError>;
///
///     fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
///         match self.frames.pop_front() {
///             Some(frame) => {
///                 self.closed |= matches!(frame, Frame::Close(_));
///                 Poll::Ready(Some(Ok(frame)))
///             }
///             None if self.closed => Poll::Ready(None),
///             None => {
///                 self.waker = Some(cx.waker().clone());
///                 Poll::Pending
///             }
///         }
///     }
/// }
///
/// impl Sink<Frame> for Echo {
///     type Error = TransportError;
///
///     fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
///         Poll::Ready(Ok(()))
///     }
///
///     fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
///         self.frames.push_back(match frame {
///             Frame::Ping(payload) => Frame::Pong(payload),
///             other => other,
///         });
///         if let Some(waker) = self.waker.take() {
///             waker.wake();
///         }
///         Ok(())
///     }
///
///     fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
///         Poll::Ready(Ok(()))
///     }
///
///     fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
///         Poll::Ready(Ok(()))
///     }
/// }
///
/// # use futures::StreamExt;
/// # use websocket_heartbeat::{Event, Supervisor};
/// # let clock = websocket_heartbeat_mock::Clock::new();
/// # let mut supervisor = Supervisor::builder(Loopback, clock.timer()).build()?;
/// # websocket_heartbeat_mock::run(&clock, async {
/// #     let mut echoed = false;
/// #     while let Some(event) = supervisor.next().await {
/// #         match event {
/// #             Event::Message(message) => {
/// #                 echoed = message.as_text() == Some("hello");
/// #                 supervisor.handle().close();
/// #             }
/// #             Event::Open(_) => supervisor.handle().try_queue("hello").unwrap(),
/// #             _ => {}
/// #         }
/// #     }
/// #     assert!(echoed);
/// # });
/// # Ok::<_, websocket_heartbeat::ConfigError>(())
/// ```
pub trait Transport {
    /// An established connection.
    type Connection: Connection;
    /// A running attempt.
    type Connect: Future<Output = Result<Established<Self::Connection>, TransportError>>;

    /// Begins an attempt. The work starts when the future is polled.
    fn connect(&mut self, attempt: Attempt) -> Self::Connect;

    /// Whether the connections can send pings (RFC 6455 section 5.5.2); `true` by default. The
    /// supervisor calls it before each attempt.
    ///
    /// Scripts in browsers cannot send pings. There, the rules of [`Silent`](crate::Silent) and
    /// [`Unanswered`](crate::Unanswered) apply, since a server must answer a ping, but not a message.
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
