//! A server without a kernel: a stream that answers the upgrade and then replays frames from
//! memory. What is measured over it is the client's own code and nothing else.

mod shapes;

use std::{
    env, io,
    pin::Pin,
    task::{Context, Poll},
};

use async_tungstenite::tungstenite::handshake::derive_accept_key;
use futures::io::{AsyncRead, AsyncWrite};

pub(crate) use self::shapes::{Shape, run};
use super::{
    callgrind::{self, Counts, locked_addresses},
    case::SIZE,
    server::{request::Request, wire},
};

/// What a shape executes per message, set-up excluded.
pub(crate) fn counts(shape: Shape, text: bool) -> Result<Counts, String> {
    const MESSAGES: [u64; 2] = [20_000, 100_000];
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let locked = locked_addresses()?;
    let mut counts = [Counts::default(); 2];
    for (counts, messages) in counts.iter_mut().zip(MESSAGES) {
        let kind = if text { "text" } else { "binary" };
        let arguments = ["replay", shape.name(), kind, &messages.to_string()].map(str::to_owned);
        let profile = callgrind::profile(&arguments, &["--dump-instr=yes"])?;
        *counts = Counts::of(&profile, &program.to_string_lossy(), &locked);
    }
    let [fewer, more] = counts;
    Ok((more - fewer).per((MESSAGES[1] - MESSAGES[0]) as f64))
}

/// What one read yields at most.
const READ: usize = 64 * 1024;
/// Every so many reads the stream has nothing, as a socket that has been read empty.
const PENDING_EVERY: u64 = 8;

/// The stream. After the last frame it is silent.
#[derive(Debug)]
pub(crate) struct Replay {
    /// The request, until it is complete.
    request: Vec<u8>,
    /// What is to be read before the frames.
    answer: Vec<u8>,
    frames: Vec<u8>,
    frame: usize,
    at: usize,
    /// Bytes of frames that are still to be read.
    left: u64,
    reads: u64,
}

impl Replay {
    /// So many frames of 128 bytes, once the client has asked for an upgrade.
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
            let key = request.key.unwrap_or_default();
            self.answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                derive_accept_key(key.as_bytes())
            )
            .into_bytes();
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
