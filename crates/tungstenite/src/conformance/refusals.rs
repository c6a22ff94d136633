//! [`refusals`]: the rules of attempts that fail.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use websocket_heartbeat::{ErrorKind, Established, TransportError};

use super::{
    client::Dialed,
    rule::rules,
    server::{finish, read_request, serve_raw},
};

/// Checks every rule about attempts that fail, with attempts that `dial` makes to a `ws://` URL.
/// The rules are those of [`Transport`](websocket_heartbeat::Transport).
///
/// # Panics
///
/// If a rule is broken.
pub async fn refusals<C>(dial: impl AsyncFn(String) -> Result<Established<C>, TransportError>) {
    rules!(
        &dial,
        a_closed_port_is_refused,
        the_answer_of_a_refusal_is_kept,
        an_answer_that_is_no_upgrade_is_a_protocol_error,
        an_end_during_the_upgrade_is_an_error,
    );
}

/// Checks that the body of a refusal is kept if it arrives after the head, and that a body that
/// never arrives does not hide the status: for transports that use
/// [`Dialer::dial`](crate::Dialer::dial), or an upgrade that waits for the body.
///
/// # Panics
///
/// If a rule is broken.
pub async fn late_bodies<C>(dial: impl AsyncFn(String) -> Result<Established<C>, TransportError>) {
    rules!(&dial, a_late_body_is_kept_and_a_missing_one_is_skipped);
}

/// An attempt that fails. `C` need not be `Debug`.
async fn fails<C>(dial: &impl AsyncFn(String) -> Dialed<C>, url: String) -> TransportError {
    dial(url).await.err().expect("the attempt fails")
}

async fn a_closed_port_is_refused<C>(dial: &impl AsyncFn(String) -> Dialed<C>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
    // The port of a client is in use, so no server can listen there.
    let url = format!("ws://{}/", client.local_addr().expect("connected"));
    assert_eq!(fails(dial, url).await.kind(), ErrorKind::Refused);
}

async fn refused_with<C>(
    dial: &impl AsyncFn(String) -> Dialed<C>,
    answer: Vec<u8>,
) -> TransportError {
    let (url, server) = serve_raw(move |mut stream| {
        read_request(&mut stream);
        stream.write_all(&answer).expect("sent");
    });
    let error = fails(dial, url).await;
    finish(server);
    error
}

async fn the_answer_of_a_refusal_is_kept<C>(dial: &impl AsyncFn(String) -> Dialed<C>) {
    let seconds = |n| Some(Duration::from_secs(n));
    for (retry_after, parsed) in [
        ("Retry-After: 7\r\n", seconds(7)),
        (
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n",
            seconds(60),
        ),
        ("Retry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n", None),
        ("Retry-After: when it suits you\r\n", None),
        ("", None),
    ] {
        let answer = format!("HTTP/1.1 503 Busy\r\nX-Reason: rest\r\n{retry_after}\r\nnot now");
        let error = refused_with(dial, answer.into_bytes()).await;
        assert_eq!(error.kind(), ErrorKind::Http);
        assert_eq!(error.http_status(), Some(503));
        assert_eq!(error.retry_after(), parsed, "{retry_after}");
        let answer = error.http_answer().expect("an answer");
        assert_eq!(answer.headers.get("x-reason"), Some("rest"));
        assert_eq!(*answer.body, *b"not now");
    }
}

async fn an_answer_that_is_no_upgrade_is_a_protocol_error<C>(
    dial: &impl AsyncFn(String) -> Dialed<C>,
) {
    for answer in [
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: bm90IHRoZSBrZXk=\r\n\r\n",
    ] {
        let error = refused_with(dial, answer.into()).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{answer} {error}");
    }
}

async fn an_end_during_the_upgrade_is_an_error<C>(dial: &impl AsyncFn(String) -> Dialed<C>) {
    for answer in ["", "HTTP/1.1 101 Switch"] {
        let error = refused_with(dial, answer.into()).await;
        assert_eq!(error.kind(), ErrorKind::Ended, "{answer} {error}");
    }
}

async fn a_late_body_is_kept_and_a_missing_one_is_skipped<C>(
    dial: &impl AsyncFn(String) -> Dialed<C>,
) {
    let refused = async |body: &'static [u8]| {
        let (url, server) = serve_raw(move |mut stream| {
            read_request(&mut stream);
            stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 7\r\n\r\n").expect("sent");
            #[allow(clippy::disallowed_methods, reason = "the server has its own thread")]
            thread::sleep(Duration::from_millis(20));
            let _ = stream.write_all(body);
            // Until the client ends the connection.
            let _ = stream.read(&mut [0]);
        });
        let error = fails(dial, url).await;
        finish(server);
        assert_eq!(error.http_status(), Some(503));
        error.http_answer().expect("an answer").body.to_vec()
    };
    // If the machine is suspended for half a second, the wait ends first.
    for _ in 0..10 {
        if refused(b"not now").await == b"not now" {
            assert_eq!(refused(b"").await, b"");
            return;
        }
    }
    panic!("a body that arrives late is kept");
}
