//! A blocking tungstenite client checks that the servers behave as documented, because the other
//! tests depend on this behaviour.
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
use websocket_heartbeat_tests::{Peer, Software, TIME_LIMIT, skip, with_time_limit};

/// A peer that sends nothing for this time is considered silent. A slow machine does not break a
/// test.
const SILENCE: Duration = Duration::from_millis(300);

type Socket = WebSocket<TcpStream>;

/// Makes a test of each function for each server.
macro_rules! over_every_server {
    ($($test:ident)+) => {
        over_every_server! { @tests node_ws NodeWs [$($test)+] }
        over_every_server! { @tests python_websockets PythonWebsockets [$($test)+] }
    };
    (@tests $name:ident $software:ident [$($test:ident)+]) => {
        mod $name {
            $(
                #[test]
                fn $test() {
                    super::run(super::Software::$software, stringify!($test), super::$test);
                }
            )+
        }
    };
}

over_every_server! {
    echo_sends_each_message_back
    close_sends_the_code_and_reason
    drop_ends_without_a_close_frame
    refuse_answers_with_the_status
    an_unknown_path_is_refused
    hang_does_not_answer_the_upgrade
    silent_answers_only_pings
    frozen_answers_nothing
    the_first_frame_comes_with_the_101
    headers_returns_fields_and_subprotocol
    large_sends_the_pattern
    fragmented_sends_a_ping_between_fragments
    ping_waits_for_each_pong
    ticks_are_counted
    connections_and_pings_are_reported
    a_killed_server_restarts_on_its_port
    a_suspended_server_answers_once_resumed
}

fn run(software: Software, test: &str, body: fn(Peer)) {
    let name = format!("{test} against {software}");
    match software.install() {
        Ok(()) => with_time_limit(&name, move || body(Peer::start(software))),
        Err(reason) => skip(&name, &reason),
    }
}

fn tcp(peer: &Peer) -> TcpStream {
    let stream = TcpStream::connect(peer.address()).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
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
        other => panic!("expected silence, got {other:?}"),
    }
    socket.get_ref().set_read_timeout(Some(TIME_LIMIT)).unwrap();
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

fn echo_sends_each_message_back(peer: Peer) {
    let mut socket = connect(&peer, "/echo");
    for message in [Message::text("grüße"), Message::binary(pattern(1000)), Message::text("")] {
        socket.send(message.clone()).unwrap();
        assert_eq!(socket.read().unwrap(), message);
    }
}

fn close_sends_the_code_and_reason(peer: Peer) {
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

fn drop_ends_without_a_close_frame(peer: Peer) {
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

fn refuse_answers_with_the_status(peer: Peer) {
    let request = peer.url("/refuse/503?retry-after=7").into_client_request().unwrap();
    let Error::Http(answer) = *try_upgrade(&peer, request).unwrap_err() else { panic!() };
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(answer.headers()["x-refused-by"], "peer");
}

fn an_unknown_path_is_refused(peer: Peer) {
    let request = peer.url("/no-such-behaviour").into_client_request().unwrap();
    let Error::Http(answer) = *try_upgrade(&peer, request).unwrap_err() else { panic!() };
    assert_eq!(answer.status(), 404);
}

fn hang_does_not_answer_the_upgrade(peer: Peer) {
    let mut stream = tcp(&peer);
    stream.write_all(&raw_request(&peer, "/hang")).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn silent_answers_only_pings(peer: Peer) {
    let mut socket = connect(&peer, "/silent");
    socket.send(Message::text("anybody?")).unwrap();
    expect_silence(&mut socket);
    socket.send(Message::Ping(Bytes::from_static(b"sign of life"))).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong(Bytes::from_static(b"sign of life")));
}

fn frozen_answers_nothing(peer: Peer) {
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

fn the_first_frame_comes_with_the_101(peer: Peer) {
    let mut stream = tcp(&peer);
    stream.write_all(&raw_request(&peer, "/first-frame-with-101")).unwrap();
    let mut buffer = [0; 4096];
    // Over loopback, one read receives all bytes of one write.
    let len = stream.read(&mut buffer).unwrap();
    assert!(buffer.starts_with(b"HTTP/1.1 101 "));
    assert!(buffer[..len].ends_with(b"\r\n\r\n\x81\x05first"), "{:?}", &buffer[..len]);
}

fn headers_returns_fields_and_subprotocol(peer: Peer) {
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

fn large_sends_the_pattern(peer: Peer) {
    let mut socket = connect(&peer, "/large?bytes=100000");
    assert_eq!(socket.read().unwrap(), Message::binary(pattern(100_000)));
}

fn fragmented_sends_a_ping_between_fragments(mut peer: Peer) {
    let mut socket = connect(&peer, "/fragmented?count=4");
    assert_eq!(socket.read().unwrap(), Message::Ping(Bytes::from_static(b"between")));
    assert_eq!(socket.read().unwrap(), Message::text("0 1 2 3 "));
    let pong = block_on(peer.reported("pong"));
    assert_eq!(pong.text("payload"), "between");
}

fn ping_waits_for_each_pong(peer: Peer) {
    let mut socket = connect(&peer, "/ping?count=2");
    assert_eq!(socket.read().unwrap(), Message::Ping(Bytes::from_static(b"ping 0")));
    assert_eq!(socket.read().unwrap(), Message::Ping(Bytes::from_static(b"ping 1")));
    assert_eq!(socket.read().unwrap(), Message::text("pongs 2"));
}

fn ticks_are_counted(peer: Peer) {
    let mut socket = connect(&peer, "/ticks?every=5");
    for count in 0..5 {
        assert_eq!(socket.read().unwrap(), Message::text(count.to_string()));
    }
}

fn connections_and_pings_are_reported(mut peer: Peer) {
    let mut socket = connect(&peer, "/silent");
    socket.send(Message::Ping(Bytes::from_static(b"one"))).unwrap();
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    // Both servers wait until the client ends TCP.
    drop(socket);
    let closed = block_on(peer.reported("closed"));
    assert_eq!(closed.number("code"), 1005);
    let open = block_on(peer.reported("open"));
    assert_eq!(open.text("path"), "/silent");
    assert_eq!(open.number("connection"), closed.number("connection"));
    let ping = block_on(peer.reported("ping"));
    assert_eq!(ping.text("payload"), "one");
}

fn a_killed_server_restarts_on_its_port(mut peer: Peer) {
    let address = peer.address();
    let mut socket = connect(&peer, "/echo");
    peer.kill();
    assert!(socket.read().is_err());
    peer.restart();
    assert_eq!(peer.address(), address);
    echo_sends_each_message_back(peer);
}

fn a_suspended_server_answers_once_resumed(peer: Peer) {
    let mut socket = connect(&peer, "/echo");
    peer.suspend();
    socket.send(Message::text("wake up")).unwrap();
    expect_silence(&mut socket);
    // The kernel still accepts connections for the server.
    drop(tcp(&peer));
    peer.resume();
    assert_eq!(socket.read().unwrap(), Message::text("wake up"));
}
