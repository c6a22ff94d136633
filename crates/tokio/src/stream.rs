//! tokio's TCP stream in the shape of futures-io.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use futures_io::{AsyncRead, AsyncWrite};
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, ReadBuf},
    net::TcpStream,
    task::unconstrained,
};

/// tokio's [`TcpStream`] as a futures-io stream.
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

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Polls without regard to what is left of the task's cooperative budget.
fn beside_budget<R>(
    cx: &mut Context<'_>,
    poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    pin!(unconstrained(poll_fn(poll))).poll(cx)
}
