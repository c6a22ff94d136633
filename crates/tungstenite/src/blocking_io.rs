//! [`BlockingIo`]: a futures-io stream as `Read + Write`, the interface of tungstenite.

use std::{
    io::{self, Cursor, Read, Write},
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use futures_io::{AsyncRead, AsyncWrite};
use websocket_heartbeat::TransportError;

use crate::{close_frame::Tail, error, read_budget::ReadBudget};

/// A futures-io stream as `Read + Write`. A pending stream is `WouldBlock`.
///
/// One waker serves both directions. This is enough for a connection that one task polls.
///
/// A failed write ends writing, not reading. tungstenite flushes a due pong before it reads. If the
/// error were returned here, all data that the peer sent before the connection broke would be lost,
/// also its close code. Therefore the error is kept for [`write_error`](Self::write_error), and
/// later writes are discarded.
///
/// Reading pauses after each [`ReadBudget`]: it then returns `WouldBlock` once, and has called the
/// waker.
pub(crate) struct BlockingIo<S> {
    stream: S,
    /// Bytes that were read from the stream and put back, to be read again.
    put_back: Option<Box<Cursor<Vec<u8>>>>,
    waker: Waker,
    budget: ReadBudget,
    bytes_read: u64,
    tail: Tail,
    bytes_written: u64,
    /// How many bytes of tungstenite's write buffer the stream has already accepted.
    accepted: usize,
    /// The stream did not accept bytes in this poll. tungstenite tries again before each frame that
    /// it reads, and a peer can send many frames in one call.
    write_blocked: bool,
    write_error: Option<TransportError>,
    /// The stream has been closed.
    closed: bool,
}

impl<S> BlockingIo<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            put_back: None,
            waker: Waker::noop().clone(),
            budget: ReadBudget::new(),
            bytes_read: 0,
            tail: Tail::new(),
            bytes_written: 0,
            accepted: 0,
            write_blocked: false,
            write_error: None,
            closed: false,
        }
    }

    /// Sets the waker for the following reads and writes. Call it at the beginning of each poll.
    #[inline]
    pub(crate) fn set_waker(&mut self, waker: &Waker) {
        self.write_blocked = false;
        if !self.waker.will_wake(waker) {
            self.waker.clone_from(waker);
        }
    }

    /// Puts back `bytes` from index `at` to the end. They are read before other bytes of the
    /// stream.
    pub(crate) fn put_back(&mut self, bytes: Vec<u8>, at: usize) {
        if at < bytes.len() {
            let mut cursor = Cursor::new(bytes);
            cursor.set_position(at as u64);
            self.put_back = Some(Box::new(cursor));
        }
    }

    #[cold]
    fn read_put_back(
        &mut self,
        mut cursor: Box<Cursor<Vec<u8>>>,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let count = cursor.read(buffer)?;
        self.tail.record(&buffer[..count]);
        if cursor.position() < cursor.get_ref().len() as u64 {
            self.put_back = Some(cursor);
        }
        Ok(count)
    }

    /// Whether reading must pause now, see [`ReadBudget::is_exhausted`]. Between messages this
    /// check costs less than a failed read, before which tungstenite zeroes its buffer.
    #[inline]
    pub(crate) fn is_budget_exhausted(&mut self) -> bool {
        self.budget.is_exhausted(&self.waker)
    }

    /// The number of bytes read from the stream.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The end of the bytes that were read last.
    pub(crate) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// The number of bytes that the stream has accepted.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    /// The error that ended writing.
    #[inline]
    pub(crate) fn write_error(&self) -> Option<&TransportError> {
        self.write_error.as_ref()
    }

    #[cold]
    fn fail_write(&mut self, error: io::Error) {
        self.write_error = Some(error::from_io(error));
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    #[cfg(test)]
    pub(crate) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

/// The limit on reads after a close, because a peer can send without end.
const LAST_READS: u32 = 16;

impl<S: AsyncRead + AsyncWrite + Unpin> BlockingIo<S> {
    /// Closes the stream; over TLS this sends the `close_notify` of RFC 8446 section 6.1.
    ///
    /// Bytes that have arrived by then are read and discarded: a socket that is dropped with unread
    /// bytes resets the connection. An error also counts as closed.
    pub(crate) fn poll_close(&mut self) -> Poll<()> {
        if self.closed {
            return Poll::Ready(());
        }
        let mut cx = Context::from_waker(&self.waker);
        let closed = ready!(Pin::new(&mut self.stream).poll_close(&mut cx));
        self.closed = true;
        if closed.is_ok() {
            let mut rest = [0; 1024];
            for _ in 0..LAST_READS {
                match Pin::new(&mut self.stream).poll_read(&mut cx, &mut rest) {
                    Poll::Ready(Ok(1..)) => {}
                    _ => break,
                }
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> Read for BlockingIo<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(cursor) = self.put_back.take() {
            return self.read_put_back(cursor, buffer);
        }
        if self.budget.is_exhausted(&self.waker) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.stream).poll_read(&mut cx, buffer) {
            Poll::Ready(Ok(count)) => {
                self.budget.spend(count);
                self.bytes_read += count as u64;
                self.tail.record(&buffer[..count]);
                Ok(count)
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => {
                self.budget.renew();
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Write for BlockingIo<S> {
    /// Continues at the first byte that the stream has not accepted: after `WouldBlock`, `buffer`
    /// must begin with the same bytes again.
    ///
    /// A partial write is reported only if it is more than half of `buffer`. After each report
    /// tungstenite moves the remaining bytes to the front of its buffer. If every small piece of a
    /// large message were reported, this would take quadratic time.
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.write_error.is_some() {
            return Ok(buffer.len());
        }
        if self.write_blocked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut cx = Context::from_waker(&self.waker);
        while self.accepted < buffer.len() {
            let rest = &buffer[self.accepted..];
            match Pin::new(&mut self.stream).poll_write(&mut cx, rest) {
                Poll::Ready(Ok(0)) => {
                    self.fail_write(io::ErrorKind::WriteZero.into());
                    return Ok(buffer.len());
                }
                Poll::Ready(Ok(count)) => {
                    self.bytes_written += count as u64;
                    self.accepted += count;
                }
                Poll::Ready(Err(error)) => {
                    self.fail_write(error);
                    return Ok(buffer.len());
                }
                Poll::Pending => {
                    self.write_blocked = true;
                    break;
                }
            }
        }
        if self.accepted < buffer.len() && self.accepted <= buffer.len() / 2 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(std::mem::take(&mut self.accepted))
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.write_error.is_some() {
            return Ok(());
        }
        if self.write_blocked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.stream).poll_flush(&mut cx) {
            Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(error)) => {
                self.fail_write(error);
                Ok(())
            }
            Poll::Pending => {
                self.write_blocked = true;
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }
}
