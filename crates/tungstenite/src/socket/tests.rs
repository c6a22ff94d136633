//! A socket over a scripted stream: what a real one does at moments that cannot be arranged.

use std::{
    collections::VecDeque,
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

/// Reads what was prepared, then waits or ends; accepts as many bytes as it is told to.
#[derive(Default)]
struct Script {
    reads: VecDeque<Vec<u8>>,
    ends: bool,
    accepts: usize,
    breaks: Option<io::ErrorKind>,
    written: Vec<u8>,
    /// How often it was asked to read, and to write.
    asked: [usize; 2],
    /// How often it was asked to close.
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
    Socket::new(Io::new(script), Tuning::new())
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

    /// Reads on after a pause: pending is what lies beyond all that there is to read.
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

    /// What the peer has got, unmasked.
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
    assert_eq!(socket.progress(), Some(0));
}

#[test]
fn a_stream_that_takes_nothing_more_has_failed() {
    let mut socket = socket(ALL, &[TEXT]);
    socket.script().breaks = Some(io::ErrorKind::WriteZero);
    socket.feed(Message::text("x")).unwrap();
    assert!(matches!(socket.flushed(), Poll::Ready(Err(_))));
    assert_eq!(socket.read_frame(), Message::text("t").into());
}

#[test]
fn a_blocked_write_is_back_pressure_until_a_flush_is_through() {
    let mut socket = socket(10, &[]);
    let message = binary(200 * 1024);
    socket.feed(message.clone()).unwrap();
    assert!(socket.ready().is_pending());
    assert_eq!(socket.progress(), Some(10));
    socket.script().accepts = 1000;
    assert!(socket.flushed().is_pending());
    assert_eq!(socket.progress(), Some(1010));
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
    // Whoever does not ask whether it is ready gets what was agreed, up to the slack.
    assert!(socket.ready().is_pending());
    let error = socket.feed(large.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    socket.script().accepts = ALL;
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.sent()[1], Ws::Binary(large.as_bytes().to_vec().into()));
    assert_eq!(socket.context.get_config().max_write_buffer_size, write_limit(0));
    socket.feed(large).unwrap();
}

/// Its write buffer is full of answers to pings.
fn flooded_socket() -> Socket<Script> {
    let ping = [&[0x89, 125][..], &[0; 125]].concat();
    let burst = ping.repeat(100);
    let mut socket = socket(0, &[&burst[..]; 200]);
    for _ in 0..20_000 {
        assert!(matches!(socket.read_through(), Poll::Ready(Some(Ok(Frame::Ping(_))))));
    }
    assert!(socket.read_through().is_pending());
    socket
}

#[test]
fn our_close_finds_its_place_behind_a_flood() {
    let mut socket = flooded_socket();
    socket.feed(Frame::Close(None)).unwrap();
    assert!(socket.flushed().is_pending());
    socket.script().accepts = ALL;
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.sent().last(), Some(&Ws::Close(None)));
}

#[test]
fn our_message_finds_its_place_behind_a_flood() {
    let mut socket = flooded_socket();
    socket.feed(binary(2 << 20)).unwrap();
    socket.script().accepts = ALL;
    assert!(socket.ready().is_ready());
    // The answer to the last ping of all may come behind it.
    assert!(socket.sent().iter().any(|message| message.len() == 2 << 20));
}

#[test]
fn a_peer_that_pings_and_does_not_read_costs_bounded_memory() {
    let mut socket = flooded_socket();
    // The peer asks to end it while the write buffer is full of pongs.
    socket.script().reads.push_back(CLOSE.to_vec());
    assert!(matches!(socket.read_frame(), Frame::Close(_)));
    socket.script().accepts = ALL;
    assert!(socket.flushed().is_ready());
    let sent = socket.sent();
    assert!(sent.len() < 10_000, "{}", sent.len());
    assert!(matches!(sent.last(), Some(Ws::Close(Some(_)))), "the last flush brings the answer");
}

#[test]
fn what_comes_after_the_peers_close_is_not_looked_at() {
    let mut socket = socket(ALL, &[CLOSE, TEXT]);
    assert!(matches!(socket.read_frame(), Frame::Close(_)));
    assert!(matches!(socket.read(), Poll::Ready(None)));
    assert!(socket.feed(Message::text("x")).is_err());
    socket.feed(Frame::Close(None)).unwrap();
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.sent().len(), 1);
}

#[test]
fn who_breaks_the_protocol_is_told_so() {
    for (bytes, kind, code) in [
        (&[0xc1, 0][..], ErrorKind::Protocol, 1002),
        (&[0x81, 1, 0xff], ErrorKind::Protocol, 1007),
        (&[0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0], ErrorKind::TooLarge, 1009),
    ] {
        let mut socket = socket(ALL, &[bytes, TEXT]);
        let Poll::Ready(Some(Err(error))) = socket.read() else { panic!() };
        assert_eq!(error.kind(), kind);
        assert!(matches!(socket.read(), Poll::Ready(None)));
        let [Ws::Close(Some(close))] = &socket.sent()[..] else { panic!() };
        assert_eq!(u16::from(close.code), code);
    }
}

#[test]
fn what_may_not_be_sent_leaves_the_connection_as_it_was() {
    let mut socket = socket(ALL, &[]);
    assert!(socket.feed(Frame::Ping(Bytes::from(vec![0; 126]))).is_err());
    assert!(socket.feed(Frame::Close(Some(CloseFrame::new(1006, "")))).is_err());
    socket.feed(Message::text("x")).unwrap();
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.sent(), [Ws::text("x")]);
}

#[test]
fn closing_the_sink_begins_the_close_handshake() {
    let mut socket = socket(ALL, &[]);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..2 {
        assert!(Pin::new(&mut socket).poll_close(&mut cx).is_ready());
    }
    assert_eq!(socket.sent(), [Ws::Close(None)]);
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
fn bytes_of_a_message_that_is_not_whole_are_counted() {
    let mut socket = socket(ALL, &[&[0x82, 5, 1, 2]]);
    assert!(socket.read().is_pending());
    assert_eq!(socket.arrived(), Some(4));
    socket.script().reads.push_back(vec![3, 4, 5]);
    assert_eq!(socket.read_frame(), Message::binary(vec![1, 2, 3, 4, 5]).into());
    assert_eq!(socket.arrived(), Some(7));
}

/// Polls once, which yields nothing; how often the stream was asked to read, and the waker called.
fn turn(socket: &mut Socket<Script>) -> (usize, usize) {
    let calls = Arc::new(Calls::default());
    let waker = Waker::from(calls.clone());
    let before = socket.script().asked[0];
    let read = Pin::new(&mut *socket).poll_next(&mut Context::from_waker(&waker));
    assert!(read.is_pending(), "{read:?}");
    (socket.script().asked[0] - before, calls.count())
}

#[test]
fn fragments_without_end_do_not_keep_a_poll_busy() {
    for (first, rest, chunk, chunks_a_turn) in [
        // Empty ones, full reads.
        (&[0x01, 0][..], vec![0x00, 0], 16 * 1024, 16_usize),
        (&[0x02, 0], vec![0x00, 0], 16 * 1024, 16),
        // Of one byte, byte by byte.
        (&[0x01, 1, b'a'], vec![0x00, 1, b'a'], 1, 64),
        // Large ones.
        (&[0x02, 0], [&[0x00, 126, 0x40, 0][..], &[7; 0x4000]].concat(), 16 * 1024, 16),
    ] {
        for max_message in [Some(16 << 20), None] {
            let stream = rest.repeat((4 * chunks_a_turn * chunk).div_ceil(rest.len()));
            let mut socket = socket(ALL, &[first]);
            socket.context.set_config(|config| config.max_message_size = max_message);
            socket.script().reads.extend(stream.chunks(chunk).map(<[u8]>::to_vec));
            for _ in 0..3 {
                let (reads, calls) = turn(&mut socket);
                assert!(reads <= 64, "{reads} reads in one poll");
                assert_eq!(calls, 1, "what pauses with more to read calls its waker");
            }
        }
    }
}

#[test]
fn a_pause_loses_nothing() {
    let payload: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let head = [&[0x82, 127][..], &(1_u64 << 20).to_be_bytes()].concat();
    let mut socket = socket(ALL, &[&head, &payload, PING, TEXT]);
    let (mut pauses, mut frames) = (0, Vec::new());
    while frames.len() < 3 {
        match socket.read() {
            Poll::Ready(Some(frame)) => frames.push(frame.unwrap()),
            Poll::Ready(None) => panic!("{frames:?}"),
            Poll::Pending => pauses += 1,
        }
    }
    let ping = Frame::Ping("p".into());
    assert!(frames == [Message::binary(payload).into(), ping, Message::text("t").into()]);
    assert!((3..=4).contains(&pauses), "{pauses}");
    assert_eq!(turn(&mut socket), (1, 0), "a wait for the stream is no pause");
}

#[test]
fn messages_that_are_read_one_by_one_share_the_turn() {
    // Many empty fragments before the end of each: as busy as one message without end.
    let message = [&[0x01, 0][..], &[0x00, 0].repeat(7_000), &[0x80, 0]].concat();
    let mut socket = socket(ALL, &[]);
    socket.script().reads.extend(vec![message; 100]);
    let mut longest = 0;
    let mut run = 0;
    for _ in 0..100 {
        match socket.read() {
            Poll::Ready(_) => run += 1,
            Poll::Pending => run = 0,
        }
        longest = longest.max(run);
    }
    assert!(longest < 20, "{longest} messages without a pause");
}

#[test]
fn a_stuck_write_is_tried_once_a_poll() {
    let mut socket = socket(0, &[PING, &[0x01, 0]]);
    assert!(matches!(socket.read_frame(), Frame::Ping(_)));
    socket.script().reads.extend(vec![[0x00, 0].repeat(8 * 1024); 8]);
    for _ in 0..2 {
        let before = socket.script().asked[1];
        assert!(socket.read().is_pending());
        assert!(socket.script().asked[1] - before <= 1, "{}", socket.script().asked[1] - before);
    }
    socket.script().accepts = ALL;
    assert!(socket.read().is_pending());
    assert_eq!(socket.sent(), [Ws::Pong("p".into())]);
}

#[test]
fn making_buffers_small_again_changes_nothing_else() {
    let long = [&[0x82, 126, 1, 0][..], &[7; 256]].concat();
    let fragments = [0x01, 2, b'a', 0xc3, 0x89, 1, b'p', 0x00, 0, 0x80, 1, 0xa9];
    let stream = [TEXT, &long, PING, &fragments, TEXT, CLOSE].concat();
    let mut socket = socket(0, &[]);
    let mut frames = Vec::new();
    for (at, byte) in stream.into_iter().enumerate() {
        socket.script().reads.push_back(vec![byte]);
        // The answers to pings wait at times, are half written at times, and leave at times.
        socket.script().accepts = [0, 3, ALL][at / 5 % 3];
        socket.renew();
        while let Poll::Ready(frame) = socket.read() {
            frames.push(frame.unwrap().unwrap());
            socket.renew();
        }
        socket.renew();
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
fn a_message_that_waits_to_be_written_is_kept() {
    let mut socket = socket(100, &[]);
    socket.feed(binary(40_000)).unwrap();
    socket.renew();
    assert!(socket.flushed().is_pending());
    socket.renew();
    socket.script().accepts = ALL;
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.sent(), [Ws::Binary(vec![7; 40_000].into())]);
}

#[test]
fn a_flush_after_the_close_handshake_ends_the_stream() {
    // The peer closes first, and what it sends afterwards is not left in the stream.
    let mut socket = socket(ALL, &[CLOSE]);
    assert!(matches!(socket.read_frame(), Frame::Close(_)));
    assert_eq!(socket.script().closes, 0, "the answer is not written yet");
    socket.script().reads.extend([TEXT.to_vec(), TEXT.to_vec()]);
    for _ in 0..2 {
        assert!(socket.flushed().is_ready());
    }
    assert_eq!((socket.script().closes, socket.script().reads.len()), (1, 0));
    assert_eq!(socket.sent().len(), 1);
}

#[test]
fn our_close_ends_the_stream_once_it_is_answered() {
    let mut socket = socket(ALL, &[]);
    socket.feed(Frame::Close(None)).unwrap();
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.script().closes, 0, "the peer has not answered yet");
    socket.script().reads.push_back(vec![0x88, 0]);
    assert_eq!(socket.read_frame(), Frame::Close(None));
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.script().closes, 1);
}

#[test]
fn a_flush_waits_until_the_stream_has_ended() {
    let mut socket = socket(0, &[CLOSE]);
    assert!(matches!(socket.read_frame(), Frame::Close(_)));
    // The answer leaves, with a header and a mask; TLS would find no room for its farewell.
    socket.script().accepts = 6 + 4;
    assert!(socket.flushed().is_pending());
    assert!(socket.flushed().is_pending());
    socket.script().accepts = 1;
    assert!(socket.flushed().is_ready());
    assert_eq!(socket.script().closes, 3);
}

#[test]
fn a_stream_that_its_peer_ends_is_ended_by_us_too() {
    for (reads, ends) in [(&[][..], true), (&[&[0xc1, 0][..]], false)] {
        let mut socket = socket(ALL, reads);
        socket.script().ends = ends;
        assert!(matches!(socket.read(), Poll::Ready(Some(Err(_)))));
        assert_eq!(socket.script().closes, 1);
    }
}

#[test]
fn a_stream_is_not_ended_before_the_connection_is() {
    let mut socket = socket(ALL, &[PING, TEXT]);
    while socket.read().is_ready() {}
    socket.feed(Message::text("x")).unwrap();
    assert!(socket.flushed().is_ready());
    // Nor where the complaint about a breach of protocol cannot be written.
    socket.script().accepts = 0;
    socket.script().reads.push_back(vec![0xc1, 0]);
    assert!(matches!(socket.read(), Poll::Ready(Some(Err(_)))));
    assert_eq!(socket.script().closes, 0);
}

#[test]
fn a_close_code_that_may_not_be_sent_is_an_error_that_names_it() {
    for (code, reason) in
        [(0_u16, ""), (999, "why"), (1005, ""), (1006, ""), (1015, ""), (2999, "é")]
    {
        for ours_first in [false, true] {
            let body = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
            let frame = [&[0x88, body.len() as u8][..], &body].concat();
            let mut socket = socket(ALL, &[]);
            if ours_first {
                socket.feed(Frame::Close(Some(CloseFrame::new(1000, "")))).unwrap();
                assert!(socket.flushed().is_ready());
            }
            socket.script().reads.extend([[TEXT, &frame].concat(), TEXT.to_vec()]);
            assert_eq!(socket.read_frame(), Message::text("t").into());
            let Poll::Ready(Some(Err(error))) = socket.read() else { panic!("{code}") };
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert!(error.to_string().contains(&format!("code {code},")), "{error}");
            assert!(matches!(socket.read(), Poll::Ready(None)));
            let [Ws::Close(Some(close))] = &socket.sent()[..] else { panic!() };
            assert_eq!(u16::from(close.code), if ours_first { 1000 } else { 1002 });
        }
    }
}

#[test]
fn a_close_frame_that_cannot_be_read_is_a_breach_of_protocol() {
    // Half a code; a reason that is not UTF-8.
    for (frame, code) in [(&[0x88, 1, 3][..], 1002), (&[0x88, 3, 3, 0xe8, 0xff], 1007)] {
        let mut socket = socket(ALL, &[frame]);
        let Poll::Ready(Some(Err(error))) = socket.read() else { panic!() };
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        let [Ws::Close(Some(close))] = &socket.sent()[..] else { panic!() };
        assert_eq!(u16::from(close.code), code);
    }
}

#[test]
fn a_large_message_leaves_in_small_pieces_in_order() {
    let payload: Vec<u8> = (0..=250).cycle().take(1 << 20).collect();
    let mut socket = socket(0, &[]);
    socket.feed(Message::binary(payload.clone())).unwrap();
    while socket.script().written.len() < payload.len() {
        assert!(socket.flushed().is_pending());
        // An answer to a ping may join it meanwhile.
        socket.script().reads.push_back(PING.to_vec());
        assert!(matches!(socket.read_through(), Poll::Ready(Some(Ok(Frame::Ping(_))))));
        socket.script().accepts = 10_007;
        let _ = socket.ready();
        assert_eq!(socket.progress(), Some(socket.script().written.len() as u64));
    }
    socket.script().accepts = ALL;
    assert!(socket.flushed().is_ready());
    assert!(socket.read_through().is_pending());
    let sent = socket.sent();
    assert!(sent[0] == Ws::Binary(payload.into()));
    assert!(sent.len() > 50 && sent[1..].iter().all(|answer| *answer == Ws::Pong("p".into())));
}
