//! [`Io`]: blocking-style reads and writes, as tungstenite wants them, over a futures-io stream.

use std::{
    io::{self, Cursor, Read, Write},
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use futures_io::{AsyncRead, AsyncWrite};
use websocket_heartbeat::TransportError;

use crate::{close::Tail, fault, turn::Turn};

/// A futures-io stream in the shape of `Read + Write`; "not yet" is `WouldBlock`.
///
/// One waker serves both directions, which is enough for a connection that is polled by one task.
///
/// A failed write ends writing, not reading. tungstenite flushes a due pong before it reads, so an
/// error returned here would hide everything that the peer sent before the line broke, its close
/// code included. Therefore the error is kept for [`write_error`](Self::write_error) and later
/// writes are swallowed.
///
/// Reading pauses after each [`Turn`]: it is then `WouldBlock` once, with the waker called.
pub(crate) struct Io<S> {
    stream: S,
    /// What was read from the stream and put back, until it has been read again.
    early: Option<Box<Cursor<Vec<u8>>>>,
    waker: Waker,
    turn: Turn,
    arrived: u64,
    tail: Tail,
    written: u64,
    /// How many bytes of what tungstenite wants written the stream has accepted already.
    passed: usize,
    /// The stream took no more bytes when last asked, and the task has not polled since. tungstenite
    /// tries before each frame that it reads, which a peer can make many in one call.
    write_waits: bool,
    write_error: Option<TransportError>,
    /// The stream has been ended.
    ended: bool,
}

impl<S> Io<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            early: None,
            waker: Waker::noop().clone(),
            turn: Turn::new(),
            arrived: 0,
            tail: Tail::new(),
            written: 0,
            passed: 0,
            write_waits: false,
            write_error: None,
            ended: false,
        }
    }

    /// Names the task that the following reads and writes are to wake. To be called at each poll.
    #[inline]
    pub(crate) fn arm(&mut self, waker: &Waker) {
        self.write_waits = false;
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
        self.tail.note(&buffer[..count]);
        if early.position() < early.get_ref().len() as u64 {
            self.early = Some(early);
        }
        Ok(count)
    }

    /// Whether reading is to pause now, see [`Turn::is_over`]. Asked between messages it costs less
    /// than a read that fails, before which tungstenite zeroes its buffer.
    #[inline]
    pub(crate) fn is_turn_over(&mut self) -> bool {
        self.turn.is_over(&self.waker)
    }

    /// How many bytes have come from the stream below.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.arrived
    }

    /// The end of what was read last.
    pub(crate) fn tail(&self) -> &Tail {
        &self.tail
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

/// How often is read at the end. What a peer sends that has no end is not waited for.
const LAST_READS: u32 = 16;

impl<S: AsyncRead + AsyncWrite + Unpin> Io<S> {
    /// Ends the stream in order, over TLS with the `close_notify` that RFC 8446 section 6.1 asks for.
    ///
    /// What has come in by then is thrown away, since a socket that is dropped with something
    /// unread resets the connection. A stream that fails in this has ended as well.
    pub(crate) fn poll_end(&mut self) -> Poll<()> {
        if self.ended {
            return Poll::Ready(());
        }
        let mut cx = Context::from_waker(&self.waker);
        let closed = ready!(Pin::new(&mut self.stream).poll_close(&mut cx));
        self.ended = true;
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

impl<S: AsyncRead + Unpin> Read for Io<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(early) = self.early.take() {
            return self.read_early(early, buffer);
        }
        if self.turn.is_over(&self.waker) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.stream).poll_read(&mut cx, buffer) {
            Poll::Ready(Ok(count)) => {
                self.turn.note(count);
                self.arrived += count as u64;
                self.tail.note(&buffer[..count]);
                Ok(count)
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => {
                self.turn.renew();
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Write for Io<S> {
    /// Writes on at the byte that is next: after `WouldBlock`, `buffer` has to begin with the same
    /// bytes again, of which some may have been passed on already.
    ///
    /// That is said only once it is more than half of them: tungstenite moves all that remains to
    /// the front then, which for each small piece of a large message would take a time that grows
    /// with the square of its size.
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.write_error.is_some() {
            return Ok(buffer.len());
        }
        if self.write_waits {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut cx = Context::from_waker(&self.waker);
        while self.passed < buffer.len() {
            let rest = &buffer[self.passed..];
            match Pin::new(&mut self.stream).poll_write(&mut cx, rest) {
                Poll::Ready(Ok(0)) => {
                    self.fail(io::ErrorKind::WriteZero.into());
                    return Ok(buffer.len());
                }
                Poll::Ready(Ok(count)) => {
                    self.written += count as u64;
                    self.passed += count;
                }
                Poll::Ready(Err(error)) => {
                    self.fail(error);
                    return Ok(buffer.len());
                }
                Poll::Pending => {
                    self.write_waits = true;
                    break;
                }
            }
        }
        if self.passed < buffer.len() && self.passed <= buffer.len() / 2 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(std::mem::take(&mut self.passed))
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.write_error.is_some() {
            return Ok(());
        }
        if self.write_waits {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.stream).poll_flush(&mut cx) {
            Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(error)) => {
                self.fail(error);
                Ok(())
            }
            Poll::Pending => {
                self.write_waits = true;
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }
}
