//! [`contract`]: the rules of a connection.

use std::{
    future::{Future, poll_fn},
    io::{Read, Write},
    net::TcpStream,
    pin::Pin,
    task::Poll,
    thread,
};

use tungstenite::{
    Message as Ws,
    handshake::derive_accept_key,
    protocol::{
        CloseFrame as WsCloseFrame,
        frame::{
            Frame as WsFrame,
            coding::{Data, OpCode},
        },
    },
};
use websocket_heartbeat::{
    CloseFrame, Connection, ErrorKind, Established, Frame, Message, TransportError,
};

use super::server::{finish, read_request, serve, serve_raw};

/// Checks every rule with connections that `dial` makes to a `ws://` URL.
///
/// # Panics
///
/// If a rule is broken.
pub async fn contract<C, F>(dial: impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
    messages_are_received_complete(&dial).await;
    a_large_message_is_sent_and_received(&dial).await;
    pings_are_answered_and_reported(&dial).await;
    our_pings_and_pongs_are_sent(&dial).await;
    the_peers_close_is_reported_and_answered(&dial).await;
    our_close_waits_for_the_peers(&dial).await;
    a_close_handshake_shuts_the_connection_down(&dial).await;
    the_end_without_a_close_frame_is_an_error(&dial).await;
    a_protocol_violation_is_an_error(&dial).await;
    back_pressure_reaches_the_sender(&dial).await;
    frames_that_arrive_with_the_answer_are_kept(&dial).await;
    a_drop_ends_the_connection_at_once(&dial).await;
    // On other systems a reset discards the bytes that were received before it.
    if cfg!(target_os = "linux") {
        a_failed_write_does_not_end_reading(&dial).await;
    }
}

/// A connection with the steps of the rules.
struct Client<C> {
    connection: Pin<Box<C>>,
}

impl<C: Connection> Client<C> {
    async fn dial<F>(dial: &impl Fn(String) -> F, url: String) -> Self
    where
        F: Future<Output = Result<Established<C>, TransportError>>,
    {
        let established = dial(url).await.expect("the server accepts");
        Self { connection: Box::pin(established.connection) }
    }

    async fn next(&mut self) -> Option<Result<Frame, TransportError>> {
        poll_fn(|cx| self.connection.as_mut().poll_next(cx)).await
    }

    async fn frame(&mut self) -> Frame {
        self.next().await.expect("a frame, not the end").expect("a frame, not an error")
    }

    async fn message(&mut self) -> Message {
        match self.frame().await {
            Frame::Message(message) => message,
            other => panic!("a message, not {other:?}"),
        }
    }

    async fn send(&mut self, frame: impl Into<Frame>) -> Result<(), TransportError> {
        poll_fn(|cx| self.connection.as_mut().poll_ready(cx)).await?;
        self.connection.as_mut().start_send(frame.into())?;
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), TransportError> {
        poll_fn(|cx| self.connection.as_mut().poll_flush(cx)).await
    }

    /// Whether another frame would be accepted now.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.connection.as_mut().poll_ready(cx).is_ready())).await
    }

    async fn ends(&mut self) {
        for _ in 0..2 {
            let next = self.next().await;
            assert!(next.is_none(), "there is no frame after the end: {next:?}");
        }
    }

    async fn fails(&mut self) -> ErrorKind {
        let next = self.next().await;
        let Some(Err(error)) = next else { panic!("an error, not {next:?}") };
        self.ends().await;
        error.kind()
    }
}

fn close_with(code: u16, reason: &str) -> Ws {
    Ws::Close(Some(WsCloseFrame { code: code.into(), reason: reason.into() }))
}

fn fragment(text: &'static str, kind: Data, last: bool) -> Ws {
    Ws::Frame(WsFrame::message(text, OpCode::Data(kind), last))
}

async fn messages_are_received_complete<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
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
    assert_eq!(client.message().await, "héllo".into());
    client.flush().await.expect("flushed");
    finish(server);
}

async fn a_large_message_is_sent_and_received<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
    let (url, server) = serve(|mut server| {
        let message = server.read().expect("a message");
        server.send(message).expect("sent");
    });
    let mut client = Client::dial(dial, url).await;
    let before = client.connection.bytes_written();
    let message = Message::binary((0..=255).cycle().take(5 << 20).collect::<Vec<u8>>());
    client.send(message.clone()).await.expect("sent");
    if let (Some(before), Some(after)) = (before, client.connection.bytes_written()) {
        assert!(after - before >= 5 << 20, "progress counts the written bytes: {before} {after}");
    }
    assert!(client.message().await == message, "the echo equals the sent message");
    finish(server);
}

async fn pings_are_answered_and_reported<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
    let (url, server) = serve(|mut server| {
        server.send(Ws::Ping("ping".into())).expect("sent");
        let pong = server.read().expect("an answer, though the client only reads");
        assert_eq!(pong, Ws::Pong("ping".into()));
        server.send("done".into()).expect("sent");
    });
    let mut client = Client::dial(dial, url).await;
    assert_eq!(client.frame().await, Frame::Ping("ping".into()));
    assert_eq!(client.message().await, "done".into());
    finish(server);
}

async fn our_pings_and_pongs_are_sent<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
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

async fn the_peers_close_is_reported_and_answered<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
    for (sent, reported) in [
        (close_with(4001, "go"), Frame::Close(Some(CloseFrame::new(4001, "go")))),
        (Ws::Close(None), Frame::Close(None)),
    ] {
        let (url, server) = serve(move |mut server| {
            server.send("before".into()).expect("sent");
            server.send(sent.clone()).expect("sent");
            assert_eq!(server.read().expect("an answer"), sent);
        });
        let mut client = Client::dial(dial, url).await;
        assert_eq!(client.message().await, "before".into());
        assert_eq!(client.frame().await, reported);
        client.flush().await.expect("the answer can be written");
        finish(server);
        client.ends().await;
    }
}

async fn our_close_waits_for_the_peers<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
    let (url, server) = serve_raw(|stream| {
        let raw = stream.try_clone().expect("cloned");
        let mut server = tungstenite::accept(stream).expect("a WebSocket client");
        // A message that was sent before the close frame arrived, and before tungstenite's answer.
        (&raw).write_all(&[0x81, 4, b'l', b'a', b't', b'e']).expect("sent");
        assert_eq!(server.read().expect("a close frame"), close_with(1000, "bye"));
        assert!(server.flush().is_err(), "answered, and the stream is done");
    });
    let mut client = Client::dial(dial, url).await;
    let close = CloseFrame::new(1000, "bye");
    client.send(Frame::Close(Some(close.clone()))).await.expect("sent");
    let refused = client.send(Message::text("too late")).await;
    assert!(refused.is_err(), "no data after a close frame");
    client.send(Frame::Close(None)).await.expect("closing twice is harmless");
    assert_eq!(client.message().await, "late".into());
    assert_eq!(client.frame().await, Frame::Close(Some(close)));
    finish(server);
    client.ends().await;
}

async fn a_close_handshake_shuts_the_connection_down<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
    for server_begins in [true, false] {
        let (url, server) = serve_raw(move |stream| {
            let mut raw = stream.try_clone().expect("cloned");
            let mut server = tungstenite::accept(stream).expect("a WebSocket client");
            if server_begins {
                server.send(close_with(1000, "")).expect("sent");
            }
            assert_eq!(server.read().expect("a close frame"), close_with(1000, ""));
            assert!(server.flush().is_err(), "both have closed");
            let rest = raw.read(&mut [0]).expect("the end of the stream, not a reset");
            assert_eq!(rest, 0, "after a flush the stream has ended");
        });
        let mut client = Client::dial(dial, url).await;
        let close = Frame::Close(Some(CloseFrame::new(1000, "")));
        if !server_begins {
            client.send(close.clone()).await.expect("sent");
        }
        assert_eq!(client.frame().await, close);
        client.flush().await.expect("flushed");
        finish(server);
        client.ends().await;
    }
}

async fn the_end_without_a_close_frame_is_an_error<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
    let (url, server) = serve(|mut server| server.send("last".into()).expect("sent"));
    let mut client = Client::dial(dial, url).await;
    assert_eq!(client.message().await, "last".into());
    assert_eq!(client.fails().await, ErrorKind::Ended);
    finish(server);
}

async fn a_protocol_violation_is_an_error<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
    for bytes in [
        // A reserved opcode; a masked frame; a reserved bit; text that is not UTF-8; forbidden
        // close codes, and half of one.
        &[0x83, 0][..],
        &[0x82, 0x80, 0, 0, 0, 0],
        &[0xc2, 0],
        &[0x81, 1, 0xff],
        &[0x88, 2, 0x03, 0xe7],
        &[0x88, 2, 0x03, 0xed],
        &[0x88, 1, 0x03],
    ] {
        let (url, server) = serve_raw(move |stream| {
            let mut server = tungstenite::accept(stream).expect("a WebSocket client");
            server.get_mut().write_all(bytes).expect("sent");
            // Until the client ends the connection.
            while server.read().is_ok() {}
        });
        let mut client = Client::dial(dial, url).await;
        assert_eq!(client.fails().await, ErrorKind::Protocol, "{bytes:x?}");
        drop(client);
        finish(server);
    }
}

async fn back_pressure_reaches_the_sender<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
    let (go, begin) = std::sync::mpsc::channel::<u64>();
    let (url, server) = serve(move |mut server| {
        let count = begin.recv().expect("the client goes on");
        for number in 0..count {
            let message = server.read().expect("a message").into_data();
            assert_eq!(message[..8], number.to_le_bytes(), "in order, nothing missing");
        }
        server.send("all".into()).expect("sent");
    });
    let mut client = Client::dial(dial, url).await;
    let mut count = 0_u64;
    // The buffers to a peer that does not read hold at most some megabytes.
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
    assert_eq!(client.message().await, "all".into());
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

async fn frames_that_arrive_with_the_answer_are_kept<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
    let (url, server) = serve_raw(|mut stream| {
        let mut bytes = acceptance(&mut stream).into_bytes();
        bytes.extend([0x81, 5, b'f', b'i', b'r', b's', b't', 0x88, 0]);
        stream.write_all(&bytes).expect("sent");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    });
    let mut client = Client::dial(dial, url).await;
    assert_eq!(client.message().await, "first".into());
    assert_eq!(client.frame().await, Frame::Close(None));
    drop(client);
    finish(server);
}

async fn a_drop_ends_the_connection_at_once<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
    let (url, server) = serve(|mut server| {
        server.send("here".into()).expect("sent");
        // The client has unread and unsent data, and sends no close frame.
        server.send("unread".into()).expect("sent");
        assert!(server.read().is_err(), "the stream ends");
    });
    let mut client = Client::dial(dial, url).await;
    client.message().await;
    assert!(client.is_ready().await);
    client.connection.as_mut().start_send(Message::text("unsent").into()).expect("ready");
    drop(client);
    finish(server);
}

async fn a_failed_write_does_not_end_reading<C, F>(dial: &impl Fn(String) -> F)
where
    C: Connection,
    F: Future<Output = Result<Established<C>, TransportError>>,
{
    let (url, server) = serve(|mut server| {
        server.get_mut().peek(&mut [0]).expect("something to leave unread");
        server.send("last words".into()).expect("sent");
        server.send(close_with(4002, "overloaded")).expect("sent");
        // Closing with unread data resets the connection.
    });
    let mut client = Client::dial(dial, url).await;
    client.send(Message::text("never read")).await.expect("sent");
    finish(server);
    let mut tries = 0;
    while client.send(Message::text("more")).await.is_ok() {
        tries += 1;
        assert!(tries < 1000, "writing fails after a reset");
        thread::yield_now();
    }
    assert_eq!(client.message().await, "last words".into());
    let close = Frame::Close(Some(CloseFrame::new(4002, "overloaded")));
    assert_eq!(client.frame().await, close);
    client.ends().await;
}
