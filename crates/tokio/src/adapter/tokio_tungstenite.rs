//! [`TokioTungstenite`]: a `WebSocketStream` of tokio-tungstenite as a connection.

use std::{
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_core::Stream;
use futures_sink::Sink;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::{consume_budget, coop::has_budget_remaining},
};
use tokio_tungstenite::{WebSocketStream, tungstenite::handshake::client::Response};
use websocket_heartbeat::{Connection, Established, Frame, Headers, Text, TransportError};
use websocket_heartbeat_tungstenite::{
    SocketOptions,
    adapter::{Adapter, MessageStream},
    tcp,
};

use super::CountedSocket;
use crate::stream::poll_unconstrained;

/// A [`tokio_tungstenite::WebSocketStream`] as a [`Connection`], for programs that already have one
/// with their own TLS, proxy or upgrade.
///
/// [`Adapter`] lists the rules of the contract that it does not keep. Give it the socket below:
///
/// | | `new` alone | [`with_socket`](Self::with_socket) | [`with_counted_socket`](Self::with_counted_socket) |
/// |---|---|---|---|
/// | a drop | the system still delivers written bytes | resets the connection | resets the connection |
/// | [`unacknowledged`](Connection::unacknowledged) | unknown | known | known |
/// | [`bytes_written`](Connection::bytes_written), [`bytes_read`](Connection::bytes_read) | unknown | unknown | known |
/// | addresses in [`established`](Self::established) | unknown | known | known |
///
/// Writing ignores tokio's cooperative budget, and so does reading if the task has already used its
/// budget for other work: otherwise a healthy connection would look stalled. Reading that uses up
/// the budget by itself, for example of fragments without end, is pending until the next poll of the
/// task, and has called the waker. If other work has used up the budget, or the task has none, a
/// poll for such fragments lasts as long as the peer sends them. The connections of
/// [`TokioTransport`](crate::TokioTransport) have a limit of their own for that.
///
/// This type depends on the version of tokio-tungstenite: after a new incompatible version of it,
/// this crate also has a new major version.
///
/// ```
/// use tokio_tungstenite::{MaybeTlsStream, connect_async};
/// use websocket_heartbeat_tokio::{
///     Attempt, Transport, adapter::{TokioTungstenite, transport_error}, transport_fn,
/// };
///
/// /// The transport of a program that has its own steps around `connect_async`.
/// fn transport() -> impl Transport {
///     transport_fn(|_: Attempt| async {
///         let connected = connect_async("wss://example.org/feed").await;
///         let (stream, response) = connected.map_err(|error| transport_error(error, &[]))?;
///         let connection = TokioTungstenite::new(stream).with_socket(MaybeTlsStream::get_ref);
///         Ok(connection.established(&response))
///     })
/// }
/// # drop(transport());
/// ```
pub struct TokioTungstenite<S> {
    adapter: Adapter<Layers<S>>,
    /// Set if a read of this connection has used up the budget of the task.
    used_up: Option<Arc<TaskPoll>>,
}

/// A poll of the task, as the waker of the next one: whether it is over.
#[derive(Default)]
struct TaskPoll(AtomicBool);

impl Wake for TaskPoll {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl TaskPoll {
    /// The current poll, whose budget is used up.
    fn current() -> Arc<Self> {
        let poll = Arc::new(Self::default());
        let waker = Waker::from(Arc::clone(&poll));
        // Without budget this is pending, and tokio calls the waker after this poll of the task.
        let _ = pin!(consume_budget()).poll(&mut Context::from_waker(&waker));
        poll
    }

    fn is_over(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The stream, and the way to the socket below it.
struct Layers<S> {
    stream: WebSocketStream<S>,
    below: Below<S>,
}

enum Below<S> {
    Unknown,
    Socket(fn(&S) -> &TcpStream),
    Counted(fn(&S) -> &CountedSocket),
}

impl<S> TokioTungstenite<S> {
    /// Wraps the stream of a client.
    pub const fn new(stream: WebSocketStream<S>) -> Self {
        Self::over_layers(Layers { stream, below: Below::Unknown })
    }

    const fn over_layers(layers: Layers<S>) -> Self {
        Self { adapter: Adapter::new(layers), used_up: None }
    }

    /// Returns the stream of tokio-tungstenite. If the socket below was known, a drop of the stream
    /// still resets the connection.
    pub fn into_inner(self) -> WebSocketStream<S> {
        self.adapter.into_inner().stream
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TokioTungstenite<S> {
    /// Sets the function that returns the TCP socket below. For the streams of `connect_async`,
    /// this is `MaybeTlsStream::get_ref`.
    ///
    /// From now on a drop resets the connection, unless it was closed before. For other values of
    /// `SO_LINGER`, call [`SocketOptions::apply_linger`] after this.
    #[must_use]
    pub fn with_socket(self, socket: fn(&S) -> &TcpStream) -> Self {
        self.over(Below::Socket(socket))
    }

    /// Sets the function that returns the [`CountedSocket`] below, also for
    /// [`with_socket`](Self::with_socket).
    ///
    /// ```
    /// use tokio::net::TcpStream;
    /// use tokio_tungstenite::client_async;
    /// use websocket_heartbeat_tokio::{
    ///     ErrorKind, Established, TransportError,
    ///     adapter::{CountedSocket, TokioTungstenite, transport_error},
    /// };
    ///
    /// async fn open() -> Result<Established<TokioTungstenite<CountedSocket>>, TransportError> {
    ///     let socket = TcpStream::connect("example.org:80").await;
    ///     let socket = socket.map_err(|error| transport_error(error.into(), &[]))?;
    ///     let upgraded = client_async("ws://example.org/feed", CountedSocket::new(socket)).await;
    ///     let (stream, response) = upgraded.map_err(|error| transport_error(error, &[]))?;
    ///     let connection = TokioTungstenite::new(stream).with_counted_socket(|socket| socket);
    ///     Ok(connection.established(&response))
    /// }
    /// ```
    #[must_use]
    pub fn with_counted_socket(self, socket: fn(&S) -> &CountedSocket) -> Self {
        self.over(Below::Counted(socket))
    }

    fn over(self, below: Below<S>) -> Self {
        let layers = Layers { stream: self.adapter.into_inner().stream, below };
        if let Some(socket) = layers.socket() {
            SocketOptions::new().apply_linger(socket);
        }
        Self::over_layers(layers)
    }

    /// The TCP socket below, if it is known.
    pub fn socket(&self) -> Option<&TcpStream> {
        self.adapter.get_ref().socket()
    }

    /// Makes the result of an attempt: this connection, with the subprotocol and the header fields
    /// of the server's answer, and with the addresses of the socket.
    pub fn established(self, response: &Response) -> Established<Self> {
        let fields = response.headers().iter();
        let headers: Headers =
            fields.map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let subprotocol = headers.get("sec-websocket-protocol").map(Text::from);
        let peer = self.socket().and_then(|socket| socket.peer_addr().ok());
        let local = self.socket().and_then(|socket| socket.local_addr().ok());
        Established::new(self)
            .subprotocol(subprotocol)
            .headers(headers)
            .peer_address(peer)
            .local_address(local)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Layers<S> {
    fn socket(&self) -> Option<&TcpStream> {
        match self.below {
            Below::Unknown => None,
            Below::Socket(socket) => Some(socket(self.stream.get_ref())),
            Below::Counted(socket) => Some(socket(self.stream.get_ref()).get_ref()),
        }
    }

    fn counted(&self) -> Option<&CountedSocket> {
        match self.below {
            Below::Counted(socket) => Some(socket(self.stream.get_ref())),
            Below::Unknown | Below::Socket(_) => None,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> MessageStream for Layers<S> {
    type Messages = WebSocketStream<S>;

    fn messages(&mut self) -> &mut WebSocketStream<S> {
        &mut self.stream
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(socket) = self.socket() {
            // Now a drop must not discard the close frame.
            SocketOptions::new().linger(None).apply_linger(socket);
        }
        Pin::new(self.stream.get_mut()).poll_shutdown(cx).map(drop)
    }

    fn bytes_written(&self) -> Option<u64> {
        self.counted().map(CountedSocket::bytes_written)
    }

    fn unacknowledged(&self) -> Option<u64> {
        self.socket().and_then(tcp::unacknowledged)
    }

    fn bytes_read(&self) -> Option<u64> {
        self.counted().map(CountedSocket::bytes_read)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for TokioTungstenite<S> {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { adapter, used_up } = &mut *self;
        if has_budget_remaining() {
            let next = Pin::new(adapter).poll_next(cx);
            *used_up = (!has_budget_remaining()).then(TaskPoll::current);
            if next.is_pending() && used_up.is_some() {
                // tokio would call the waker only after this poll of the task.
                cx.waker().wake_by_ref();
            }
            return next;
        }
        // Without a limit, a peer that sends fragments without end would keep the poll busy forever.
        if used_up.as_ref().is_some_and(|poll| !poll.is_over()) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        *used_up = None;
        poll_unconstrained(cx, |cx| Pin::new(&mut *adapter).poll_next(cx))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Frame> for TokioTungstenite<S> {
    type Error = TransportError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        poll_unconstrained(cx, |cx| Pin::new(&mut self.adapter).poll_ready(cx))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        Pin::new(&mut self.adapter).start_send(frame)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        poll_unconstrained(cx, |cx| Pin::new(&mut self.adapter).poll_flush(cx))
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        poll_unconstrained(cx, |cx| Pin::new(&mut self.adapter).poll_close(cx))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection for TokioTungstenite<S> {
    fn bytes_written(&self) -> Option<u64> {
        self.adapter.bytes_written()
    }

    fn unacknowledged(&self) -> Option<u64> {
        self.adapter.unacknowledged()
    }

    fn bytes_read(&self) -> Option<u64> {
        self.adapter.bytes_read()
    }
}

impl<S> fmt::Debug for TokioTungstenite<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioTungstenite").finish_non_exhaustive()
    }
}
