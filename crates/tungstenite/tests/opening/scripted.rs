//! A scripted server without a socket.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use futures::{AsyncRead, AsyncWrite, executor::block_on};
use tungstenite::handshake::derive_accept_key;
use websocket_heartbeat::{Established, TransportError};
use websocket_heartbeat_tungstenite::{Request, Socket, Tuning, upgrade};

/// A server that answers a request with `answer`, in pieces that end at `cuts`, and then closes.
/// `KEY` in the answer is replaced by the accept key. A read between two pieces is pending.
pub(crate) struct Scripted {
    answer: Vec<u8>,
    cuts: Vec<usize>,
    pieces: VecDeque<Vec<u8>>,
    /// The last read was pending.
    paused: bool,
    /// It does not close after its answer.
    lingers: bool,
    /// The number of bytes of the request that it reads before it answers. It reads the rest after
    /// the client has read the answer.
    takes: usize,
    answered: bool,
    /// All bytes that it has read.
    pub(crate) taken: Arc<Mutex<Vec<u8>>>,
    /// The size of the buffer of each read.
    pub(crate) room: Arc<Mutex<Vec<usize>>>,
}

impl Scripted {
    pub(crate) fn new(answer: &[u8], cuts: impl IntoIterator<Item = usize>) -> Self {
        Self {
            answer: answer.to_vec(),
            cuts: cuts.into_iter().collect(),
            pieces: VecDeque::new(),
            paused: false,
            lingers: false,
            takes: usize::MAX,
            answered: false,
            taken: Arc::default(),
            room: Arc::default(),
        }
    }

    /// Makes the server answer after this number of bytes of the request.
    pub(crate) fn taking(self, bytes: usize) -> Self {
        Self { takes: bytes, ..self }
    }

    fn answer(&mut self, asked: &str) {
        let key = asked.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let key = derive_accept_key(key.unwrap().as_bytes());
        let at = self.answer.windows(3).position(|three| three == b"KEY");
        let mut answer = self.answer.clone();
        if let Some(at) = at {
            answer.splice(at..at + 3, key.into_bytes());
        }
        let mut begin = 0;
        for end in std::mem::take(&mut self.cuts).into_iter().chain([answer.len()]) {
            if begin < end && end <= answer.len() {
                self.pieces.push_back(answer[begin..end].to_vec());
                begin = end;
            }
        }
    }

    pub(crate) fn upgrade(self) -> Result<Established<Socket<Self>>, TransportError> {
        let request = Request::for_stream("ws://example.org").unwrap();
        block_on(upgrade(self, &request, Tuning::new()))
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.room.lock().unwrap().push(buffer.len());
        self.paused = !self.paused;
        if self.paused {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(mut piece) = self.pieces.pop_front() else {
            if self.lingers {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(Ok(0));
        };
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        if count < piece.len() {
            self.pieces.push_front(piece.split_off(count));
        }
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.answered && !self.pieces.is_empty() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let count = if self.answered { buffer.len() } else { buffer.len().min(self.takes) };
        let mut taken = self.taken.lock().unwrap();
        taken.extend_from_slice(&buffer[..count]);
        let asked = taken.ends_with(b"\r\n\r\n") || count == self.takes;
        let asked = asked.then(|| String::from_utf8(taken.clone()).unwrap());
        drop(taken);
        if let Some(asked) = asked.filter(|_| !std::mem::replace(&mut self.answered, true)) {
            self.answer(&asked);
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A server that answers and does not close.
pub(crate) fn lingering(answer: &str, cuts: impl IntoIterator<Item = usize>) -> Scripted {
    Scripted { lingers: true, ..Scripted::new(answer.as_bytes(), cuts) }
}

pub(crate) const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
     Upgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\n\r\n";
pub(crate) const REFUSED: &str = "HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\n\r\ncome back";

/// Two texts, the first in two fragments, and a close frame.
pub(crate) const FRAMES: &[u8] = b"\x01\x02he\x80\x03llo\x81\x02\r\n\x88\x02\x03\xe8";

pub(crate) fn with_frames(header: &str) -> Vec<u8> {
    [header.as_bytes(), FRAMES].concat()
}

/// More bytes than the answer has.
pub(crate) const LONG: usize = 300;
