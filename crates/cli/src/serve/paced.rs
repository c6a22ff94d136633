//! A stream that is read slowly, or at least with pauses in which other tasks run.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use async_io::Timer;
use futures::{AsyncRead, AsyncWrite, FutureExt};

/// The number of reads in a second.
const READS: u32 = 10;

/// The number of bytes that are read before other tasks run. A message without an end would otherwise
/// stop all other connections, and the limits of its own.
const BURST: usize = 64 << 10;

/// Reads at most a number of bytes in a second.
pub(super) struct Paced<S> {
    stream: S,
    /// The bytes of one read, and the time of the next; `None` without a limit.
    pace: Option<(usize, Timer)>,
    /// The number of bytes that were read since other tasks ran.
    burst: usize,
    /// The time of the last byte in either direction.
    last_byte: Instant,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, pace: None, burst: 0, last_byte: Instant::now() }
    }

    /// Limits the bytes that are read in a second from now on.
    pub(super) fn slow_down(&mut self, bytes_per_second: Option<u32>) {
        self.pace = bytes_per_second
            .map(|bytes| (bytes.div_ceil(READS) as usize, Timer::at(Instant::now())));
    }

    pub(super) fn inner(&self) -> &S {
        &self.stream
    }

    pub(super) fn last_byte(&self) -> Instant {
        self.last_byte
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.burst >= BURST {
            this.burst = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = match &mut this.pace {
            Some((bytes, next)) => {
                ready!(next.poll_unpin(cx));
                buffer.len().min(*bytes)
            }
            None => buffer.len(),
        };
        let read = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer[..length]));
        this.last_byte = Instant::now();
        this.burst += read.as_ref().map_or(0, |count| *count);
        if let Some((_, next)) = &mut this.pace {
            *next = Timer::after(Duration::from_secs(1) / READS);
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buffer));
        self.last_byte = Instant::now();
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use futures::io::{AsyncReadExt, Cursor};

    use super::*;

    #[test]
    fn other_tasks_run_while_there_is_always_more_to_read() {
        let mut stream = Paced::new(futures::io::repeat(7));
        let mut buffer = vec![0; BURST];
        assert!(stream.read_exact(&mut buffer).now_or_never().is_some());
        assert!(stream.read_exact(&mut buffer).now_or_never().is_none());
        assert!(stream.read_exact(&mut buffer).now_or_never().is_some());
    }

    #[test]
    fn one_read_gets_a_tenth_of_the_bytes_of_a_second() {
        let mut stream = Paced::new(Cursor::new(repeat_n(7, 100).collect::<Vec<u8>>()));
        stream.slow_down(Some(50));
        let mut buffer = [0; 100];
        assert_eq!(async_io::block_on(stream.read(&mut buffer)).unwrap(), 5);
        // The next read waits for its time.
        assert!(stream.read(&mut buffer).now_or_never().is_none());
        assert_eq!(async_io::block_on(stream.read(&mut buffer)).unwrap(), 5);
        stream.slow_down(None);
        assert_eq!(async_io::block_on(stream.read(&mut buffer)).unwrap(), 90);
    }
}
