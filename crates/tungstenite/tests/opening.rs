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
use websocket_heartbeat_tungstenite::{Dialer, Request, Socket, Tuning, upgrade, upgrade_waiting};

/// A server that answers a request with `answer`, where `KEY` stands for what it makes of the
/// client's key, in pieces that end at `cuts`; there is nothing to read between two pieces. Then it
/// closes.
struct Scripted {
    answer: Vec<u8>,
    cuts: Vec<usize>,
    pieces: VecDeque<Vec<u8>>,
    breathing: bool,
    /// It does not close behind its answer.
    lingers: bool,
    /// How much of the request it takes before it answers; the rest it takes when its answer has
    /// been read.
    takes: usize,
    answered: bool,
    /// All that it took.
    taken: Arc<Mutex<Vec<u8>>>,
    /// How much each read could have taken.
    room: Arc<Mutex<Vec<usize>>>,
}

impl Scripted {
    fn new(answer: &[u8], cuts: impl IntoIterator<Item = usize>) -> Self {
        Self {
            answer: answer.to_vec(),
            cuts: cuts.into_iter().collect(),
            pieces: VecDeque::new(),
            breathing: false,
            lingers: false,
            takes: usize::MAX,
            answered: false,
            taken: Arc::default(),
            room: Arc::default(),
        }
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
fn a_head_without_an_end_is_given_up() {
    let endless = "HTTP/1.1 101 x\r\nX: y\r\n".repeat(20_000);
    let error = Scripted::new(endless.as_bytes(), []).upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn a_hang_up_says_when_it_came() {
    for (answer, when) in [
        ("", "before it answered the request"),
        ("\r\n", "before it answered the request"),
        ("HTTP/1.1 103 Hints\r\n\r\n", "before it answered the request"),
        ("HTTP/1.1 101 Switch", "in the middle of its answer"),
    ] {
        let error = Scripted::new(answer.as_bytes(), []).upgrade().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ended, "{answer}");
        let words = format!("ended: the server ended the connection {when}: ");
        assert!(error.to_string().starts_with(&words), "{answer} {error}");
    }
}

#[test]
fn interim_answers_are_skipped_wherever_they_are_cut() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    for cut in 0..LONG {
        let answer = with_frames(&format!("{interim}{ACCEPTED}"));
        assert_all_is_there(Scripted::new(&answer, [cut]), &format!("cut at {cut}"));
        let refused = format!("{interim}{REFUSED}");
        let error = Scripted::new(refused.as_bytes(), [cut]).upgrade().unwrap_err();
        assert_eq!(error.http_status(), Some(429), "cut at {cut}");
    }
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

/// A server that answers, and then sends no more without closing.
fn lingering(answer: &str, cuts: impl IntoIterator<Item = usize>) -> Scripted {
    Scripted { lingers: true, ..Scripted::new(answer.as_bytes(), cuts) }
}

/// The body of the refusal, if there is patience for so many looks at a stream without bytes.
fn body_after(server: Scripted, looks: usize) -> Vec<u8> {
    let request = Request::for_stream("ws://example.org").unwrap();
    let mut left = looks;
    let enough = poll_fn(move |cx| {
        cx.waker().wake_by_ref();
        left = left.saturating_sub(1);
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    });
    let error = block_on(upgrade_waiting(server, &request, Tuning::new(), enough)).unwrap_err();
    assert_eq!(error.http_status(), Some(503));
    error.http_answer().unwrap().body.to_vec()
}

#[test]
fn a_late_body_is_waited_for() {
    let head = "HTTP/1.1 503 Busy\r\n";
    for (fields, body) in [
        ("Content-Length: 7\r\n", "not now"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nnot\r\n4\r\n now\r\n0\r\n\r\n"),
    ] {
        let answer = format!("{head}{fields}\r\n{body}");
        // With an end of its own it needs no patience beyond its last byte.
        assert_eq!(body_after(lingering(&answer, 1..answer.len()), 1_000_000), b"not now");
    }
    let answer = format!("{head}\r\nnot now");
    let server = Scripted::new(answer.as_bytes(), 1..answer.len());
    assert_eq!(body_after(server, 1_000_000), b"not now");
}

#[test]
fn a_body_that_never_comes_or_never_ends_does_not_hold_up_the_status() {
    for fields in ["", "Content-Length: 70\r\n", "Transfer-Encoding: chunked\r\n"] {
        let head = format!("HTTP/1.1 503 Busy\r\n{fields}\r\n");
        assert_eq!(body_after(lingering(&head, []), 10), b"", "{fields}");
    }
    let part = "HTTP/1.1 503 Busy\r\nContent-Length: 70\r\n\r\nnot now";
    assert_eq!(body_after(lingering(part, []), 10), b"not now");
    let endless = format!("HTTP/1.1 503 Busy\r\n\r\n{}", "x".repeat(100_000));
    assert_eq!(body_after(lingering(&endless, []), 1_000_000).len(), 4096);
}

#[test]
fn each_form_of_a_valid_acceptance_opens() {
    for (from, to) in [
        ("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
        ("Connection: Upgrade", "Connection: Upgrade, Keep-Alive"),
        ("Connection: Upgrade", "Connection: upgrade,close"),
        ("Connection: Upgrade", "connection:\tUPGRADE  "),
        ("Connection: Upgrade", "Connection: , keep-alive,,Upgrade ,"),
        ("Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade"),
        ("Connection: Upgrade", "Connection: Upgrade\r\nConnection: keep-alive"),
        ("Connection: Upgrade", "Connection: keep-alive,\r\n Upgrade"),
        ("Upgrade: websocket", "Upgrade: WebSocket"),
        ("Upgrade: websocket", "upgrade: h2c, WEBSOCKET"),
        ("Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket"),
        ("Sec-WebSocket-Accept: ", "SEC-WEBSOCKET-ACCEPT:"),
        ("KEY", "KEY  "),
        ("KEY", "KEY\r\nSec-WebSocket-Extensions: "),
        ("KEY", "KEY\r\nSec-WebSocket-Protocol:"),
        (" Switching Protocols", ""),
        (" Switching Protocols", " \u{fc}"),
    ] {
        let answer = ACCEPTED.replacen(from, to, 1);
        assert_ne!(answer, ACCEPTED);
        assert_all_is_there(Scripted::new(&with_frames(&answer), []), &answer);
    }
}

#[test]
fn what_does_not_open_the_websocket_that_was_asked_for_is_refused() {
    for (from, to, words) in [
        ("Connection: Upgrade\r\n", "", "does not name Upgrade in Connection"),
        ("Connection: Upgrade", "Connection: close", "does not name Upgrade in Connection"),
        ("Connection: Upgrade", "Connection: Upgrades", "does not name Upgrade in Connection"),
        ("Upgrade: websocket\r\n", "", "does not name websocket in Upgrade"),
        ("Upgrade: websocket", "Upgrade: h2c", "does not name websocket in Upgrade"),
        ("Upgrade: websocket", "Upgrade: websocket/13", "does not name websocket in Upgrade"),
        ("Sec-WebSocket-Accept: KEY\r\n", "", "has no Sec-WebSocket-Accept"),
        ("KEY", "", "does not belong to this request"),
        ("KEY", "bm90IHRoZSBrZXk=", "does not belong to this request"),
        ("KEY", "KEY\r\nSec-WebSocket-Accept: other", "does not belong to this request"),
        ("KEY", "KEY\r\nSec-WebSocket-Extensions: permessage-deflate", "an extension"),
        (
            "KEY",
            "KEY\r\nSec-WebSocket-Extensions:\r\nSec-WebSocket-Extensions: x-unknown",
            "an extension",
        ),
        ("KEY", "KEY\r\nSec-WebSocket-Protocol: v1", "a subprotocol that was not offered"),
        ("HTTP/1.1", "HTTP/1.0", "it is not HTTP/1.1"),
    ] {
        let answer = ACCEPTED.replacen(from, to, 1);
        let error = Scripted::new(answer.as_bytes(), []).upgrade().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{answer}");
        assert!(error.to_string().contains(words), "{answer} {error}");
    }
}

#[test]
fn one_of_the_offered_subprotocols_is_chosen() {
    let offering = |fields: &str| {
        let answer = ACCEPTED.replacen("KEY", &format!("KEY\r\n{fields}"), 1);
        let request = Request::for_stream("ws://example.org").unwrap();
        let request = request.subprotocol("v2").unwrap().subprotocol("v1").unwrap();
        let server = Scripted::new(answer.as_bytes(), []);
        let established = block_on(upgrade(server, &request, Tuning::new()));
        established.map(|established| established.subprotocol.unwrap().to_string())
    };
    let name = "Sec-WebSocket-Protocol: ";
    assert_eq!(offering(&format!("{name}v1")).unwrap(), "v1");
    assert_eq!(offering(&format!("{name}\r\n{name}v2")).unwrap(), "v2");
    for fields in [
        format!("{name}v1, v2"),
        format!("{name}v1\r\n{name}v2"),
        format!("{name}v1\r\n{name}v1"),
        format!("{name}V1"),
        format!("{name}v9"),
        "X-A: b".to_owned(),
    ] {
        assert_eq!(offering(&fields).unwrap_err().kind(), ErrorKind::Protocol, "{fields}");
    }
}

#[test]
fn an_answer_that_comes_before_all_of_the_request_is_read_is_heard() {
    let request = Request::for_stream("ws://example.org").unwrap();
    let request = request.header("X-Long", "x".repeat(1_000)).unwrap();
    let server = |answer: &[u8]| Scripted { takes: 300, ..Scripted::new(answer, []) };
    let refused = block_on(upgrade(server(REFUSED.as_bytes()), &request, Tuning::new()));
    assert_eq!(refused.unwrap_err().http_status(), Some(429));
    let slow = server(&with_frames(ACCEPTED));
    let taken = Arc::clone(&slow.taken);
    let socket = block_on(upgrade(slow, &request, Tuning::new())).unwrap().connection;
    // No frame goes out before the end of the request.
    assert!(taken.lock().unwrap().ends_with(b"x\r\n\r\n"));
    drop(socket);
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
