//! [`TokioStream`]: tokio's TCP stream as a futures-io stream.

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use futures_io::{AsyncRead, AsyncWrite};
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, ReadBuf},
    net::TcpStream,
    task::unconstrained,
};

/// tokio's TCP stream as a futures-io stream, for example for
/// [`upgrade`](websocket_heartbeat_tungstenite::upgrade) behind a proxy.
///
/// It ignores tokio's cooperative budget. Otherwise every stream would be pending for a task that
/// has used its budget for other work, and a healthy connection would look stalled. A task that
/// reads this stream in a loop must yield by itself, as the supervisor does.
///
/// ```
/// use websocket_heartbeat_tokio::TokioStream;
///
/// async fn open() -> std::io::Result<TokioStream> {
///     let stream = tokio::net::TcpStream::connect("proxy.example.org:3128").await?;
///     // Ask the proxy for a tunnel here.
///     TokioStream::try_from(stream.into_std()?)
/// }
/// ```
#[derive(Debug)]
pub struct TokioStream {
    stream: TcpStream,
}

impl TokioStream {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { stream: TcpStream::connect(address).await? })
    }
}

/// The stream must be in non-blocking mode. Panics outside a runtime that has I/O enabled.
impl TryFrom<std::net::TcpStream> for TokioStream {
    type Error = io::Error;

    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        Ok(Self { stream: TcpStream::from_std(stream)? })
    }
}

impl AsyncRead for TokioStream {
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

impl AsyncWrite for TokioStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = &mut self.stream;
        poll_unconstrained(cx, |cx| Pin::new(&mut *stream).poll_write(cx, buffer))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Polls without regard to the task's cooperative budget.
fn poll_unconstrained<R>(
    cx: &mut Context<'_>,
    poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    pin!(unconstrained(poll_fn(poll))).poll(cx)
}

#[cfg(unix)]
impl std::os::fd::AsFd for TokioStream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for TokioStream {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        self.stream.as_socket()
    }
}
