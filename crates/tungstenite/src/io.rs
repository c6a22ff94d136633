//! [`Io`]: blocking-style reads and writes, as tungstenite wants them, over a futures-io stream.

use std::{
    io::{self, Cursor, Read, Write},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_io::{AsyncRead, AsyncWrite};
use websocket_heartbeat::TransportError;

use crate::fault;

/// A futures-io stream in the shape of `Read + Write`; "not yet" is `WouldBlock`.
///
/// One waker serves both directions, which is enough for a connection that is polled by one task.
///
/// A failed write ends writing, not reading. tungstenite flushes a due pong before it reads, so an
/// error returned here would hide everything that the peer sent before the line broke, its close
/// code included. Therefore the error is kept for [`write_error`](Self::write_error) and later
/// writes are swallowed.
pub(crate) struct Io<S> {
    stream: S,
    /// What was read from the stream and put back, until it has been read again.
    early: Option<Box<Cursor<Vec<u8>>>>,
    waker: Waker,
    arrived: u64,
    written: u64,
    write_error: Option<TransportError>,
}

impl<S> Io<S> {
    pub(crate) fn new(stream: S) -> Self {
        let waker = Waker::noop().clone();
        Self { stream, early: None, waker, arrived: 0, written: 0, write_error: None }
    }

    /// Names the task that the following reads and writes are to wake.
    #[inline]
    pub(crate) fn arm(&mut self, waker: &Waker) {
        if !self.waker.will_wake(waker) {
            self.waker.clone_from(waker);
        }
    }

    /// Serves `bytes` from `at` on before anything else that comes from the stream.
    pub(crate) fn put_back(&mut self, bytes: Vec<u8>, at: usize) {
        if at < bytes.len() {
            let mut early = Cursor::new(bytes);
            early.set_position(at as u64);
            self.early = Some(Box::new(early));
        }
    }

    #[cold]
    fn read_early(
        &mut self,
        mut early: Box<Cursor<Vec<u8>>>,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let count = early.read(buffer)?;
        if early.position() < early.get_ref().len() as u64 {
            self.early = Some(early);
        }
        Ok(count)
    }

    /// How many bytes have come from the stream below.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived
    }

    /// How many bytes the stream below has accepted.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// The error that ended writing.
    #[inline]
    pub(crate) fn write_error(&self) -> Option<&TransportError> {
        self.write_error.as_ref()
    }

    #[cold]
    fn fail(&mut self, error: io::Error) {
        self.write_error = Some(fault::from_io(error));
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    #[cfg(test)]
    pub(crate) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: AsyncRead + Unpin> Read for Io<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(early) = self.early.take() {
            return self.read_early(early, buffer);
        }
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.stream).poll_read(&mut cx, buffer) {
            Poll::Ready(Ok(count)) => {
                self.arrived += count as u64;
                Ok(count)
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S: AsyncWrite + Unpin> Write for Io<S> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.write_error.is_some() {
            return Ok(buffer.len());
        }
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.stream).poll_write(&mut cx, buffer) {
            Poll::Ready(Ok(0)) if !buffer.is_empty() => {
                self.fail(io::ErrorKind::WriteZero.into());
                Ok(buffer.len())
            }
            Poll::Ready(Ok(count)) => {
                self.written += count as u64;
                Ok(count)
            }
            Poll::Ready(Err(error)) => {
                self.fail(error);
                Ok(buffer.len())
            }
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.write_error.is_some() {
            return Ok(());
        }
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.stream).poll_flush(&mut cx) {
            Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(error)) => {
                self.fail(error);
                Ok(())
            }
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}
