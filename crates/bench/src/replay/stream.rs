//! A stream without a kernel: it answers the upgrade and then replays frames from memory. A
//! measurement over it covers the client's own code and nothing else.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use futures::io::{AsyncRead, AsyncWrite};

use crate::{
    case::SIZE,
    server::{request::Request, wire},
};

/// The most that one read returns.
const READ: usize = 64 * 1024;
/// Each read of this number is pending, as on a socket without more data.
const PENDING_EVERY: u64 = 8;

/// The stream. After the last frame reads are pending.
#[derive(Debug)]
pub(crate) struct Replay {
    /// The request, until it is complete.
    request: Vec<u8>,
    /// The response, which is read before the frames.
    answer: Vec<u8>,
    frames: Vec<u8>,
    frame: usize,
    at: usize,
    /// The bytes of frames that have not been read yet.
    left: u64,
    reads: u64,
}

impl Replay {
    /// Replays `count` frames of 128 bytes after the upgrade.
    pub(crate) fn new(count: u64, opcode: u8) -> Self {
        let payload: Vec<u8> = (b'a'..=b'z').cycle().take(SIZE).collect();
        let mut frames = Vec::new();
        wire::frame(opcode, &payload, &mut frames);
        let frame = frames.len();
        Self {
            request: Vec::new(),
            answer: Vec::new(),
            frames: frames.repeat(2 + READ / frame),
            frame,
            at: 0,
            left: count * frame as u64,
            reads: 0,
        }
    }
}

impl AsyncRead for Replay {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if !this.answer.is_empty() {
            let len = buffer.len().min(this.answer.len());
            buffer[..len].copy_from_slice(&this.answer[..len]);
            this.answer.drain(..len);
            return Poll::Ready(Ok(len));
        }
        if this.left == 0 {
            return Poll::Pending;
        }
        this.reads += 1;
        if this.reads.is_multiple_of(PENDING_EVERY) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let len = buffer.len().min(READ).min(this.left.try_into().unwrap_or(READ));
        buffer[..len].copy_from_slice(&this.frames[this.at..this.at + len]);
        this.at = (this.at + len) % this.frame;
        this.left -= len as u64;
        Poll::Ready(Ok(len))
    }
}

impl AsyncWrite for Replay {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.request.extend_from_slice(buffer);
        if let Some((request, _)) = Request::parse(&self.request)? {
            self.answer = request.upgrade_response().unwrap_or_default().into_bytes();
            self.request = Vec::new();
        }
        Poll::Ready(Ok(buffer.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
