//! Redirects of the upgrade.

use std::{
    error::Error,
    io::{ErrorKind::WouldBlock, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::Duration,
};

use futures::{
    StreamExt,
    future::{Either, select},
};
use futures_rustls::rustls::{ServerConnection, StreamOwned};
use websocket_heartbeat::{ErrorKind, TransportError};
use websocket_heartbeat_tests::{
    Backend, accept_key, localhost_tls, read_request, upgrade_response,
};
use websocket_heartbeat_tungstenite::{Dialer, RedirectError, Request};

use crate::{
    phase::{Hanging, Phase},
    race::Resolving,
};

/// A server that answers each connection with the next redirect, and then accepts one WebSocket if
/// it shall.
struct Server {
    address: SocketAddr,
    thread: JoinHandle<Vec<String>>,
}

impl Server {
    fn start(redirects: &[(u16, &str)], accepts: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers: Vec<_> =
            redirects.iter().map(|(status, location)| redirect(*status, location)).collect();
        let thread = thread::spawn(move || {
            let mut requests = Vec::new();
            let next = || listener.accept().unwrap().0;
            for answer in answers {
                let mut stream: TcpStream = next();
                requests.push(read_request(&mut stream).unwrap());
                stream.write_all(answer.as_bytes()).unwrap();
            }
            if accepts {
                let mut stream = next();
                let request = read_request(&mut stream).unwrap();
                let answer = upgrade_response(&accept_key(&request), "");
                stream.write_all(answer.as_bytes()).unwrap();
                requests.push(request);
                while stream.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
            }
            requests
        });
        Self { address, thread }
    }

    fn request(&self) -> Request {
        let url = format!("ws://me:hush@{}/feed/token?pin=4711", self.address);
        let request = Request::new(&url).unwrap().header("Cookie", "c=1").unwrap();
        request.header("X-Key", "k").unwrap().header("User-Agent", "test").unwrap()
    }

    /// The requests, after the expected number of connections.
    fn finish(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

/// The first words of the requests.
fn paths(requests: &[String]) -> Vec<&str> {
    requests.iter().map(|request| request.split(' ').nth(1).unwrap()).collect()
}

fn reason(error: &TransportError) -> &RedirectError {
    let words = format!("{error} {error:?}");
    for secret in ["hush", "token", "4711"] {
        assert!(!words.contains(secret), "{words}");
    }
    assert_eq!(error.kind(), ErrorKind::Http);
    error.source().unwrap().downcast_ref().unwrap()
}

pub(crate) async fn a_redirect_is_a_refusal_by_default<B: Backend>() {
    let server = Server::start(&[(302, "/elsewhere")], false);
    let error = B::dial(&server.request()).await.map(drop).unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Http, Some(302)));
    assert!(error.source().is_none());
    assert_eq!(server.finish().len(), 1);
    // Other statuses, and a redirect without a target, are refusals in any case.
    for answer in [(300, "/x"), (304, "/x"), (305, "/x"), (200, "/x")] {
        let server = Server::start(&[answer], false);
        let dialer = Dialer::new().redirects(10);
        let error = B::dial_by(&dialer, &server.request()).await.map(drop).unwrap_err();
        assert_eq!(error.http_status(), Some(answer.0));
        server.finish();
    }
}

pub(crate) async fn redirects_are_followed_with_all_fields<B: Backend>() {
    let redirects = [(301, "/a/b"), (302, "c?d"), (303, "../e"), (307, "?f")];
    let server = Server::start(&redirects, true);
    let dialer = Dialer::new().redirects(4);
    let established = B::dial_by(&dialer, &server.request()).await.unwrap();
    assert_eq!(established.peer_address, Some(server.address));
    drop(established);
    let requests = server.finish();
    assert_eq!(paths(&requests), ["/feed/token?pin=4711", "/a/b", "/a/c?d", "/e", "/e?f"]);
    for request in &requests {
        for field in ["Authorization: Basic ", "Cookie: c=1", "X-Key: k", "User-Agent: test"] {
            assert!(request.contains(field), "{request}");
        }
    }
}

pub(crate) async fn a_refusal_after_a_redirect_is_reported<B: Backend>() {
    // A field is added to the second answer.
    let answers = [(302, "/busy"), (503, "/ignored\r\nRetry-After: 7")];
    let server = Server::start(&answers, false);
    let dialer = Dialer::new().redirects(5);
    let error = B::dial_by(&dialer, &server.request()).await.map(drop).unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Http, Some(503)));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(paths(&server.finish()), ["/feed/token?pin=4711", "/busy"]);
}

pub(crate) async fn another_origin_gets_no_credentials<B: Backend>() {
    let other = Server::start(&[], true);
    let first = Server::start(&[(308, &format!("http://{}/new?x=1#f", other.address))], false);
    let dialer = Dialer::new().redirects(1);
    let established = B::dial_by(&dialer, &first.request()).await.unwrap();
    assert_eq!(established.peer_address, Some(other.address));
    drop(established);
    assert!(first.finish()[0].contains("Cookie: c=1"));
    let address = other.address;
    let [request] = &other.finish()[..] else { unreachable!("one connection") };
    assert!(request.starts_with("GET /new?x=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("Host: {address}\r\n")), "{request}");
    assert!(request.contains("User-Agent: test"), "{request}");
    for secret in ["Authorization", "Cookie", "X-Key", "token", "4711"] {
        assert!(!request.contains(secret), "{request}");
    }
}

pub(crate) async fn a_loop_of_redirects_ends_at_the_limit<B: Backend>() {
    let dialer = Dialer::new().redirects(3);
    let server = Server::start(&[(302, "/feed/token?pin=4711"); 8], false);
    for _ in 0..2 {
        let error = B::dial_by(&dialer, &server.request()).await.map(drop).unwrap_err();
        assert_eq!(*reason(&error), RedirectError::TooMany(3));
        assert_eq!(error.http_status(), Some(302));
    }
    assert_eq!(server.finish().len(), 8);
    // The next attempt begins with the URL of the request, also after a permanent redirect.
    let dialer = Dialer::new().redirects(1);
    let server = Server::start(&[(301, "/x"), (301, "/y"), (301, "/x"), (301, "/y")], false);
    for _ in 0..2 {
        let error = B::dial_by(&dialer, &server.request()).await.map(drop).unwrap_err();
        assert_eq!(*reason(&error), RedirectError::TooMany(1));
    }
    let requests = server.finish();
    assert_eq!(paths(&requests), ["/feed/token?pin=4711", "/x", "/feed/token?pin=4711", "/x"]);
    // A limit above the largest one is the largest one.
    let server = Server::start(&[(302, "/"); 11], false);
    let dialer = Dialer::new().redirects(u8::MAX);
    let error = B::dial_by(&dialer, &server.request()).await.map(drop).unwrap_err();
    assert_eq!(*reason(&error), RedirectError::TooMany(10));
    server.finish();
}

pub(crate) async fn a_redirect_from_wss_to_ws_is_not_followed<B: Backend>() {
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    plain.set_nonblocking(true).unwrap();
    let answer = redirect(302, &format!("http://{}/token", plain.local_addr().unwrap()));
    let (config, tls) = localhost_tls();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        stream.flush().unwrap();
        let _ = stream.read(&mut [0]);
    });
    let request = Request::new(&format!("wss://localhost:{port}/")).unwrap();
    let dialer = Dialer::new().redirects(5).tls(tls);
    let error = B::dial_by(&dialer, &request).await.map(drop).unwrap_err();
    assert_eq!(*reason(&error), RedirectError::Insecure);
    assert_eq!(plain.accept().unwrap_err().kind(), WouldBlock);
    server.join().unwrap();
}

pub(crate) async fn a_dropped_attempt_ends_also_after_a_redirect<B: Backend>() {
    let mut hanging = Hanging::start(Phase::Upgrade, 1);
    let first = Server::start(&[(302, &hanging.url)], false);
    let dialer = Dialer::new().redirects(1);
    let request = first.request();
    let attempt = Box::pin(B::dial_by(&dialer, &request));
    let reached = hanging.reached.as_mut().unwrap().next();
    match select(attempt, reached).await {
        Either::Left(_) => panic!("the second server does not answer"),
        Either::Right((reached, attempt)) => {
            reached.unwrap();
            drop(attempt);
        }
    }
    first.finish();
    hanging.finish();
}

pub(crate) async fn an_address_that_redirects_has_worked<B: Backend>() {
    let server = Server::start(&[(302, "/x")], true);
    // It accepts connections, and does not answer.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = vec![server.address, other.local_addr().unwrap()];
    let network = Resolving { network: B::Network::default(), addresses };
    let dialer = Dialer::new().redirects(1);
    let request = Request::new("ws://example.org/").unwrap();
    drop(dialer.dial(&request, &network, &B::timer()).await.unwrap());
    assert_eq!(paths(&server.finish()), ["/", "/x"]);
}
