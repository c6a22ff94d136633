//! [`contract`]: the rules of a connection.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use tungstenite::{
    Message as Ws,
    handshake::derive_accept_key,
    protocol::frame::{
        Frame as WsFrame,
        coding::{Data, OpCode},
    },
};
use websocket_heartbeat::{Connection, Established, Frame, Message, TransportError};

use super::{
    client::{Client, Dialed},
    closing,
    server::{finish, read_request, serve, serve_raw},
};

/// Checks every rule with connections that `dial` makes to a `ws://` URL.
///
/// # Panics
///
/// If a rule is broken.
pub async fn contract<C: Connection>(
    dial: impl AsyncFn(String) -> Result<Established<C>, TransportError>,
) {
    messages_are_received_complete(&dial).await;
    a_large_message_is_sent_and_received(&dial).await;
    pings_are_answered_and_reported(&dial).await;
    our_pings_and_pongs_are_sent(&dial).await;
    closing::the_peers_close_is_reported_and_answered(&dial).await;
    closing::our_close_waits_for_the_peers(&dial).await;
    closing::a_close_handshake_shuts_the_connection_down(&dial).await;
    closing::the_end_without_a_close_frame_is_an_error(&dial).await;
    closing::a_protocol_violation_is_an_error(&dial).await;
    back_pressure_reaches_the_sender(&dial).await;
    frames_that_arrive_with_the_answer_are_kept(&dial).await;
    closing::a_drop_ends_the_connection_at_once(&dial).await;
    // On other systems a reset discards the bytes that were received before it.
    if cfg!(target_os = "linux") {
        closing::a_failed_write_does_not_end_reading(&dial).await;
    }
}

fn fragment(text: &'static str, kind: Data, last: bool) -> Ws {
    Ws::Frame(WsFrame::message(text, OpCode::Data(kind), last))
}

async fn messages_are_received_complete<C: Connection>(dial: &impl AsyncFn(String) -> Dialed<C>) {
    let (url, server) = serve(|mut server| {
        for _ in 0..4 {
            let message = server.read().expect("a message");
            server.send(message).expect("sent");
        }
        server.write(fragment("hé", Data::Text, false)).expect("sent");
        server.write(Ws::Ping("between".into())).expect("sent");
        server.write(fragment("llo", Data::Continue, true)).expect("sent");
        server.flush().expect("sent");
        server.read().expect("an answer");
    });
    let mut client = Client::dial(dial, url).await;
    let messages =
        ["".into(), "text, né".into(), Message::binary(vec![]), Message::binary(vec![0, 255])];
    for message in messages {
        client.send(message.clone()).await.expect("sent");
        assert_eq!(client.message().await, message);
    }
    assert_eq!(client.frame().await, Frame::Ping("between".into()));
    assert_eq!(client.message().await, "héllo");
    client.flush().await.expect("flushed");
    finish(server);
}

async fn a_large_message_is_sent_and_received<C: Connection>(
    dial: &impl AsyncFn(String) -> Dialed<C>,
) {
    let (url, server) = serve(|mut server| {
        let message = server.read().expect("a message");
        server.send(message).expect("sent");
    });
    let mut client = Client::dial(dial, url).await;
    let before = client.connection.bytes_written();
    let message = Message::binary((0..=255).cycle().take(5 << 20).collect::<Vec<u8>>());
    client.send(message.clone()).await.expect("sent");
    if let (Some(before), Some(after)) = (before, client.connection.bytes_written()) {
        assert!(
            after - before >= 5 << 20,
            "`bytes_written` counts the written bytes: {before} {after}"
        );
    }
    assert!(client.message().await == message, "the echo equals the sent message");
    finish(server);
}

async fn pings_are_answered_and_reported<C: Connection>(dial: &impl AsyncFn(String) -> Dialed<C>) {
    let (url, server) = serve(|mut server| {
        server.send(Ws::Ping("ping".into())).expect("sent");
        let pong = server.read().expect("an answer, though the client only reads");
        assert_eq!(pong, Ws::Pong("ping".into()));
        server.send("done".into()).expect("sent");
    });
    let mut client = Client::dial(dial, url).await;
    assert_eq!(client.frame().await, Frame::Ping("ping".into()));
    assert_eq!(client.message().await, "done");
    finish(server);
}

async fn our_pings_and_pongs_are_sent<C: Connection>(dial: &impl AsyncFn(String) -> Dialed<C>) {
    let (url, server) = serve(|mut server| {
        assert_eq!(server.read().expect("a ping"), Ws::Ping("ours".into()));
        assert_eq!(server.read().expect("a pong"), Ws::Pong("unasked".into()));
    });
    let mut client = Client::dial(dial, url).await;
    client.send(Frame::Ping("ours".into())).await.expect("sent");
    client.send(Frame::Pong("unasked".into())).await.expect("sent");
    assert_eq!(client.frame().await, Frame::Pong("ours".into()));
    finish(server);
}

async fn back_pressure_reaches_the_sender<C: Connection>(dial: &impl AsyncFn(String) -> Dialed<C>) {
    let (go, begin) = std::sync::mpsc::channel::<u64>();
    let (url, server) = serve(move |mut server| {
        let count = begin.recv().expect("the client continues");
        for number in 0..count {
            let message = server.read().expect("a message").into_data();
            assert_eq!(message[..8], number.to_le_bytes(), "in order, nothing missing");
        }
        server.send("all".into()).expect("sent");
    });
    let mut client = Client::dial(dial, url).await;
    let mut count = 0_u64;
    // The buffers to a peer that does not read have at most some megabytes.
    while client.is_ready().await {
        assert!(count < 2048, "128 MiB are accepted for a peer that reads nothing");
        let mut payload = vec![0; 64 << 10];
        payload[..8].copy_from_slice(&count.to_le_bytes());
        let frame = Message::binary(payload).into();
        client.connection.as_mut().start_send(frame).expect("ready");
        count += 1;
    }
    go.send(count).expect("the server waits");
    client.flush().await.expect("flushed");
    assert!(client.is_ready().await);
    assert_eq!(client.message().await, "all");
    finish(server);
}

/// Reads a request, and returns the head of the answer that accepts it.
fn acceptance(stream: &mut TcpStream) -> String {
    let request = read_request(stream);
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .expect("a key in the request");
    let accept = derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

async fn frames_that_arrive_with_the_answer_are_kept<C: Connection>(
    dial: &impl AsyncFn(String) -> Dialed<C>,
) {
    let (url, server) = serve_raw(|mut stream| {
        let mut bytes = acceptance(&mut stream).into_bytes();
        bytes.extend([0x81, 5, b'f', b'i', b'r', b's', b't', 0x88, 0]);
        stream.write_all(&bytes).expect("sent");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    });
    let mut client = Client::dial(dial, url).await;
    assert_eq!(client.message().await, "first");
    assert_eq!(client.frame().await, Frame::Close(None));
    drop(client);
    finish(server);
}
