//! The opening handshake against tungstenite's server.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

use futures::executor::block_on;
use tungstenite::{
    handshake::{
        derive_accept_key,
        server::{Request as Asked, Response},
    },
    http::HeaderMap,
};
use websocket_heartbeat::{ErrorKind, Established, TransportError};
use websocket_heartbeat_tungstenite::{Request, Socket, Tuning, upgrade};

type Upgraded = Result<Established<Socket<async_net::TcpStream>>, TransportError>;

fn serve<T: Send + 'static>(
    script: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    (authority, thread::spawn(move || script(listener.accept().unwrap().0)))
}

fn connect(request: &Request) -> Upgraded {
    block_on(async {
        let stream = async_net::TcpStream::connect((request.host(), request.port())).await.unwrap();
        upgrade(stream, request, Tuning::new()).await
    })
}

fn accept(stream: TcpStream, subprotocol: &'static str) -> HeaderMap {
    let mut asked = HeaderMap::new();
    #[allow(clippy::result_large_err, reason = "tungstenite's signature")]
    let answer = |request: &Asked, mut response: Response| {
        asked.clone_from(request.headers());
        asked.insert("x-target", request.uri().to_string().parse().unwrap());
        response.headers_mut().insert("x-node", "n7".parse().unwrap());
        if !subprotocol.is_empty() {
            let name = subprotocol.parse().unwrap();
            response.headers_mut().insert("sec-websocket-protocol", name);
        }
        Ok(response)
    };
    let _ = tungstenite::accept_hdr(stream, answer);
    asked
}

#[test]
fn headers_and_subprotocols_pass_in_both_directions() {
    let (authority, server) = serve(|stream| accept(stream, "v1"));
    let request = Request::new(&format!("ws://me:pw@{authority}/feed?since=5"))
        .unwrap()
        .header("X-Client", "7")
        .unwrap()
        .header("Origin", "https://example.org")
        .unwrap()
        .subprotocol("v2")
        .unwrap()
        .subprotocol("v1")
        .unwrap();
    let established = connect(&request).unwrap();
    assert_eq!(established.subprotocol.as_deref(), Some("v1"));
    assert_eq!(established.headers.get("X-Node"), Some("n7"));
    let asked = server.join().unwrap();
    assert_eq!(asked["x-target"], "/feed?since=5");
    assert_eq!(asked["host"], authority);
    assert_eq!(asked["authorization"], "Basic bWU6cHc=");
    assert_eq!(asked["x-client"], "7");
    assert_eq!(asked["origin"], "https://example.org");
    assert_eq!(asked["sec-websocket-protocol"], "v2, v1");
    assert_eq!(asked["sec-websocket-version"], "13");
}

#[test]
fn each_attempt_has_its_own_key() {
    let keys = [(); 2].map(|()| {
        let (authority, server) = serve(|stream| accept(stream, ""));
        connect(&Request::new(&format!("ws://{authority}")).unwrap()).unwrap();
        server.join().unwrap()["sec-websocket-key"].clone()
    });
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_subprotocol_that_was_not_offered_is_refused() {
    for (offered, chosen) in [(Some("v1"), "v9"), (Some("v1"), ""), (None, "v1")] {
        let (authority, server) = serve(move |stream| accept(stream, chosen));
        let mut request = Request::new(&format!("ws://{authority}")).unwrap();
        if let Some(name) = offered {
            request = request.subprotocol(name).unwrap();
        }
        let error = connect(&request).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        server.join().unwrap();
    }
}

#[test]
fn an_extension_that_was_not_offered_is_refused() {
    let (authority, server) = serve(|mut stream| {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let request = String::from_utf8(request).unwrap();
        let key =
            request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = derive_accept_key(key.as_bytes());
        write!(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .unwrap();
    });
    let error = connect(&Request::new(&format!("ws://{authority}")).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    server.join().unwrap();
}

#[test]
fn the_body_of_a_refusal_is_bounded() {
    let (authority, server) = serve(|mut stream| {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        let body = "x".repeat(60_000);
        let _ = write!(stream, "HTTP/1.1 429 Slow down\r\n\r\n{body}");
    });
    let error = connect(&Request::new(&format!("ws://{authority}")).unwrap()).unwrap_err();
    assert_eq!(error.http_status(), Some(429));
    let body = &error.http_answer().unwrap().body;
    assert!(body.len() <= 4096 && body.iter().all(|&byte| byte == b'x'));
    server.join().unwrap();
}
