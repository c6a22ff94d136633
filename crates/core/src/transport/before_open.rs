//! An exchange on a new connection before it counts as open: [`before_open`].

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project::pin_project;

use super::{Attempt, Connection, Established, Transport};
use crate::{
    error::{ErrorKind, TransportError},
    event::LostCause,
    message::{Frame, Message},
};

/// Wraps a transport so that each new connection is open only after an exchange with the server,
/// for example a login.
///
/// `exchange` is called for each connection. It gets the connection as a [`RawConnection`] and
/// returns it at the end. Until then no queued message is written, and the supervisor sends no
/// heartbeat.
///
/// # Errors of the attempt
///
/// If `exchange` returns an error, the attempt fails with an error of the kind
/// [`Handshake`](ErrorKind::Handshake), whose [`source`](std::error::Error::source) is the returned
/// error. The exchange has no timeout of its own. It is a part of the attempt, so the
/// [`ConnectTimeout`](crate::ConnectTimeout) of the session covers dial and exchange together.
/// After that time the attempt fails with
/// [`LostCause::ConnectTimeout`](crate::LostCause::ConnectTimeout).
///
/// # Example
///
/// ```
/// use futures::StreamExt;
/// use websocket_heartbeat::{ErrorKind, Event, Supervisor, TransportError, before_open};
///
/// # use websocket_heartbeat_mock::{Clock, Script, mock, run};
/// # let clock = Clock::new();
/// # let timer = clock.timer();
/// # let (transport, remote) = mock(&clock);
/// # remote.script(|_| Script::accept().reply_with(|_| Some("welcome".into())));
/// let transport = before_open(transport, |mut raw, _attempt| async {
///     raw.send("login secret").await?;
///     match raw.next().await?.as_text() {
///         Some("welcome") => Ok(raw),
///         _ => Err(TransportError::new(ErrorKind::Other, "the server did not welcome us")),
///     }
/// });
/// let mut supervisor = Supervisor::builder(transport, timer).build()?;
/// # run(&clock, async {
/// while let Some(event) = supervisor.next().await {
///     if let Event::Open(_) = event {
///         println!("logged in");
/// #       break;
///     }
/// }
/// # });
/// # assert_eq!(remote.trace().times("-> text \"login secret\"").len(), 1);
/// # Ok::<_, websocket_heartbeat::ConfigError>(())
/// ```
pub fn before_open<T, F, Fut>(transport: T, exchange: F) -> BeforeOpen<T, F>
where
    T: Transport,
    F: FnMut(RawConnection<T::Connection>, Attempt) -> Fut + Clone,
    Fut: Future<Output = Result<RawConnection<T::Connection>, TransportError>>,
{
    BeforeOpen { transport, exchange }
}

/// The transport that [`before_open`] makes.
pub struct BeforeOpen<T, F> {
    transport: T,
    exchange: F,
}

impl<T, F, Fut> Transport for BeforeOpen<T, F>
where
    T: Transport,
    F: FnMut(RawConnection<T::Connection>, Attempt) -> Fut + Clone,
    Fut: Future<Output = Result<RawConnection<T::Connection>, TransportError>>,
{
    type Connection = Pin<Box<T::Connection>>;
    type Connect = Opening<T, F, Fut>;

    fn connect(&mut self, attempt: Attempt) -> Self::Connect {
        Opening {
            exchange: self.exchange.clone(),
            attempt: attempt.clone(),
            stage: Stage::Dialling(self.transport.connect(attempt)),
        }
    }

    fn can_ping(&self) -> bool {
        self.transport.can_ping()
    }
}

/// One attempt of the transport that [`before_open`] makes.
#[pin_project]
pub struct Opening<T: Transport, F, Fut> {
    exchange: F,
    attempt: Attempt,
    #[pin]
    stage: Stage<T::Connect, Fut>,
}

#[pin_project(project = StageProjection)]
enum Stage<D, E> {
    Dialling(#[pin] D),
    Exchanging(#[pin] E),
}

impl<T, F, Fut> Future for Opening<T, F, Fut>
where
    T: Transport,
    F: FnMut(RawConnection<T::Connection>, Attempt) -> Fut,
    Fut: Future<Output = Result<RawConnection<T::Connection>, TransportError>>,
{
    type Output = Result<Established<Pin<Box<T::Connection>>>, TransportError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let StageProjection::Dialling(connect) = this.stage.as_mut().project() {
            let established = ready!(connect.poll(cx))?.map(Box::pin);
            let raw = RawConnection { established, left: FRAMES_PER_TURN };
            let exchange = (this.exchange)(raw, this.attempt.clone());
            this.stage.set(Stage::Exchanging(exchange));
        }
        let StageProjection::Exchanging(exchange) = this.stage.project() else {
            unreachable!("after the dial comes the exchange");
        };
        exchange
            .poll(cx)
            .map_ok(|raw| raw.established)
            .map_err(|error| TransportError::from_source(ErrorKind::Handshake, error))
    }
}

/// The number of frames that [`RawConnection::next`] reads before it lets other tasks run. A
/// supervisor hands the same number of messages to a connection between two flushes.
const FRAMES_PER_TURN: u32 = 256;

/// A connection during the exchange of [`before_open`]: it sends and receives messages, without
/// supervision.
///
/// # Cancel safety
///
/// If a future of `send` is dropped, its message may or may not be written. Dropping a future of
/// `next` loses no message.
///
/// # Fairness
///
/// The future of [`next`](Self::next) returns `Pending` after 256 frames, even if there is more to
/// read. So other tasks run, and the deadline of the attempt is checked.
pub struct RawConnection<C> {
    established: Established<Pin<Box<C>>>,
    /// Frames that may be read before other tasks run.
    left: u32,
}

impl<C: Connection> RawConnection<C> {
    fn connection(&mut self) -> Pin<&mut C> {
        self.established.connection.as_mut()
    }

    /// Sends a message and flushes it.
    ///
    /// # Errors
    ///
    /// If the connection is broken.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), TransportError> {
        let frame = Frame::Message(message.into());
        poll_fn(|cx| self.connection().poll_ready(cx)).await?;
        self.connection().start_send(frame)?;
        poll_fn(|cx| self.connection().poll_flush(cx)).await
    }

    /// Receives the next message. Pings and pongs are skipped.
    ///
    /// # Errors
    ///
    /// If the connection is broken or has ended. The kind is [`Ended`](ErrorKind::Ended) if the
    /// server closed it.
    pub async fn next(&mut self) -> Result<Message, TransportError> {
        loop {
            let frame = poll_fn(|cx| {
                if self.left == 0 {
                    self.left = FRAMES_PER_TURN;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                self.left -= 1;
                self.connection().poll_next(cx)
            });
            match frame.await {
                Some(Ok(Frame::Message(message))) => return Ok(message),
                Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
                Some(Ok(Frame::Close(frame))) => {
                    let words = LostCause::ClosedByPeer(frame).to_string();
                    return Err(TransportError::new(ErrorKind::Ended, words));
                }
                Some(Err(error)) => return Err(error),
                None => {
                    let words = "the server ended the connection";
                    return Err(TransportError::new(ErrorKind::Ended, words));
                }
            }
        }
    }
}

impl<C> fmt::Debug for RawConnection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawConnection").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug, F> fmt::Debug for BeforeOpen<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeforeOpen").field("transport", &self.transport).finish_non_exhaustive()
    }
}

impl<T: Transport, F, Fut> fmt::Debug for Opening<T, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}
