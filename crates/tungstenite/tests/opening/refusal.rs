//! The parts of a refusal that are kept, and the wait for its body.

use std::{future::poll_fn, task::Poll};

use futures::executor::block_on;
use websocket_heartbeat::ErrorKind;
use websocket_heartbeat_tungstenite::{Request, Tuning, upgrade, upgrade_waiting};

use crate::scripted::{REFUSED, Scripted, lingering};

#[test]
fn an_endless_head_is_an_error() {
    let endless = "HTTP/1.1 101 x\r\nX: y\r\n".repeat(20_000);
    let error = Scripted::new(endless.as_bytes(), []).upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn an_end_before_or_within_the_answer_is_explained() {
    for (answer, when) in [
        ("", "before it answered the request"),
        ("\r\n", "before it answered the request"),
        ("HTTP/1.1 103 Hints\r\n\r\n", "before it answered the request"),
        ("HTTP/1.1 101 Switch", "in the middle of its answer"),
    ] {
        let error = Scripted::new(answer.as_bytes(), []).upgrade().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ended, "{answer}");
        let words = format!("the server ended the connection {when}: ");
        assert!(error.to_string().starts_with(&words), "{answer} {error}");
    }
}

#[test]
fn the_body_that_arrives_with_a_refusal_is_kept() {
    for cut in 1..REFUSED.len() {
        let error = Scripted::new(REFUSED.as_bytes(), [cut]).upgrade().unwrap_err();
        assert_eq!(error.http_status(), Some(429), "cut at {cut}");
        let body = &error.http_answer().unwrap().body[..];
        let header = REFUSED.len() - "come back".len();
        let come = if cut < header { &b"come back"[..] } else { &REFUSED.as_bytes()[header..cut] };
        assert_eq!(body, come, "cut at {cut}");
    }
}

/// The body of the refusal, if the client gives up after this number of reads without bytes.
fn body_after(server: Scripted, reads: usize) -> Vec<u8> {
    let request = Request::for_stream("ws://example.org").unwrap();
    let mut left = reads;
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
fn a_late_body_is_kept() {
    let head = "HTTP/1.1 503 Busy\r\n";
    for (fields, body) in [
        ("Content-Length: 7\r\n", "not now"),
        ("Transfer-Encoding: chunked\r\n", "3\r\nnot\r\n4\r\n now\r\n0\r\n\r\n"),
    ] {
        let answer = format!("{head}{fields}\r\n{body}");
        // If the length of the body is known, the client does not wait after the last byte.
        assert_eq!(body_after(lingering(&answer, 1..answer.len()), 1_000_000), b"not now");
    }
    let answer = format!("{head}\r\nnot now");
    let server = Scripted::new(answer.as_bytes(), 1..answer.len());
    assert_eq!(body_after(server, 1_000_000), b"not now");
}

#[test]
fn a_missing_or_endless_body_does_not_hide_the_status() {
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
fn a_refusal_that_repeats_the_request_shows_no_secrets() {
    let request = Request::for_stream("ws://me:hush-word@example.org/hush-path?a=hush-query");
    let request = request.unwrap().header("Cookie", "id=hush-cookie").unwrap();
    let body = "404 /hush-path?a=hush-query for me:hush-word, id=hush-cookie, hush-cookie";
    for (head, words) in [
        ("404 Not Found", r#"(there is no WebSocket at this path): "404 .. for .., .., ..""#),
        (
            "301 Moved\r\nLocation: https://example.org/hush-path/?a=hush-query",
            "a redirect to https://example.org/.., which",
        ),
    ] {
        let answer = format!("HTTP/1.1 {head}\r\n\r\n{body}");
        let server = Scripted::new(answer.as_bytes(), []);
        let error = block_on(upgrade(server, &request, Tuning::new())).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(words) && !shown.contains("hush"), "{shown}");
        assert_eq!(error.http_answer().unwrap().body, body.as_bytes().into());
    }
}
