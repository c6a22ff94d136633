//! Requests over sockets of the loopback interface. The time is virtual.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{CONNECTIONS, Pages, Server};
use crate::health::{Health, NotReady};

struct Fixed(Mutex<Health>);

impl Pages for Fixed {
    fn metrics(&self) -> String {
        "wsbeat_relay_owned 3\n".to_owned()
    }

    fn readiness(&self) -> Result<(), NotReady> {
        self.0.lock().unwrap().readiness(true)
    }
}

async fn start() -> (SocketAddr, Arc<Fixed>) {
    let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = server.address().unwrap();
    let pages = Arc::new(Fixed(Mutex::default()));
    tokio::spawn(server.run(Arc::clone(&pages)));
    (address, pages)
}

/// Sends a text, and returns all that is answered until the server closes the connection.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that refuses the request does not read all of it.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

/// The status and the body of a page.
async fn get(address: SocketAddr, path: &str) -> (String, String) {
    let answer = exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].to_owned(), body.to_owned())
}

#[tokio::test]
async fn each_page_has_its_status_and_text() {
    let (address, pages) = start().await;
    let page = |status: &str, body: &str| (status.to_owned(), body.to_owned());
    assert_eq!(get(address, "/metrics").await, page("200", "wsbeat_relay_owned 3\n"));
    assert_eq!(get(address, "/healthz?verbose").await, page("200", "alive\n"));
    assert_eq!(get(address, "/readyz").await, page("503", "starting\n"));
    *pages.0.lock().unwrap() = Health::Running { owned: 2, open: 2 };
    assert_eq!(get(address, "/readyz").await, page("200", "ready\n"));
    *pages.0.lock().unwrap() = Health::Draining;
    assert_eq!(get(address, "/readyz").await, page("503", "draining\n"));
    assert_eq!(get(address, "/").await.0, "404");
}

#[tokio::test]
async fn a_head_request_is_answered_without_a_body() {
    let (address, _) = start().await;
    let answer = exchange(address, "HEAD /healthz HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-length: 6\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn other_methods_are_refused() {
    let (address, _) = start().await;
    let request = "POST /metrics HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n";
    let answer = exchange(address, request).await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    assert!(answer.contains("allow: GET, HEAD\r\n"), "{answer}");
}

#[tokio::test]
async fn a_large_head_is_refused() {
    let (address, _) = start().await;
    let field = "x".repeat(64 << 10);
    let request = format!("GET /metrics HTTP/1.1\r\nHost: here\r\nX: {field}\r\n\r\n");
    let answer = exchange(address, &request).await;
    assert!(!answer.contains(" 200 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn silent_clients_do_not_keep_others_out() {
    let (address, _) = start().await;
    let mut silent = Vec::new();
    for _ in 0..2 * CONNECTIONS {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(get(address, "/healthz").await.0, "200");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let first = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = first.address().unwrap();
    let error = Server::bind(address).await.unwrap_err();
    let expected = format!(
        "`worker.metrics`: another program listens on {address}: give this worker another address, \
         or \"off\""
    );
    assert_eq!(error.to_string(), expected);
}
