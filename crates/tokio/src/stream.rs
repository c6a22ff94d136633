//! tokio's TCP stream in the shape of futures-io.

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
use websocket_heartbeat_tungstenite::tcp;

/// tokio's [`TcpStream`] as a futures-io stream.
///
/// Closing it ends writing and not reading: what was written is delivered, then the peer sees the
/// end.
///
/// It does not take part in tokio's cooperative budget: a task that has used its budget up on
/// other things would find the stream pending whatever lies there, and a healthy connection would
/// look stalled. Who reads it in a loop has to yield on their own, as the supervisor does.
#[derive(Debug)]
pub struct TokioStream {
    stream: TcpStream,
}

impl TokioStream {
    /// Wraps a stream.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream }
    }

    /// The stream, for its addresses and options.
    pub fn get_ref(&self) -> &TcpStream {
        &self.stream
    }

    /// Connects, without Nagle's delay.
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        tcp::opened(&stream)?;
        Ok(Self::new(stream))
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
        ready!(beside_budget(cx, |cx| Pin::new(&mut *stream).poll_read(cx, &mut buffer)))?;
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
        beside_budget(cx, |cx| Pin::new(&mut *stream).poll_write(cx, buffer))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(tcp::end(&self.stream))
    }
}

/// Polls without regard to what is left of the task's cooperative budget.
fn beside_budget<R>(
    cx: &mut Context<'_>,
    poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    pin!(unconstrained(poll_fn(poll))).poll(cx)
}
