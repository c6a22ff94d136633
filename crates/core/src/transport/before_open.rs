//! An exchange on the raw connection before it counts as open: [`BeforeOpen`].

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project::pin_project;

use super::{Attempt, Connection, Established, Transport};
use crate::{
    error::{ConfigError, ErrorKind, TransportError, not_zero},
    message::{Frame, Message},
    time::{Timer, Timestamp},
};

/// A transport whose connections are open only after an exchange with the server: authenticate,
/// subscribe, resume. Made by [`before_open`].
///
/// Nothing that is queued flows before the exchange is done. If it fails, or takes longer than its
/// timeout, the attempt has failed with [`ErrorKind::Handshake`]; the source of that error is what
/// the function returned. The attempt's own deadline holds for dial and exchange together.
pub struct BeforeOpen<T, K, F> {
    transport: T,
    timer: K,
    timeout: Duration,
    exchange: F,
}

/// Lets `exchange` speak on each new connection before it is open.
///
/// The function gets the connection as a [`RawConnection`] and gives it back when it is done.
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{ErrorKind, Timer, Transport, TransportError, before_open};
///
/// # fn wrap(
/// #     transport: impl Transport,
/// #     timer: impl Timer + Clone,
/// # ) -> Result<(), websocket_heartbeat::ConfigError> {
/// let transport = before_open(transport, timer, Duration::from_secs(5), |mut raw, _attempt| async {
///     raw.send("login secret").await?;
///     match raw.next().await?.as_text() {
///         Some("welcome") => Ok(raw),
///         _ => Err(TransportError::new(ErrorKind::Other, "the server did not welcome us")),
///     }
/// })?;
/// # fn is_transport(_: impl Transport) {}
/// # is_transport(transport);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// When the timeout is zero.
pub fn before_open<T, K, F, Fut>(
    transport: T,
    timer: K,
    timeout: Duration,
    exchange: F,
) -> Result<BeforeOpen<T, K, F>, ConfigError>
where
    T: Transport,
    K: Timer + Clone,
    F: FnMut(RawConnection<T::Connection>, Attempt) -> Fut + Clone,
    Fut: Future<Output = Result<RawConnection<T::Connection>, TransportError>>,
{
    not_zero("timeout of the exchange before open", timeout)?;
    Ok(BeforeOpen { transport, timer, timeout, exchange })
}

impl<T, K, F, Fut> Transport for BeforeOpen<T, K, F>
where
    T: Transport,
    K: Timer + Clone,
    F: FnMut(RawConnection<T::Connection>, Attempt) -> Fut + Clone,
    Fut: Future<Output = Result<RawConnection<T::Connection>, TransportError>>,
{
    type Connection = Pin<Box<T::Connection>>;
    type Connect = Opening<T, K, F, Fut>;

    fn connect(&mut self, attempt: Attempt) -> Self::Connect {
        Opening {
            timer: self.timer.clone(),
            timeout: self.timeout,
            exchange: self.exchange.clone(),
            attempt: attempt.clone(),
            stage: Stage::Dialling(self.transport.connect(attempt)),
        }
    }

    fn can_ping(&self) -> bool {
        self.transport.can_ping()
    }
}

/// An attempt of [`BeforeOpen`].
#[pin_project]
pub struct Opening<T: Transport, K: Timer, F, Fut> {
    timer: K,
    timeout: Duration,
    exchange: F,
    attempt: Attempt,
    #[pin]
    stage: Stage<T::Connect, Fut, K::Sleep>,
}

#[pin_project(project = StageProjection)]
enum Stage<D, E, S> {
    Dialling(#[pin] D),
    Speaking {
        rest: Established<()>,
        #[pin]
        exchange: E,
        /// `None` is never.
        deadline: Option<Timestamp>,
        /// Until the deadline, if there is one.
        #[pin]
        sleep: Option<S>,
    },
}

impl<T, K, F, Fut> Future for Opening<T, K, F, Fut>
where
    T: Transport,
    K: Timer,
    F: FnMut(RawConnection<T::Connection>, Attempt) -> Fut,
    Fut: Future<Output = Result<RawConnection<T::Connection>, TransportError>>,
{
    type Output = Result<Established<Pin<Box<T::Connection>>>, TransportError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let StageProjection::Dialling(connect) = this.stage.as_mut().project() {
            let (connection, rest) = ready!(connect.poll(cx))?.split();
            let raw = RawConnection::new(Box::pin(connection));
            let deadline = this.timer.now().checked_add(*this.timeout);
            this.stage.set(Stage::Speaking {
                rest,
                exchange: (this.exchange)(raw, this.attempt.clone()),
                deadline,
                sleep: deadline.map(|at| this.timer.sleep_until(at)),
            });
        }
        let StageProjection::Speaking { rest, exchange, deadline, mut sleep } =
            this.stage.project()
        else {
            unreachable!("a dial that is done has become an exchange");
        };
        // A finished exchange is taken before its deadline is judged.
        if let Poll::Ready(result) = exchange.poll(cx) {
            let failed = |error| TransportError::from_source(ErrorKind::Handshake, error);
            let raw = result.map_err(failed)?;
            return Poll::Ready(Ok(std::mem::take(rest).map(|()| raw.connection)));
        }
        let Some(deadline) = *deadline else { return Poll::Pending };
        // The clock decides, not the sleep: one that ends early is followed by another.
        for _ in 0..2 {
            if let Some(sleep) = sleep.as_mut().as_pin_mut() {
                ready!(sleep.poll(cx));
            }
            if this.timer.now() >= deadline {
                let words = format!("not done within {:?}", this.timeout);
                return Poll::Ready(Err(TransportError::new(ErrorKind::Handshake, words)));
            }
            sleep.set(Some(this.timer.sleep_until(deadline)));
        }
        // Two that ended early: other tasks have their turn first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Frames of an exchange after which other tasks have their turn.
const FRAMES_PER_TURN: u32 = 256;

/// A connection before it is open: sends and receives messages, without supervision.
///
/// # Cancel safety
///
/// A `send` that is dropped may have written the message or not. A `next` that is dropped loses
/// nothing.
///
/// # Fairness
///
/// However much there is to read, [`next`](Self::next) lets other tasks run after 256 frames, and
/// the deadlines be looked at.
pub struct RawConnection<C> {
    connection: Pin<Box<C>>,
    /// Frames that may be read before other tasks have their turn.
    left: u32,
}

impl<C: Connection> RawConnection<C> {
    fn new(connection: Pin<Box<C>>) -> Self {
        Self { connection, left: FRAMES_PER_TURN }
    }

    /// Sends a message and flushes it.
    ///
    /// # Errors
    ///
    /// When the connection broke.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), TransportError> {
        let frame = Frame::Message(message.into());
        poll_fn(|cx| self.connection.as_mut().poll_ready(cx)).await?;
        self.connection.as_mut().start_send(frame)?;
        poll_fn(|cx| self.connection.as_mut().poll_flush(cx)).await
    }

    /// The next message. Control frames are passed over.
    ///
    /// # Errors
    ///
    /// When the connection broke, ended, or was closed by the server.
    pub async fn next(&mut self) -> Result<Message, TransportError> {
        loop {
            let frame = poll_fn(|cx| {
                if self.left == 0 {
                    self.left = FRAMES_PER_TURN;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                self.left -= 1;
                let frame = self.connection.as_mut().poll_next(cx);
                if frame.is_pending() {
                    self.left = FRAMES_PER_TURN;
                }
                frame
            });
            match frame.await {
                Some(Ok(Frame::Message(message))) => return Ok(message),
                Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
                Some(Ok(Frame::Close(frame))) => {
                    let words = frame.map_or_else(
                        || "closed by the server".to_owned(),
                        |frame| format!("closed by the server with code {}", frame.code),
                    );
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

impl<T: fmt::Debug, K, F> fmt::Debug for BeforeOpen<T, K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeforeOpen")
            .field("transport", &self.transport)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl<T: Transport, K: Timer, F, Fut> fmt::Debug for Opening<T, K, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}
