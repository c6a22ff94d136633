//! The transport by `connect_async`.
#![allow(clippy::result_large_err, reason = "the type of tungstenite's callback")]

use std::{future::poll_fn, net::TcpListener, thread, time::Duration};

use futures::{FutureExt, executor::block_on};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{
    self,
    client::IntoClientRequest,
    handshake::server::{ErrorResponse, Request, Response},
    http,
};
use websocket_heartbeat_tokio::{
    Attempt, ErrorKind, SocketOptions, Transport, adapter::ConnectAsync,
};

use crate::{end_after_a_drop, serve, use_up_budget};

#[tokio::test]
async fn linger_can_be_set_for_the_transport() {
    let end = end_after_a_drop(async |url: String| {
        let options = SocketOptions::new().linger(None);
        let mut transport = ConnectAsync::new(url)?.socket_options(options);
        transport.connect(Attempt::new(1, 0, None)).await
    });
    assert_eq!(end.await.unwrap(), 0);
}

/// Accepts a client as `v1`, and returns its request.
fn accept(stream: std::net::TcpStream) -> Request {
    let mut asked = None;
    let answer = |request: &Request, mut response: Response| {
        let fields = response.headers_mut();
        fields.insert("x-node", "n7".parse().unwrap());
        if request.headers().contains_key("sec-websocket-protocol") {
            fields.insert("sec-websocket-protocol", "v1".parse().unwrap());
        }
        asked = Some(request.clone());
        Ok::<_, ErrorResponse>(response)
    };
    drop(tungstenite::accept_hdr(stream, answer).unwrap());
    asked.unwrap()
}

#[tokio::test]
async fn headers_and_subprotocols_pass_in_both_directions() {
    let (port, server) = serve(accept);
    let url = format!("ws://me:hush@127.0.0.1:{port}/feed?since=5");
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("x-client", "7".parse().unwrap());
    request.headers_mut().insert("sec-websocket-protocol", "v2, v1".parse().unwrap());
    let mut transport = ConnectAsync::new(request).unwrap();
    let established = transport.connect(Attempt::new(1, 0, None)).await.unwrap();
    assert_eq!(established.subprotocol.as_deref(), Some("v1"));
    assert_eq!(established.headers.get("X-Node"), Some("n7"));
    let asked = server.join().unwrap();
    assert_eq!(asked.uri(), "/feed?since=5");
    assert_eq!(asked.headers()["x-client"], "7");
    assert!(!asked.headers().contains_key("authorization"), "as by `connect_async`");
}

#[tokio::test]
async fn a_task_without_budget_connects() {
    let (port, server) = serve(|stream| tungstenite::accept(stream).unwrap());
    let mut transport = ConnectAsync::new(format!("ws://127.0.0.1:{port}/")).unwrap();
    let mut attempt = transport.connect(Attempt::new(1, 0, None));
    let attempt = poll_fn(|cx| {
        use_up_budget(cx);
        attempt.poll_unpin(cx)
    });
    let connected = timeout(Duration::from_secs(10), attempt).await;
    connected.expect("it makes progress").unwrap();
    server.join().unwrap();
}

#[test]
fn an_attempt_without_a_runtime_says_what_to_do() {
    let attempt = ConnectAsync::new("ws://127.0.0.1/").unwrap().connect(Attempt::new(1, 0, None));
    let error = block_on(attempt).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Runtime);
    assert!(error.to_string().contains("poll the session in a tokio runtime"), "{error}");
}

#[tokio::test]
async fn each_attempt_has_its_own_key() {
    let mut keys = Vec::new();
    // The same transport for both attempts.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let mut transport = ConnectAsync::new(url).unwrap();
    for _ in 0..2 {
        let listener = listener.try_clone().unwrap();
        let server = thread::spawn(move || accept(listener.accept().unwrap().0));
        transport.connect(Attempt::new(1, 0, None)).await.unwrap();
        keys.push(server.join().unwrap().headers()["sec-websocket-key"].clone());
    }
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn secrets_of_the_request_are_not_shown() {
    let (port, server) = serve(|stream| {
        let refuse = |request: &Request, _: Response| {
            let token = request.headers()["authorization"].to_str().unwrap();
            let body = format!("Cannot GET {} with {token}", request.uri());
            let answer = http::Response::builder().status(401).body(Some(body));
            Err::<Response, _>(answer.unwrap())
        };
        assert!(tungstenite::accept_hdr(stream, refuse).is_err());
    });
    let url = format!("ws://me:0ddba115@127.0.0.1:{port}/feed/4d1c0ffee");
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("authorization", "Bearer 0ddba115".parse().unwrap());
    let mut transport = ConnectAsync::new(request).unwrap();
    let error = transport.connect(Attempt::new(1, 0, None)).await.unwrap_err();
    server.join().unwrap();
    assert_eq!(error.http_status(), Some(401));
    let shown = format!("{transport:?} {error} {error:?}");
    assert!(shown.contains("Cannot GET"), "{shown}");
    assert!(!shown.contains("4d1c0ffee") && !shown.contains("0ddba115"), "{shown}");
}

#[test]
fn a_url_that_cannot_work_is_refused_at_once() {
    for url in ["http://example.org", "example.org", "/feed", "ws://", "ws://[", ""] {
        let error = ConnectAsync::new(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Url, "{url} {error}");
    }
    // It has no fields of an upgrade.
    let plain = http::Request::get("ws://example.org/feed").header("x-client", "7").body(());
    let error = ConnectAsync::new(plain.unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let words = "the request has no valid header field `host`: make it from a URL by \
                 `into_client_request`, and then add fields";
    assert_eq!(error.to_string(), words);
}
