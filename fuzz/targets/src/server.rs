//! [`Server`]: a stream to a server that sends given bytes and then ends.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use futures::{AsyncRead, AsyncWrite};
use tungstenite::handshake::derive_accept_key;

use crate::cuts::Cuts;

/// The end of this text is the place in the server's bytes for the key that accepts the request. The key
/// is random, so it must not get into other fields, which decide what the client does.
const PLACE: &[u8] = b"\nSec-WebSocket-Accept: KEY";
const KEY: &[u8] = b"KEY";

/// A stream to a server. Each read returns one piece, and a read between two pieces is pending and
/// wakes the task. `KEY` in the answer of the unread bytes is replaced by the right key when the request arrives.
pub(crate) struct Server {
    unread: Vec<u8>,
    at: usize,
    cuts: Cuts,
    /// The last read was pending.
    paused: bool,
    answered: bool,
    seen: Arc<Mutex<Seen>>,
}

/// The bytes that the server has seen, and those that the client has taken.
pub(crate) struct Seen {
    /// The written bytes.
    pub(crate) written: Vec<u8>,
    /// The number of bytes that the client has read.
    pub(crate) read: usize,
    /// The key that accepts the last request.
    pub(crate) key: String,
    /// The number of bytes that may still be written.
    pub(crate) quota: usize,
    /// The client has closed the stream.
    pub(crate) closed: bool,
}

impl Server {
    pub(crate) fn new(bytes: &[u8], cuts: Cuts) -> Self {
        let seen = Seen {
            written: Vec::new(),
            read: 0,
            key: String::new(),
            quota: usize::MAX,
            closed: false,
        };
        let seen = Arc::new(Mutex::new(seen));
        Self { unread: bytes.to_vec(), at: 0, cuts, paused: false, answered: false, seen }
    }

    pub(crate) fn seen(&self) -> Arc<Mutex<Seen>> {
        Arc::clone(&self.seen)
    }

    /// Inserts the key if the request is complete.
    fn answer(&mut self) {
        if self.answered {
            return;
        }
        let mut seen = self.seen.lock().unwrap();
        const FIELD: &[u8] = b"\r\nSec-WebSocket-Key: ";
        let Some(at) = position(&seen.written, FIELD) else { return };
        let value = &seen.written[at + FIELD.len()..];
        let Some(end) = position(value, b"\r\n").filter(|_| value.ends_with(b"\r\n\r\n")) else {
            return;
        };
        seen.key = derive_accept_key(&value[..end]);
        let mut rest = self.unread.split_off(self.at);
        let mut begin = 0;
        while let Some(at) = position(&rest[begin..], PLACE).map(|at| at + begin) {
            let end = at + PLACE.len();
            rest.splice(end - KEY.len()..end, seen.key.bytes());
            begin = end;
        }
        self.unread = rest;
        self.at = 0;
        drop(seen);
        self.answered = true;
    }
}

/// The first place of a part.
fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

impl AsyncRead for Server {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.answer();
        self.paused = !self.paused;
        if self.paused {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let left = self.unread.len() - self.at;
        let count = self.cuts.next().min(left).min(buffer.len());
        buffer[..count].copy_from_slice(&self.unread[self.at..self.at + count]);
        self.at += count;
        self.seen.lock().unwrap().read += count;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Server {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut seen = self.seen.lock().unwrap();
        if seen.closed {
            // As a socket does.
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = buffer.len().min(seen.quota);
        if count == 0 && !buffer.is_empty() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        seen.quota -= count;
        seen.written.extend_from_slice(&buffer[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.seen.lock().unwrap().closed = true;
        Poll::Ready(Ok(()))
    }
}
