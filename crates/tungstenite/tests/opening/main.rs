//! The opening handshake against scripted servers: frames that arrive with the answer, and cuts at
//! every byte.

mod acceptance;
#[cfg(unix)]
mod dial;
mod refusal;
mod scripted;

use std::{
    future::Future,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use futures::{StreamExt, executor::block_on};
use websocket_heartbeat::{Frame, Message};
use websocket_heartbeat_tungstenite::{Request, Tuning, upgrade};

use crate::scripted::{ACCEPTED, LONG, REFUSED, Scripted, with_frames};

#[track_caller]
fn assert_frames_are_kept(server: Scripted, context: &str) {
    let mut socket = server.upgrade().expect(context).connection;
    let frames: Vec<_> = block_on((&mut socket).map(|frame| frame.expect(context)).collect());
    let [first, second, Frame::Close(Some(close))] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!(*first, Message::text("hello").into(), "{context}");
    assert_eq!(*second, Message::text("\r\n").into(), "{context}");
    assert_eq!(close.code, 1000, "{context}");
}

#[test]
fn frames_after_the_answer_are_kept_at_every_cut() {
    for cut in 0..LONG {
        assert_frames_are_kept(
            Scripted::new(&with_frames(ACCEPTED), [cut]),
            &format!("cut at {cut}"),
        );
    }
}

#[test]
fn an_answer_may_arrive_byte_by_byte() {
    assert_frames_are_kept(Scripted::new(&with_frames(ACCEPTED), 1..LONG), "byte by byte");
}

#[test]
fn lines_may_end_without_a_carriage_return() {
    for header in [
        ACCEPTED.replace('\r', ""),
        ACCEPTED.replace("KEY\r\n", "KEY\n"),
        ACCEPTED.replace("KEY\r\n\r\n", "KEY\r\n\n"),
        format!("\r\n\r\n{ACCEPTED}"),
    ] {
        assert_frames_are_kept(Scripted::new(&with_frames(&header), 1..LONG), &header);
        assert_frames_are_kept(Scripted::new(&with_frames(&header), []), &header);
    }
}

#[test]
fn a_long_head_is_accepted() {
    let header =
        ACCEPTED.replace("\r\n\r\n", &format!("\r\nX-Long: {}\r\n\r\n", "x".repeat(20_000)));
    assert_frames_are_kept(Scripted::new(&with_frames(&header), []), "in one piece");
    assert_frames_are_kept(Scripted::new(&with_frames(&header), 1..25_000), "byte by byte");
}

#[test]
fn interim_answers_are_skipped_at_every_cut() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    for cut in 0..LONG {
        let answer = with_frames(&format!("{interim}{ACCEPTED}"));
        assert_frames_are_kept(Scripted::new(&answer, [cut]), &format!("cut at {cut}"));
        let refused = format!("{interim}{REFUSED}");
        let error = Scripted::new(refused.as_bytes(), [cut]).upgrade().unwrap_err();
        assert_eq!(error.http_status(), Some(429), "cut at {cut}");
    }
}

#[test]
fn an_answer_before_the_end_of_the_request_is_read() {
    let request = Request::for_stream("ws://example.org").unwrap();
    let request = request.header("X-Long", "x".repeat(1_000)).unwrap();
    let server = |answer: &[u8]| Scripted::new(answer, []).taking(300);
    let refused = block_on(upgrade(server(REFUSED.as_bytes()), &request, Tuning::new()));
    assert_eq!(refused.unwrap_err().http_status(), Some(429));
    let slow = server(&with_frames(ACCEPTED));
    let taken = Arc::clone(&slow.taken);
    let socket = block_on(upgrade(slow, &request, Tuning::new())).unwrap().connection;
    // No frame is sent before the end of the request.
    assert!(taken.lock().unwrap().ends_with(b"x\r\n\r\n"));
    drop(socket);
}

/// Kept messages share the read buffer. Reads must not be limited to the remaining space of this
// buffer.
#[test]
fn reads_stay_large_while_messages_are_kept() {
    let frames = [&b"\x82\x7e\x00\x80"[..], &[7; 128]].concat().repeat(2_000);
    let server = Scripted::new(&[ACCEPTED.as_bytes(), &frames].concat(), []);
    let room = server.room.clone();
    let socket = server.upgrade().unwrap().connection;
    room.lock().unwrap().clear();
    let kept: Vec<_> = block_on(socket.take(2_000).map(Result::unwrap).collect());
    assert_eq!(kept.len(), 2_000);
    let room = room.lock().unwrap();
    let ideal = frames.len() / (16 * 1024);
    // Each read takes two polls, and sometimes the end of a buffer is filled first.
    assert!(room.len() < 4 * (ideal + 2), "{room:?}");
}

/// Polls `future` at most `polls` times and then drops it. Returns its output if it became ready.
fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut cx = Context::from_waker(Waker::noop());
    (0..polls).find_map(|_| match future.as_mut().poll(&mut cx) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// A server whose answer arrives byte by byte, and a reference that counts whether it is alive.
fn counted() -> (Scripted, Arc<Mutex<Vec<usize>>>) {
    let answer = with_frames(ACCEPTED);
    let server = Scripted::new(&answer, 1..answer.len());
    let room = Arc::clone(&server.room);
    (server, room)
}

#[test]
fn a_dropped_upgrade_drops_its_stream() {
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
