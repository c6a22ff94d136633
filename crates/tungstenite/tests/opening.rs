//! What comes together with the server's answer to the handshake, however it comes.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use futures::{AsyncRead, AsyncWrite, StreamExt, executor::block_on};
use tungstenite::handshake::derive_accept_key;
use websocket_heartbeat::{ErrorKind, Established, Frame, Message, TransportError};
use websocket_heartbeat_tungstenite::{Dialer, Request, Socket, Tuning, upgrade};

/// A server that answers a request with `answer`, where `KEY` stands for what it makes of the
/// client's key, in pieces that end at `cuts`; there is nothing to read between two pieces. Then it
/// closes.
struct Scripted {
    answer: Vec<u8>,
    cuts: Vec<usize>,
    asked: Vec<u8>,
    pieces: VecDeque<Vec<u8>>,
    breathing: bool,
    /// How much each read could have taken.
    room: Arc<Mutex<Vec<usize>>>,
}

impl Scripted {
    fn new(answer: &[u8], cuts: impl IntoIterator<Item = usize>) -> Self {
        Self {
            answer: answer.to_vec(),
            cuts: cuts.into_iter().collect(),
            asked: Vec::new(),
            pieces: VecDeque::new(),
            breathing: false,
            room: Arc::default(),
        }
    }

    fn upgrade(self) -> Result<Established<Socket<Self>>, TransportError> {
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
        self.breathing = !self.breathing;
        if self.breathing {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(mut piece) = self.pieces.pop_front() else { return Poll::Ready(Ok(0)) };
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
        _: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.asked.extend_from_slice(buffer);
        if self.asked.ends_with(b"\r\n\r\n") {
            let asked = String::from_utf8(std::mem::take(&mut self.asked)).unwrap();
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
        Poll::Ready(Ok(buffer.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
     Upgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\n\r\n";
const REFUSED: &str = "HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\n\r\ncome back";

/// Two texts, the first in two fragments, and a close frame.
const FRAMES: &[u8] = b"\x01\x02he\x80\x03llo\x81\x02\r\n\x88\x02\x03\xe8";

fn with_frames(header: &str) -> Vec<u8> {
    [header.as_bytes(), FRAMES].concat()
}

/// More than the answer has bytes.
const LONG: usize = 300;

#[track_caller]
fn assert_all_is_there(server: Scripted, what: &str) {
    let mut socket = server.upgrade().expect(what).connection;
    let frames: Vec<_> = block_on((&mut socket).map(|frame| frame.expect(what)).collect());
    let [first, second, Frame::Close(Some(close))] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!(*first, Message::text("hello").into(), "{what}");
    assert_eq!(*second, Message::text("\r\n").into(), "{what}");
    assert_eq!(close.code, 1000, "{what}");
}

#[test]
fn frames_that_come_with_the_answer_are_kept_wherever_it_is_cut() {
    for cut in 0..LONG {
        assert_all_is_there(Scripted::new(&with_frames(ACCEPTED), [cut]), &format!("cut at {cut}"));
    }
}

#[test]
fn an_answer_may_come_byte_by_byte() {
    assert_all_is_there(Scripted::new(&with_frames(ACCEPTED), 1..LONG), "byte by byte");
}

#[test]
fn lines_may_end_without_a_carriage_return() {
    for header in [
        ACCEPTED.replace('\r', ""),
        ACCEPTED.replace("KEY\r\n", "KEY\n"),
        ACCEPTED.replace("KEY\r\n\r\n", "KEY\r\n\n"),
        format!("\r\n\r\n{ACCEPTED}"),
    ] {
        assert_all_is_there(Scripted::new(&with_frames(&header), 1..LONG), &header);
        assert_all_is_there(Scripted::new(&with_frames(&header), []), &header);
    }
}

#[test]
fn a_long_header_comes_through() {
    let header =
        ACCEPTED.replace("\r\n\r\n", &format!("\r\nX-Long: {}\r\n\r\n", "x".repeat(20_000)));
    assert_all_is_there(Scripted::new(&with_frames(&header), []), "in one piece");
    assert_all_is_there(Scripted::new(&with_frames(&header), 1..25_000), "byte by byte");
}

#[test]
fn a_header_without_an_end_is_given_up() {
    let error = Scripted::new("HTTP/1.1 101 x\r\nX: y\r\n".repeat(10_000).as_bytes(), []);
    assert_eq!(error.upgrade().unwrap_err().kind(), ErrorKind::Protocol);
    let error = Scripted::new(b"HTTP/1.1 101 Switch", []).upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ended);
    let error = Scripted::new(b"", []).upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ended);
}

#[test]
fn the_body_of_a_refusal_comes_with_it() {
    for cut in 1..REFUSED.len() {
        let error = Scripted::new(REFUSED.as_bytes(), [cut]).upgrade().unwrap_err();
        assert_eq!(error.http_status(), Some(429), "cut at {cut}");
        let body = &error.http_answer().unwrap().body[..];
        let header = REFUSED.len() - "come back".len();
        let come = if cut < header { &b"come back"[..] } else { &REFUSED.as_bytes()[header..cut] };
        assert_eq!(body, come, "cut at {cut}");
    }
}

/// Otherwise a read takes as little as what is left of the buffer that they lie in.
#[test]
fn reads_stay_as_large_as_they_were_while_messages_are_kept() {
    let frames = [&b"\x82\x7e\x00\x80"[..], &[7; 128]].concat().repeat(2_000);
    let server = Scripted::new(&[ACCEPTED.as_bytes(), &frames].concat(), []);
    let room = server.room.clone();
    let socket = server.upgrade().unwrap().connection;
    room.lock().unwrap().clear();
    let kept: Vec<_> = block_on(socket.take(2_000).map(Result::unwrap).collect());
    assert_eq!(kept.len(), 2_000);
    let room = room.lock().unwrap();
    let ideal = frames.len() / (16 * 1024);
    // Two polls a read; and now and then the tail of a buffer has to be filled.
    assert!(room.len() < 4 * (ideal + 2), "{room:?}");
}

/// Polls `future` so many times and drops it; its output if it was ready before.
fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut cx = Context::from_waker(Waker::noop());
    (0..polls).find_map(|_| match future.as_mut().poll(&mut cx) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// Waits once.
async fn yield_once() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

/// A server whose answer comes byte by byte, and the count of those that live.
fn counted() -> (Scripted, Arc<Mutex<Vec<usize>>>) {
    let answer = with_frames(ACCEPTED);
    let server = Scripted::new(&answer, 1..answer.len());
    let room = Arc::clone(&server.room);
    (server, room)
}

#[test]
fn an_upgrade_dropped_wherever_it_waits_drops_its_stream() {
    let request = Request::for_stream("ws://example.org").unwrap();
    for polls in 1.. {
        let (server, living) = counted();
        let done = dropped_after(polls, upgrade(server, &request, Tuning::new()));
        if let Some(established) = done {
            assert!(established.is_ok() && polls > 100, "{polls}");
            return;
        }
        assert_eq!(Arc::strong_count(&living), 1, "after {polls} polls");
    }
}

#[test]
fn a_dial_dropped_wherever_it_waits_leaves_nothing_open_and_opens_nothing_more() {
    let request = Request::new("ws://example.org").unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 80));
    for polls in 1.. {
        let opened = RefCell::new(Vec::new());
        let addresses = async {
            yield_once().await;
            Ok(vec![address, address])
        };
        let open = async |_| {
            yield_once().await;
            // The first address refuses.
            if opened.borrow().is_empty() {
                opened.borrow_mut().push(Arc::default());
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (server, living) = counted();
            opened.borrow_mut().push(living);
            Ok(server)
        };
        let done = dropped_after(polls, Dialer::new().dial(&request, 0, addresses, &open));
        if let Some(established) = done {
            assert!(established.is_ok() && opened.borrow().len() == 2);
            return;
        }
        assert!(opened.borrow().iter().all(|living| Arc::strong_count(living) == 1), "{polls}");
    }
}
