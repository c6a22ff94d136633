//! A socket over a scripted stream, for moments that a real stream cannot reproduce.

mod ending;
mod flood;

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
};

use tungstenite::WebSocket;
use websocket_heartbeat::{Bytes, CloseFrame, Message};

use super::*;
use crate::Tuning;

/// Yields the given reads, and then is pending or ends. Accepts the given number of bytes.
#[derive(Default)]
struct Script {
    reads: VecDeque<Vec<u8>>,
    ends: bool,
    accepts: usize,
    breaks: Option<io::ErrorKind>,
    written: Vec<u8>,
    /// The number of reads, and of writes.
    asked: [usize; 2],
    /// The number of closes.
    closes: usize,
    waker: Option<Waker>,
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.asked[0] += 1;
        if let Some(mut bytes) = self.reads.pop_front() {
            let count = bytes.len().min(buffer.len());
            buffer[..count].copy_from_slice(&bytes[..count]);
            bytes.drain(..count);
            if !bytes.is_empty() {
                self.reads.push_front(bytes);
            }
            return Poll::Ready(Ok(count));
        }
        if self.ends {
            return Poll::Ready(Ok(0));
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.asked[1] += 1;
        if let Some(kind) = self.breaks {
            return Poll::Ready(Err(kind.into()));
        }
        if self.accepts == 0 {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = buffer.len().min(self.accepts);
        self.accepts -= count;
        self.written.extend_from_slice(&buffer[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.closes += 1;
        if self.accepts == 0 { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

const ALL: usize = usize::MAX;

fn socket(accepts: usize, reads: &[&[u8]]) -> Socket<Script> {
    let reads = reads.iter().map(|bytes| bytes.to_vec()).collect();
    let script = Script { reads, accepts, ..Script::default() };
    Socket::new(BlockingIo::new(script), Tuning::new())
}

/// Counts the calls of a waker.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Calls {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Socket<Script> {
    fn script(&mut self) -> &mut Script {
        self.io.stream_mut()
    }

    fn read(&mut self) -> Poll<Option<Result<Frame, TransportError>>> {
        Pin::new(self).poll_next(&mut Context::from_waker(Waker::noop()))
    }

    /// Reads, and continues after a pause. Pending means that all bytes were read.
    fn read_through(&mut self) -> Poll<Option<Result<Frame, TransportError>>> {
        loop {
            let calls = Arc::new(Calls::default());
            let waker = Waker::from(calls.clone());
            let read = Pin::new(&mut *self).poll_next(&mut Context::from_waker(&waker));
            if read.is_ready() || calls.count() == 0 {
                return read;
            }
        }
    }

    fn read_frame(&mut self) -> Frame {
        match self.read() {
            Poll::Ready(Some(Ok(frame))) => frame,
            other => panic!("{other:?}"),
        }
    }

    fn ready(&mut self) -> Poll<Result<(), TransportError>> {
        Pin::new(self).poll_ready(&mut Context::from_waker(Waker::noop()))
    }

    fn feed(&mut self, frame: impl Into<Frame>) -> Result<(), TransportError> {
        Pin::new(self).start_send(frame.into())
    }

    fn flushed(&mut self) -> Poll<Result<(), TransportError>> {
        Pin::new(self).poll_flush(&mut Context::from_waker(Waker::noop()))
    }

    /// The messages that the peer has received.
    fn sent(&mut self) -> Vec<Ws> {
        let written = std::mem::take(&mut self.script().written);
        let config = Tuning::new().max_frame(None).max_message(None).config();
        let mut peer =
            WebSocket::from_raw_socket(io::Cursor::new(written), Role::Server, Some(config));
        std::iter::from_fn(|| peer.read().ok()).collect()
    }
}

fn binary(length: usize) -> Message {
    Message::binary(vec![7; length])
}

const PING: &[u8] = &[0x89, 1, b'p'];
const TEXT: &[u8] = &[0x81, 1, b't'];
const CLOSE: &[u8] = &[0x88, 4, 0x0f, 0xa1, b'b', b'y'];

#[test]
fn an_idle_poll_answers_a_ping() {
    let mut socket = socket(ALL, &[PING]);
    assert_eq!(socket.read_frame(), Frame::Ping("p".into()));
    assert!(socket.read().is_pending());
    assert_eq!(socket.sent(), [Ws::Pong("p".into())]);
}

#[test]
fn a_failed_write_ends_writing_and_not_reading() {
    let mut socket = socket(ALL, &[PING, TEXT, CLOSE]);
    socket.script().ends = true;
    socket.script().breaks = Some(io::ErrorKind::BrokenPipe);
    assert!(matches!(socket.read_frame(), Frame::Ping(_)));
    // The answer to the ping fails before this one is read.
    assert_eq!(socket.read_frame(), Message::text("t").into());
    for _ in 0..2 {
        let Poll::Ready(Err(error)) = socket.flushed() else { panic!() };
        assert_eq!(error.kind(), ErrorKind::Reset);
        assert!(matches!(socket.ready(), Poll::Ready(Err(_))));
        assert!(socket.feed(Message::text("x")).is_err());
    }
    assert_eq!(socket.read_frame(), Frame::Close(Some(CloseFrame::new(4001, "by"))));
    assert!(matches!(socket.read(), Poll::Ready(None)));
    assert_eq!(socket.bytes_written(), Some(0));
}

#[test]
fn a_write_of_zero_bytes_is_an_error() {
    let mut socket = socket(ALL, &[TEXT]);
    socket.script().breaks = Some(io::ErrorKind::WriteZero);
    socket.feed(Message::text("x")).unwrap();
    assert!(matches!(socket.flushed(), Poll::Ready(Err(_))));
    assert_eq!(socket.read_frame(), Message::text("t").into());
}

#[test]
fn a_blocked_write_is_back_pressure_until_a_flush() {
    let mut socket = socket(10, &[]);
    let message = binary(200 * 1024);
    socket.feed(message.clone()).unwrap();
    assert!(socket.ready().is_pending());
    assert_eq!(socket.bytes_written(), Some(10));
    socket.script().accepts = 1000;
    assert!(socket.flushed().is_pending());
    assert_eq!(socket.bytes_written(), Some(1010));
    socket.script().accepts = ALL;
    assert!(socket.ready().is_ready());
    assert_eq!(socket.sent(), [Ws::Binary(message.as_bytes().to_vec().into())]);
}

#[test]
fn a_message_larger_than_the_write_buffer_is_not_lost() {
    let mut socket = socket(100, &[]);
    let large = binary(5 << 20);
    socket.feed(Message::text("first")).unwrap();
    socket.feed(large.clone()).unwrap();
    // A sender that ignores `poll_ready` is accepted up to the slack.
    assert!(socket.ready().is_pending());
    let error = socket.feed(large.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    socket.script().accepts = ALL;
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.sent()[1], Ws::Binary(large.as_bytes().to_vec().into()));
    assert_eq!(socket.context.get_config().max_write_buffer_size, write_limit(0));
    socket.feed(large).unwrap();
}

#[test]
fn a_refused_frame_leaves_the_connection_unchanged() {
    let mut socket = socket(ALL, &[]);
    assert!(socket.feed(Frame::Ping(Bytes::from(vec![0; 126]))).is_err());
    assert!(socket.feed(Frame::Close(Some(CloseFrame::new(1006, "")))).is_err());
    socket.feed(Message::text("x")).unwrap();
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.sent(), [Ws::text("x")]);
}

#[test]
fn the_last_waker_is_woken() {
    let mut socket = socket(0, &[]);
    let wakers = [(); 2].map(|()| Arc::new(Calls::default()));
    for calls in &wakers {
        let waker = Waker::from(calls.clone());
        assert!(Pin::new(&mut socket).poll_next(&mut Context::from_waker(&waker)).is_pending());
    }
    socket.script().waker.take().unwrap().wake();
    assert_eq!(wakers.map(|calls| calls.count()), [0, 1]);
}

#[test]
fn bytes_of_an_incomplete_message_are_counted() {
    let mut socket = socket(ALL, &[&[0x82, 5, 1, 2]]);
    assert!(socket.read().is_pending());
    assert_eq!(socket.bytes_read(), Some(4));
    socket.script().reads.push_back(vec![3, 4, 5]);
    assert_eq!(socket.read_frame(), Message::binary(vec![1, 2, 3, 4, 5]).into());
    assert_eq!(socket.bytes_read(), Some(7));
}

#[test]
fn replacing_buffers_changes_no_message() {
    let long = [&[0x82, 126, 1, 0][..], &[7; 256]].concat();
    let fragments = [0x01, 2, b'a', 0xc3, 0x89, 1, b'p', 0x00, 0, 0x80, 1, 0xa9];
    let stream = [TEXT, &long, PING, &fragments, TEXT, CLOSE].concat();
    let mut socket = socket(0, &[]);
    let mut frames = Vec::new();
    for (at, byte) in stream.into_iter().enumerate() {
        socket.script().reads.push_back(vec![byte]);
        // Some answers to pings wait, some are partly written, and some are sent.
        socket.script().accepts = [0, 3, ALL][at / 5 % 3];
        socket.replace_buffers();
        while let Poll::Ready(frame) = socket.read() {
            frames.push(frame.unwrap().unwrap());
            socket.replace_buffers();
        }
        socket.replace_buffers();
    }
    let ping = || Frame::Ping("p".into());
    let text = || Frame::from(Message::text("t"));
    let close = Frame::Close(Some(CloseFrame::new(4001, "by")));
    let split = Message::text("a\u{e9}").into();
    let long = Message::binary(vec![7; 256]).into();
    assert_eq!(frames, [text(), long, ping(), ping(), split, text(), close]);
    socket.script().accepts = ALL;
    assert!(socket.flushed().is_ready());
    let pong = || Ws::Pong("p".into());
    let sent = socket.sent();
    assert_eq!(sent[..2], [pong(), pong()]);
    assert!(matches!(sent[2..], [Ws::Close(Some(_))]), "{sent:?}");
}

#[test]
fn buffers_in_use_are_replaced_later() {
    let length = 8_u32 << 20;
    let header = [&[0x82, 127, 0, 0, 0, 0][..], &length.to_be_bytes()].concat();
    let message = [&header[..], &vec![7; length as usize]].concat();
    let (most, last) = message.split_at(message.len() - 1);
    let mut socket = socket(ALL, &[most]);
    assert!(socket.read_through().is_pending());
    for _ in 0..2 {
        Pin::new(&mut socket).shrink();
        assert_eq!(socket.replaced_at, 0);
    }
    socket.script().reads.push_back(last.to_vec());
    assert_eq!(socket.read_frame(), binary(length as usize).into());
    assert!(socket.read().is_pending());
    Pin::new(&mut socket).shrink();
    assert_eq!(socket.replaced_at, message.len() as u64);
    // After this step there is little traffic.
    socket.script().reads.push_back(TEXT.to_vec());
    assert_eq!(socket.read_frame(), Message::text("t").into());
    Pin::new(&mut socket).shrink();
    assert_eq!(socket.replaced_at, message.len() as u64);
}

#[test]
fn replacing_buffers_keeps_an_unwritten_message() {
    let mut socket = socket(100, &[]);
    socket.feed(binary(40_000)).unwrap();
    socket.replace_buffers();
    assert!(socket.flushed().is_pending());
    socket.replace_buffers();
    socket.script().accepts = ALL;
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.sent(), [Ws::Binary(vec![7; 40_000].into())]);
}

#[test]
fn a_large_message_is_written_in_small_pieces_in_order() {
    let payload: Vec<u8> = (0..=250).cycle().take(1 << 20).collect();
    let mut socket = socket(0, &[]);
    socket.feed(Message::binary(payload.clone())).unwrap();
    while socket.script().written.len() < payload.len() {
        assert!(socket.flushed().is_pending());
        // An answer to a ping may follow it.
        socket.script().reads.push_back(PING.to_vec());
        assert!(matches!(socket.read_through(), Poll::Ready(Some(Ok(Frame::Ping(_))))));
        socket.script().accepts = 10_007;
        let _ = socket.ready();
        assert_eq!(socket.bytes_written(), Some(socket.script().written.len() as u64));
    }
    socket.script().accepts = ALL;
    assert!(socket.flushed().is_ready());
    assert!(socket.read_through().is_pending());
    let sent = socket.sent();
    assert!(sent[0] == Ws::Binary(payload.into()));
    assert!(sent.len() > 50 && sent[1..].iter().all(|answer| *answer == Ws::Pong("p".into())));
}

#[test]
fn the_error_for_a_large_message_names_limit_and_setting() {
    let tuning = |message, frame| Tuning::new().max_message(message).max_frame(frame);
    let whole = [&[0x82, 126, 0, 200][..], &[0; 200]].concat();
    let fragments = [&[0x02, 60][..], &[0; 60], &[0x80, 60], &[0; 60]].concat();
    for (tuning, bytes, words) in [
        (
            tuning(Some(100), None),
            &whole,
            "a message of 200 bytes exceeds the size limit of a message, 100 bytes",
        ),
        (
            tuning(None, Some(150)),
            &whole,
            "a frame of 200 bytes exceeds the size limit of a frame, 150 bytes",
        ),
        (
            tuning(Some(100), Some(150)),
            &whole,
            "a frame of 200 bytes exceeds the size limit of a frame, 150 bytes",
        ),
        (
            tuning(Some(100), Some(100)),
            &whole,
            "a message of 200 bytes exceeds the size limit of a message and of a frame, 100 bytes",
        ),
        (
            tuning(Some(100), Some(60)),
            &fragments,
            "a message of 120 bytes exceeds the size limit of a message, 100 bytes",
        ),
    ] {
        let script = Script { reads: [bytes.clone()].into(), accepts: ALL, ..Script::default() };
        let mut socket = Socket::new(BlockingIo::new(script), tuning);
        let Poll::Ready(Some(Err(error))) = socket.read() else { panic!("{words}") };
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert!(error.to_string().ends_with(words), "{error}");
    }
}
