//! [`TokioStream`]: a stream of tokio as a futures-io stream.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::unconstrained,
};

use crate::TokioSocket;

/// A stream of tokio as a futures-io stream, for example for
/// [`upgrade`](websocket_heartbeat_tungstenite::upgrade) over a stream that you provide: of a
/// proxy, of another TLS library, between two tasks. The backend's own connections have a
/// [`TokioSocket`] in it.
///
/// It ignores tokio's cooperative budget. Otherwise every stream would be pending for a task that
/// has used its budget for other work, and a healthy connection would look stalled. A task that
/// reads this stream in a loop must yield by itself, as the supervisor does.
///
/// ```
/// # #[cfg(unix)]
/// # mod unix {
/// use tokio::net::UnixStream;
/// use websocket_heartbeat_tokio::{
///     Attempt, ErrorKind, Request, TokioStream, Transport, TransportError, Tuning, transport_fn,
///     upgrade,
/// };
///
/// fn transport(request: Request) -> impl Transport {
///     transport_fn(move |_: Attempt| {
///         let request = request.clone();
///         async move {
///             let stream = UnixStream::connect("/run/feed.sock").await;
///             let stream = stream.map_err(|e| TransportError::from_source(ErrorKind::Refused, e))?;
///             upgrade(TokioStream::new(stream), &request, Tuning::new()).await
///         }
///     })
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct TokioStream<S = TokioSocket> {
    stream: S,
}

impl<S> TokioStream<S> {
    /// Wraps a stream of tokio.
    pub const fn new(stream: S) -> Self {
        Self { stream }
    }

    /// The stream of tokio.
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }
}

/// The stream must be in non-blocking mode. Panics outside a runtime that has I/O enabled.
impl TryFrom<std::net::TcpStream> for TokioStream {
    type Error = io::Error;

    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        TokioSocket::try_from(stream).map(Self::new)
    }
}

impl<S: AsyncRead + Unpin> futures_io::AsyncRead for TokioStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let stream = &mut self.stream;
        ready!(poll_unconstrained(cx, |cx| Pin::new(&mut *stream).poll_read(cx, &mut buffer)))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl<S: AsyncWrite + Unpin> futures_io::AsyncWrite for TokioStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = &mut self.stream;
        poll_unconstrained(cx, |cx| Pin::new(&mut *stream).poll_write(cx, buffer))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = &mut self.stream;
        // A socket has nothing to flush, and is ready at once. Then the budget does not matter.
        match Pin::new(&mut *stream).poll_flush(cx) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => poll_unconstrained(cx, |cx| Pin::new(&mut *stream).poll_flush(cx)),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = &mut self.stream;
        poll_unconstrained(cx, |cx| Pin::new(&mut *stream).poll_shutdown(cx))
    }
}

/// Polls without regard to the task's cooperative budget.
pub(crate) fn poll_unconstrained<R>(
    cx: &mut Context<'_>,
    poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    pin!(unconstrained(poll_fn(poll))).poll(cx)
}

#[cfg(unix)]
impl<S: std::os::fd::AsFd> std::os::fd::AsFd for TokioStream<S> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(windows)]
impl<S: std::os::windows::io::AsSocket> std::os::windows::io::AsSocket for TokioStream<S> {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        self.stream.as_socket()
    }
}
