//! The rules for the end of a connection.

use std::{
    io::{Read, Write},
    thread,
};

use tungstenite::{Message as Ws, protocol::CloseFrame as WsCloseFrame};
use websocket_heartbeat::{CloseFrame, Connection, ErrorKind, Frame, Message};

use super::{
    client::{Client, Dialed},
    server::{finish, serve, serve_raw},
};

fn close_with(code: u16, reason: &str) -> Ws {
    Ws::Close(Some(WsCloseFrame { code: code.into(), reason: reason.into() }))
}

pub(super) async fn the_peers_close_is_reported_and_answered<C: Connection>(
    dial: &impl AsyncFn(String) -> Dialed<C>,
) {
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
        assert_eq!(client.message().await, "before");
        assert_eq!(client.frame().await, reported);
        client.flush().await.expect("the answer can be written");
        finish(server);
        client.ends().await;
    }
}

pub(super) async fn our_close_waits_for_the_peers<C: Connection>(
    dial: &impl AsyncFn(String) -> Dialed<C>,
) {
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
    assert_eq!(client.message().await, "late");
    assert_eq!(client.frame().await, Frame::Close(Some(close)));
    finish(server);
    client.ends().await;
}

pub(super) async fn a_close_handshake_shuts_the_connection_down<C: Connection>(
    dial: &impl AsyncFn(String) -> Dialed<C>,
) {
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

pub(super) async fn the_end_without_a_close_frame_is_an_error<C: Connection>(
    dial: &impl AsyncFn(String) -> Dialed<C>,
) {
    let (url, server) = serve(|mut server| server.send("last".into()).expect("sent"));
    let mut client = Client::dial(dial, url).await;
    assert_eq!(client.message().await, "last");
    assert_eq!(client.fails().await, ErrorKind::Ended);
    finish(server);
}

pub(super) async fn a_protocol_violation_is_an_error<C: Connection>(
    dial: &impl AsyncFn(String) -> Dialed<C>,
) {
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

pub(super) async fn a_drop_ends_the_connection_at_once<C: Connection>(
    dial: &impl AsyncFn(String) -> Dialed<C>,
) {
    let (url, server) = serve(|mut server| {
        // In one write, since the client resets the connection after the first message.
        server.write("here".into()).expect("buffered");
        server.write("unread".into()).expect("buffered");
        server.flush().expect("sent");
        // The client has unread and unsent data, and sends no close frame.
        assert!(server.read().is_err(), "the stream ends");
    });
    let mut client = Client::dial(dial, url).await;
    client.message().await;
    assert!(client.is_ready().await);
    client.connection.as_mut().start_send(Message::text("unsent").into()).expect("ready");
    drop(client);
    finish(server);
}

pub(super) async fn a_failed_write_does_not_end_reading<C: Connection>(
    dial: &impl AsyncFn(String) -> Dialed<C>,
) {
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
    assert_eq!(client.message().await, "last words");
    let close = Frame::Close(Some(CloseFrame::new(4002, "overloaded")));
    assert_eq!(client.frame().await, close);
    client.ends().await;
}
