//! The servers do what they say, seen by a bare client that blocks: what the other tests conclude
//! from a server's behaviour rests on this.
#![cfg(unix)]

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use futures::executor::block_on;
use tungstenite::{
    Bytes, Error, Message, WebSocket, client::IntoClientRequest, handshake::client::Response,
    http::Request,
};
use websocket_heartbeat_tests::{GUARD, Peer, Software, guarded, skip};

/// How long nothing must come for the peer to count as silent. A fast machine is not needed: a
/// slow one only makes silence easier.
const SILENCE: Duration = Duration::from_millis(300);

type Socket = WebSocket<TcpStream>;

macro_rules! for_each_software {
    ($($test:ident)*) => {
        mod node_ws { $(#[test] fn $test() { super::run(super::Software::NodeWs, stringify!($test), super::$test); })* }
        mod python_websockets { $(#[test] fn $test() { super::run(super::Software::PythonWebsockets, stringify!($test), super::$test); })* }
    };
}

for_each_software! {
    echo close drop_without_close_frame refuse unknown_path hang silent frozen
    first_frame_with_101 headers_and_subprotocol large fragmented ping ticks
    reports restart_on_the_same_port suspend_and_resume
}

fn run(software: Software, test: &str, body: fn(Peer)) {
    match software.install() {
        Ok(()) => guarded(test, move || body(Peer::start(software))),
        Err(reason) => skip(&format!("peers::{test} against {software}"), reason),
    }
}

fn tcp(peer: &Peer) -> TcpStream {
    let stream = TcpStream::connect(peer.address()).unwrap();
    stream.set_read_timeout(Some(GUARD)).unwrap();
    stream
}

fn try_upgrade(peer: &Peer, request: Request<()>) -> Result<(Socket, Response), Box<Error>> {
    tungstenite::client(request, tcp(peer)).map_err(|error| match error {
        tungstenite::HandshakeError::Failure(error) => Box::new(error),
        tungstenite::HandshakeError::Interrupted(_) => panic!("no answer to the upgrade"),
    })
}

fn connect(peer: &Peer, behaviour: &str) -> Socket {
    try_upgrade(peer, peer.url(behaviour).into_client_request().unwrap()).unwrap().0
}

fn expect_silence(socket: &mut Socket) {
    socket.get_ref().set_read_timeout(Some(SILENCE)).unwrap();
    match socket.read() {
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
        other => panic!("expected nothing, got {other:?}"),
    }
    socket.get_ref().set_read_timeout(Some(GUARD)).unwrap();
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

fn echo(peer: Peer) {
    let mut socket = connect(&peer, "/echo");
    for message in [Message::text("grüße"), Message::binary(pattern(1000)), Message::text("")] {
        socket.send(message.clone()).unwrap();
        assert_eq!(socket.read().unwrap(), message);
    }
}

fn close(peer: Peer) {
    for (code, after_message) in [(1000, true), (1001, false), (1012, true), (4401, false)] {
        let after = if after_message { "message" } else { "open" };
        let mut socket = connect(&peer, &format!("/close/{code}?reason=so+it+is&after={after}"));
        if after_message {
            expect_silence(&mut socket);
            socket.send(Message::text("now")).unwrap();
        }
        let Message::Close(Some(frame)) = socket.read().unwrap() else { panic!("no close frame") };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (code, "so it is"));
    }
}

fn drop_without_close_frame(peer: Peer) {
    for how in ["end", "reset"] {
        let mut socket = connect(&peer, &format!("/drop?how={how}"));
        expect_silence(&mut socket);
        socket.send(Message::text("now")).unwrap();
        match (how, socket.read().unwrap_err()) {
            ("end", Error::Protocol(_)) => {}
            ("reset", Error::Io(error)) if error.kind() == ErrorKind::ConnectionReset => {}
            (_, error) => panic!("{how}: {error:?}"),
        }
    }
}

fn refuse(peer: Peer) {
    let request = peer.url("/refuse/503?retry-after=7").into_client_request().unwrap();
    let Error::Http(answer) = *try_upgrade(&peer, request).unwrap_err() else { panic!() };
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(answer.headers()["x-refused-by"], "peer");
}

fn unknown_path(peer: Peer) {
    let request = peer.url("/no-such-behaviour").into_client_request().unwrap();
    let Error::Http(answer) = *try_upgrade(&peer, request).unwrap_err() else { panic!() };
    assert_eq!(answer.status(), 404);
}

fn hang(peer: Peer) {
    let mut stream = tcp(&peer);
    stream.write_all(&raw_request(&peer, "/hang")).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn silent(peer: Peer) {
    let mut socket = connect(&peer, "/silent");
    socket.send(Message::text("anybody?")).unwrap();
    expect_silence(&mut socket);
    socket.send(Message::Ping(Bytes::from_static(b"sign of life"))).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong(Bytes::from_static(b"sign of life")));
}

fn frozen(peer: Peer) {
    let mut socket = connect(&peer, "/frozen");
    socket.send(Message::Ping(Bytes::new())).unwrap();
    expect_silence(&mut socket);
}

fn raw_request(peer: &Peer, behaviour: &str) -> Vec<u8> {
    format!(
        "GET {behaviour} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        peer.address()
    )
    .into_bytes()
}

fn first_frame_with_101(peer: Peer) {
    let mut stream = tcp(&peer);
    stream.write_all(&raw_request(&peer, "/first-frame-with-101")).unwrap();
    let mut buffer = [0; 4096];
    // What one write sent over loopback, one read receives.
    let len = stream.read(&mut buffer).unwrap();
    assert!(buffer.starts_with(b"HTTP/1.1 101 "));
    assert!(buffer[..len].ends_with(b"\r\n\r\n\x81\x05first"), "{:?}", &buffer[..len]);
}

fn headers_and_subprotocol(peer: Peer) {
    let mut request = peer.url("/headers").into_client_request().unwrap();
    request.headers_mut().insert("x-token", "sesame".parse().unwrap());
    request.headers_mut().insert("sec-websocket-protocol", "chat.v2, chat.v1".parse().unwrap());
    let (mut socket, response) = try_upgrade(&peer, request).unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat.v2");
    let text = socket.read().unwrap().into_text().unwrap();
    let seen: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(seen["headers"]["x-token"], "sesame");
    assert_eq!(seen["subprotocol"], "chat.v2");
}

fn large(peer: Peer) {
    let mut socket = connect(&peer, "/large?bytes=100000");
    assert_eq!(socket.read().unwrap(), Message::binary(pattern(100_000)));
}

fn fragmented(mut peer: Peer) {
    let mut socket = connect(&peer, "/fragmented?count=4");
    assert_eq!(socket.read().unwrap(), Message::Ping(Bytes::from_static(b"between")));
    assert_eq!(socket.read().unwrap(), Message::text("0 1 2 3 "));
    let pong = block_on(peer.reported(|report| report.what() == "pong"));
    assert_eq!(pong.text("payload"), "between");
}

fn ping(peer: Peer) {
    let mut socket = connect(&peer, "/ping?count=2");
    assert_eq!(socket.read().unwrap(), Message::Ping(Bytes::from_static(b"ping 0")));
    assert_eq!(socket.read().unwrap(), Message::Ping(Bytes::from_static(b"ping 1")));
    assert_eq!(socket.read().unwrap(), Message::text("pongs 2"));
}

fn ticks(peer: Peer) {
    let mut socket = connect(&peer, "/ticks?every=5");
    for count in 0..5 {
        assert_eq!(socket.read().unwrap(), Message::text(count.to_string()));
    }
}

fn reports(mut peer: Peer) {
    let mut socket = connect(&peer, "/silent");
    socket.send(Message::Ping(Bytes::from_static(b"one"))).unwrap();
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    // Both servers wait for the client's end of TCP.
    drop(socket);
    let closed = block_on(peer.reported(|report| report.what() == "closed"));
    assert_eq!(closed.number("code"), 1005);
    let open = block_on(peer.reported(|report| report.what() == "open"));
    assert_eq!(open.text("path"), "/silent");
    assert_eq!(open.number("connection"), closed.number("connection"));
    let ping = block_on(peer.reported(|report| report.what() == "ping"));
    assert_eq!(ping.text("payload"), "one");
}

fn restart_on_the_same_port(mut peer: Peer) {
    let address = peer.address();
    let mut socket = connect(&peer, "/echo");
    peer.kill();
    assert!(socket.read().is_err());
    peer.restart();
    assert_eq!(peer.address(), address);
    echo(peer);
}

fn suspend_and_resume(peer: Peer) {
    let mut socket = connect(&peer, "/echo");
    peer.suspend();
    socket.send(Message::text("wake up")).unwrap();
    expect_silence(&mut socket);
    // The kernel still accepts connections for it.
    drop(tcp(&peer));
    peer.resume();
    assert_eq!(socket.read().unwrap(), Message::text("wake up"));
}
